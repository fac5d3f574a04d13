"""Raw rows as a source hands them over, made for the tests of validation, and what it makes of them."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from pipeline.calendars import trading_calendar
from pipeline.ingest.validate import validate
from pipeline.settings import AssetSettings
from pipeline.types import OHLC, RAW_COLUMNS, DecidedRow, Decision, RawPrices, ValidatedPrices

STOCK = AssetSettings(symbol="ABC", calendar="XNYS")
AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
WEEK = [f"2024-05-{day:02d}" for day in range(6, 11)]
NAN, INF = float("nan"), float("inf")


def raw(dates: list[str], **columns: object) -> RawPrices:
    """From dates as text, make raw prices with a good bar for each; given columns replace its values."""
    values: dict[str, object] = {
        "open": 10.0,
        "high": 12.0,
        "low": 9.0,
        "close": 11.0,
        "adj_close": 11.0,
        "volume": 100.0,
        "dividend": np.nan,
        "split_ratio": np.nan,
    }
    rows = pd.DataFrame({"date_text": dates, **(values | columns)})
    rows["session_date"] = pd.to_datetime(rows["date_text"], format="%Y-%m-%d", errors="coerce").astype(
        "datetime64[s]"
    )
    return RawPrices("ABC", "prices.csv", rows[list(RAW_COLUMNS)], date(2024, 5, 1))


def judged(
    given_rows: RawPrices,
    asset: AssetSettings = STOCK,
    as_of: datetime = AS_OF,
    decided: tuple[DecidedRow, ...] = (),
) -> ValidatedPrices:
    """From raw prices, and what a person decided on some of them, make what validation believes of them."""
    return validate(given_rows, asset, trading_calendar(asset.calendar, 30), as_of, decided)


DECIDED_ON = np.datetime64("2024-05-07", "D")
"""When a person decides, unless a test says otherwise."""


def decision(
    rows: RawPrices, row: int, what: Decision = Decision.RELEASED, on: np.datetime64 = DECIDED_ON
) -> DecidedRow:
    """From raw prices and the number of a row, make the decision of a person on that row as it was read."""
    opened, high, low, close = (float(rows.rows[name][row]) for name in OHLC)
    return DecidedRow(np.datetime64(rows.rows["date_text"][row], "D"), (opened, high, low, close), what, on)


def reasons(prices: ValidatedPrices) -> list[str]:
    """From validated prices, list the reason of each row that is not believed."""
    return [bar.reason for bar in prices.quarantined]


def gaps_of(prices: ValidatedPrices) -> list[str]:
    """From validated prices, list the expected sessions without a bar, from the first bar to the newest."""
    first, newest = prices.bars.session_dates[[0, -1]]
    inside = prices.expected[(prices.expected >= first) & (prices.expected <= newest)]
    return [str(day) for day in np.setdiff1d(inside, prices.bars.session_dates)]


def dates_of(prices: ValidatedPrices) -> list[str]:
    """From validated prices, list the sessions of the bars that are believed."""
    return [str(day) for day in prices.bars.session_dates]
