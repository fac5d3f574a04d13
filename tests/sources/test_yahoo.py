"""The Yahoo adapter, with the real yfinance talking to a stand-in: what it asks for, and what comes."""

import time
import warnings
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

import pytest

from pipeline.settings import AssetSettings
from pipeline.sources import open_source
from pipeline.sources.yahoo import YahooSource
from pipeline.types import RAW_COLUMNS
from tests.sources.week import AAPL, AS_OF, MONDAY, PATIENT, START, bar, week
from tests.yahoo.distortions import NullRows
from tests.yahoo.faults import Question
from tests.yahoo.market import Market
from tests.yahoo.series import ROUND_THE_CLOCK, Hours, Series


def test_rows_come_as_raw_columns_in_order(source: YahooSource) -> None:
    raw = source.download(AAPL, START, AS_OF)

    assert (raw.symbol, raw.origin) == ("AAPL", "Yahoo Finance")
    assert tuple(raw.rows.columns) == RAW_COLUMNS
    assert raw.rows["date_text"].tolist() == [f"2024-05-{day:02d}" for day in range(6, 11)]
    assert raw.rows["close"].tolist() == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert raw.rows["adj_close"].tolist() == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert raw.rows[["dividend", "split_ratio"]].to_numpy().tolist() == [[0.0, 0.0]] * 5


@pytest.mark.parametrize(
    ("zone", "opens_at"),
    [
        pytest.param("America/New_York", clock_time(9, 30), id="New York"),
        pytest.param("Asia/Seoul", clock_time(9, 0), id="Seoul"),
        pytest.param(
            "Pacific/Auckland", clock_time(10, 0), id="Auckland, whose sessions open a UTC day earlier"
        ),
        pytest.param("UTC", clock_time(0, 0), id="crypto"),
    ],
)
def test_the_session_date_is_the_exchanges_own(
    market: Market, source: YahooSource, zone: str, opens_at: clock_time
) -> None:
    market.series["AAPL"] = week(hours=Hours(zone, opens_at, timedelta(hours=6)))

    dates = source.download(AAPL, START, AS_OF).rows["session_date"].to_numpy()

    assert dates.astype("datetime64[D]").tolist() == [MONDAY + timedelta(days=n) for n in range(5)]


def test_dividends_and_splits_stand_on_their_ex_dates(market: Market, source: YahooSource) -> None:
    tuesday, thursday = MONDAY + timedelta(days=1), MONDAY + timedelta(days=3)
    market.series["AAPL"] = week(dividends={tuesday: 0.25}, splits={thursday: (4, 1)})

    rows = source.download(AAPL, START, AS_OF).rows

    assert rows["dividend"].tolist() == [0.0, 0.25, 0.0, 0.0, 0.0]
    assert rows["split_ratio"].tolist() == [0.0, 0.0, 0.0, 4.0, 0.0]
    assert rows["adj_close"].tolist() == pytest.approx([99.75, 101.0, 102.0, 103.0, 104.0])


def test_a_null_row_stays_as_missing_prices(market: Market, source: YahooSource) -> None:
    market.distort("AAPL", NullRows({MONDAY + timedelta(days=4)}))

    rows = source.download(AAPL, START, AS_OF).rows

    assert len(rows) == 5
    assert rows.loc[4, ["open", "high", "low", "close"]].isna().all()


def test_a_session_that_is_still_open_comes_as_the_last_row(market: Market, source: YahooSource) -> None:
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=n) for n in (2, 1, 0)]
    market.series["BTC-USD"] = Series(tuple(bar(day, 50.0) for day in days), ROUND_THE_CLOCK)

    rows = source.download(AssetSettings(symbol="BTC-USD"), days[0], AS_OF).rows

    assert rows["date_text"].tolist() == [day.isoformat() for day in days]


@pytest.mark.parametrize(
    ("currency", "zone"), [("USD", "America/New_York"), ("GBp", "Europe/London"), ("KRW", "Asia/Seoul")]
)
def test_currency_and_time_zone_come_with_the_prices_and_cost_no_request(
    market: Market, source: YahooSource, currency: str, zone: str
) -> None:
    market.series["AAPL"] = week(currency=currency, hours=Hours(zone, clock_time(9, 0), timedelta(hours=6)))

    raw = source.download(AAPL, START, AS_OF)

    assert (raw.currency, raw.time_zone) == (currency, zone)
    assert [question for _, question, _ in market.asked] == [Question.TIME_ZONE, Question.HISTORY]


def test_a_currency_that_yahoo_does_not_say_is_empty(market: Market, source: YahooSource) -> None:
    market.series["AAPL"] = week(currency=None)

    assert source.download(AAPL, START, AS_OF).currency == ""


def test_it_asks_from_the_start_to_now_in_exchange_time(market: Market, source: YahooSource) -> None:
    source.download(AAPL, date(2024, 5, 8), AS_OF)

    symbol, question, query = market.asked[-1]
    assert (symbol, question) == ("AAPL", Question.HISTORY)
    assert int(query["period1"]) == datetime(2024, 5, 8, 4, tzinfo=UTC).timestamp()
    assert int(query["period2"]) == pytest.approx(time.time(), abs=60.0)


def test_the_same_window_is_asked_for_anew_each_time(market: Market, source: YahooSource) -> None:
    source.download(AAPL, START, AS_OF)
    market.series["AAPL"] = Series(week().bars[:3])

    assert len(source.download(AAPL, START, AS_OF).rows) == 3


def test_a_user_sees_no_deprecations_of_yfinance(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.filterwarnings("default", module="^yfinance")
        YahooSource(PATIENT, tmp_path)
        for module, kind in (("yfinance.utils", DeprecationWarning), ("yfinance.utils", UserWarning)):
            warnings.warn_explicit("old", kind, "utils.py", 1, module=module)

    assert [one.category for one in shown] == [UserWarning]


def test_yfinance_keeps_its_files_in_the_given_folder(source: YahooSource, tmp_path: Path) -> None:
    source.download(AAPL, START, AS_OF)

    assert (tmp_path / "tkr-tz.db").is_file()


def test_the_registry_knows_it() -> None:
    assert open_source("yahoo", PATIENT).name == "yahoo"
