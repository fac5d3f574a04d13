"""What to believe of a download: settled, consistent bars on expected sessions, and why not the rest."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.calendars import TradingCalendar
from pipeline.errors import SourceError
from pipeline.settings import AssetSettings
from pipeline.types import (
    ActionKind,
    Bars,
    CorporateAction,
    DateArray,
    RawPrices,
    RejectedBar,
    ValidatedPrices,
)

PRICES = ["open", "high", "low", "close"]
NUMBERS = [*PRICES, "adj_close", "volume", "dividend", "split_ratio"]
COMPARED = [*PRICES, "volume", "dividend", "split_ratio"]
ROUNDING = 1e-6
"""Relative; prices that went through float32 differ by less."""

UNREADABLE_DATE = "date cannot be read"
NO_SESSION = "not a session of the calendar"
NO_PRICES = "all prices missing"
MISSING_PRICE = "a price is missing"
NOT_FINITE = "a price is not finite"
NOT_POSITIVE = "a price is not positive"
HIGH_BELOW_LOW = "high is below low"
OUTSIDE_RANGE = "open or close lies outside low to high"
BAD_VOLUME = "volume is negative or not finite"
CONFLICT = "conflicting rows for one date"


def validate(
    raw: RawPrices, asset: AssetSettings, calendar: TradingCalendar, as_of: datetime
) -> ValidatedPrices:
    """Judge every row of `raw` by what may be known at `as_of` (an aware moment).

    Rows of sessions that are not settled at `as_of` are left out without a word: they come again. Every other
    row is either accepted or rejected with a reason; of equal rows for one date, one is accepted, and
    differing ones are all rejected. Accepted bars are sorted. A volume that is missing beside good prices
    becomes 0. Where rounding puts an open or close outside [low, high] by less than ROUNDING, the range is
    widened to it.

    Actions are the dividends above 0 and the splits other than 1 on accepted rows. `missing` runs from the
    first accepted bar to the newest one.

    Raises SourceError when no row is settled yet, or none is accepted.
    """
    last_settled = calendar.last_settled(as_of)
    rows = _settled(raw, asset, last_settled)
    dates = rows["session_date"].to_numpy().astype("datetime64[D]")
    known = dates[~np.isnat(dates)]
    sessions = calendar.sessions(known.min(), known.max()) if len(known) else known
    reasons = _reasons(rows, np.isin(dates, sessions))
    accepted = rows[reasons == ""].sort_values("session_date", kind="stable")
    rejected = _rejected(asset.symbol, rows, reasons)
    if accepted.empty:
        raise _nothing_left(raw, asset, rejected)
    accepted = accepted.drop_duplicates("session_date")
    bars = _bars(asset.symbol, accepted)
    first, newest = bars.session_dates[[0, -1]]
    expected = sessions[(sessions >= first) & (sessions <= newest)]
    missing = np.setdiff1d(expected, bars.session_dates, assume_unique=True)
    return ValidatedPrices(bars, rejected, _actions(asset.symbol, accepted), missing)


def _settled(raw: RawPrices, asset: AssetSettings, last_settled: np.datetime64) -> pd.DataFrame:
    """The rows that are settled or whose date cannot be read."""
    dates = raw.rows["session_date"]
    if dates.notna().any() and dates.min() > pd.Timestamp(last_settled):
        raise SourceError(
            asset.symbol,
            f"{raw.origin} has no price settled by {last_settled}: its first is of {dates.min():%Y-%m-%d}",
            "Choose a later --as-of.",
        )
    settled: pd.DataFrame = raw.rows[~(dates > pd.Timestamp(last_settled))]
    return settled


def _reasons(rows: pd.DataFrame, is_session: npt.NDArray[np.bool_]) -> npt.NDArray[np.str_]:
    """Why each of the (n,) rows is not believed, the first reason that holds; empty where it is."""
    prices = rows[PRICES].to_numpy()
    opens, highs, lows, closes = prices.T
    volumes = rows["volume"].to_numpy()
    with np.errstate(invalid="ignore"):
        top, bottom = highs * (1.0 + ROUNDING), lows * (1.0 - ROUNDING)
        is_outside = (np.maximum(opens, closes) > top) | (np.minimum(opens, closes) < bottom)
    reasons = np.select(
        [
            rows["session_date"].isna().to_numpy(),
            ~is_session,
            np.isnan(prices).all(axis=1),
            np.isnan(prices).any(axis=1),
            np.isinf(prices).any(axis=1),
            (prices <= 0.0).any(axis=1),
            top < lows,
            is_outside,
            (volumes < 0.0) | np.isinf(volumes),
        ],
        [
            UNREADABLE_DATE,
            NO_SESSION,
            NO_PRICES,
            MISSING_PRICE,
            NOT_FINITE,
            NOT_POSITIVE,
            HIGH_BELOW_LOW,
            OUTSIDE_RANGE,
            BAD_VOLUME,
        ],
        default="",
    )
    return np.where(_conflicts(rows, reasons == ""), CONFLICT, reasons)


def _conflicts(rows: pd.DataFrame, is_good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which (n,) rows are good by themselves, and differ from another good row of the same date."""
    good = rows[is_good]
    repeated = good[good["session_date"].duplicated(keep=False)]
    different = repeated.drop_duplicates(["session_date", *COMPARED])["session_date"]
    contested = different[different.duplicated()]
    return is_good & rows["session_date"].isin(contested).to_numpy()


def _rejected(symbol: str, rows: pd.DataFrame, reasons: npt.NDArray[np.str_]) -> tuple[RejectedBar, ...]:
    is_rejected = reasons != ""
    numbers = rows.loc[is_rejected, NUMBERS].to_numpy()
    return tuple(
        RejectedBar(symbol, str(text), str(reason), _as_json(values))
        for text, reason, values in zip(
            rows.loc[is_rejected, "date_text"], reasons[is_rejected], numbers.tolist(), strict=True
        )
    )


def _as_json(values: Iterable[float]) -> str:
    """A row as JSON text: null for NaN, and words for infinities, which JSON has no numbers for."""
    plain = [value if np.isfinite(value) else None if np.isnan(value) else str(value) for value in values]
    return json.dumps(dict(zip(NUMBERS, plain, strict=True)))


def _bars(symbol: str, rows: pd.DataFrame) -> Bars:
    prices = rows[PRICES].to_numpy()
    return Bars(
        symbol=symbol,
        session_dates=_days(rows),
        open=prices[:, 0].copy(),
        high=prices.max(axis=1),
        low=prices.min(axis=1),
        close=prices[:, 3].copy(),
        volume=np.nan_to_num(rows["volume"].to_numpy(), nan=0.0),
    )


def _actions(symbol: str, rows: pd.DataFrame) -> tuple[CorporateAction, ...]:
    dividends, splits = rows["dividend"].to_numpy(), rows["split_ratio"].to_numpy()
    events = {
        ActionKind.DIVIDEND: (dividends, np.isfinite(dividends) & (dividends > 0.0)),
        ActionKind.SPLIT: (splits, np.isfinite(splits) & (splits > 0.0) & (splits != 1.0)),
    }
    dates = _days(rows)
    return tuple(
        CorporateAction(symbol, dates[row], kind, float(values[row]))
        for kind, (values, is_event) in events.items()
        for row in np.flatnonzero(is_event)
    )


def _days(rows: pd.DataFrame) -> DateArray:
    return rows["session_date"].to_numpy().astype("datetime64[D]")


def _nothing_left(raw: RawPrices, asset: AssetSettings, rejected: tuple[RejectedBar, ...]) -> SourceError:
    if not rejected:
        return SourceError(asset.symbol, f"{raw.origin} gave no rows", "Check the symbol and the start date.")
    reason, count = Counter(bar.reason for bar in rejected).most_common(1)[0]
    return SourceError(
        asset.symbol,
        f"none of the {len(rejected)} rows of {raw.origin} can be used; most often ({count} rows): {reason}",
        f"Look at its rows, e.g. of '{rejected[0].date_text}', and at the asset's calendar {asset.calendar}.",
    )
