"""The market behind the stand-in: what it tells when, and what is true."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yfinance
from hypothesis import given
from hypothesis import strategies as st

from tests.yahoo.authority import make_authority
from tests.yahoo.client import sent_to
from tests.yahoo.distortions import DividendAdjusted, NullRows
from tests.yahoo.faults import Fault
from tests.yahoo.made import coin, stock
from tests.yahoo.market import END_OF_TIME, Market
from tests.yahoo.server import running

FIRST, LAST = date(2025, 5, 1), date(2025, 7, 11)
EVENING = datetime(2025, 6, 11, 22, 0, tzinfo=UTC)
NOON = datetime(2025, 6, 12, 16, 0, tzinfo=UTC)
TODAY = date(2025, 6, 12)
STOCK = stock(FIRST, LAST, seed=1)
SPLIT = stock(FIRST, LAST, seed=1, splits={TODAY: (4, 1)})
COIN = coin(FIRST, LAST, seed=2)
MOMENTS = st.integers(0, 70 * 24 * 60).map(lambda n: datetime(2025, 5, 2, tzinfo=UTC) + timedelta(minutes=n))
SETTLE = 30


def market_of(now: datetime, **series: Any) -> Market:
    market = Market(now)
    market.series.update(series)
    return market


def told(market: Market, symbol: str, first: int = 0, end: int = END_OF_TIME) -> pd.DataFrame:
    """The rows of an answer by their stamps."""
    said = market.answer(symbol, {"period1": str(first), "period2": str(end)})
    (result,) = json.loads(said.body)["chart"]["result"]
    rows: dict[str, list[float]] = result["indicators"]["quote"][0]
    return pd.DataFrame(rows, index=pd.to_datetime(result.get("timestamp", []), unit="s", utc=True))


@given(now=MOMENTS)
def test_nothing_of_the_future_is_told(now: datetime) -> None:
    market = market_of(now, STOCK=STOCK, COIN=COIN)

    for symbol in ("STOCK", "COIN"):
        stamps = told(market, symbol).index
        assert stamps.max() <= now
        assert stamps.is_monotonic_increasing


@given(now=MOMENTS)
def test_a_session_is_told_from_its_opening_on_and_final_after_its_close(now: datetime) -> None:
    market = market_of(now, STOCK=STOCK)
    opened = [bar for bar in STOCK.bars if STOCK.hours.opening(bar.day) <= now]

    rows = told(market, "STOCK")

    assert len(rows) == len(opened)
    final = opened[-1]
    newest = rows.iloc[-1]
    if STOCK.hours.closing(final.day) <= now:
        assert newest["close"] == pytest.approx(final.close)
        assert newest["volume"] == final.volume
    else:
        assert newest["volume"] < final.volume
        assert newest["high"] <= final.high * (1 + 1e-7)
        assert newest["low"] >= final.low * (1 - 1e-7)


def test_an_open_bar_has_another_close_than_in_the_end() -> None:
    market = market_of(NOON, STOCK=STOCK)
    at_noon = told(market, "STOCK").iloc[-1]

    market.now = EVENING + timedelta(days=1)
    in_the_evening = told(market, "STOCK").iloc[-1]

    assert abs(at_noon["close"] / in_the_evening["close"] - 1.0) > 1e-3
    assert in_the_evening["high"] > at_noon["high"]


def test_the_period_is_that_of_the_question() -> None:
    market = market_of(EVENING, STOCK=STOCK)
    monday, wednesday = (STOCK.hours.opening(date(2025, 6, day)) for day in (9, 11))

    rows = told(market, "STOCK", int(monday.timestamp()), int(wednesday.timestamp()))

    assert [stamp.day for stamp in rows.index] == [9, 10]


@given(now=MOMENTS)
def test_the_truth_ends_with_the_newest_settled_session(now: datetime) -> None:
    market = market_of(now, STOCK=STOCK, COIN=COIN)

    for symbol, series in market.series.items():
        bars = market.truth(symbol, SETTLE)
        closings = [series.hours.closing(bar.day) for bar in series.bars]
        assert len(bars) == sum(closing + timedelta(minutes=SETTLE) <= now for closing in closings)


def test_a_half_day_settles_early() -> None:
    market = market_of(datetime(2025, 7, 3, 17, 31, tzinfo=UTC), STOCK=STOCK)

    assert market.truth("STOCK", SETTLE)[-1].day == date(2025, 7, 3)


def test_the_truth_follows_a_split_from_the_opening_of_its_ex_date_on() -> None:
    market = market_of(EVENING, STOCK=SPLIT)
    before = market.truth("STOCK", SETTLE)
    assert told(market, "STOCK")["close"].tolist() == [bar.close for bar in before]

    market.now = NOON
    after = market.truth("STOCK", SETTLE)

    assert [bar.day for bar in after] == [bar.day for bar in before]
    assert [bar.close for bar in after] == pytest.approx([bar.close / 4 for bar in before])
    assert [bar.volume for bar in after] == pytest.approx([bar.volume * 4 for bar in before], abs=3)
    assert told(market, "STOCK")["close"].tolist()[:-1] == [bar.close for bar in after]
    assert market.truth("STOCK", SETTLE, at=EVENING) == before


def test_events_come_with_their_ex_dates_in_the_units_of_the_moment() -> None:
    early = date(2025, 5, 20)
    series = stock(FIRST, LAST, seed=1, dividends={early: 0.25}, splits={TODAY: (4, 1)})
    market = market_of(EVENING, STOCK=series)
    assert market.events("STOCK") == {(early, "dividend"): 1.0}

    market.now = NOON
    assert market.events("STOCK") == {(early, "dividend"): 0.25, (TODAY, "split"): 4.0}


def test_the_truth_follows_what_is_right_and_no_distortion() -> None:
    market = market_of(EVENING, STOCK=stock(FIRST, LAST, seed=1, dividends={date(2025, 6, 2): 5.0}))
    before = market.truth("STOCK", SETTLE)

    market.distort("STOCK", NullRows({date(2025, 6, 3)}))
    assert market.truth("STOCK", SETTLE) == before
    market.distort("STOCK", DividendAdjusted())
    adjusted = market.truth("STOCK", SETTLE)

    ratios = {round(new.close / old.close, 5) for new, old in zip(adjusted, before, strict=True)}
    assert len(ratios) == 2
    assert max(ratios) == 1.0
    market.heal()
    assert market.truth("STOCK", SETTLE) == adjusted


def test_more_days_do_not_change_a_walk() -> None:
    longer = stock(FIRST, LAST + timedelta(days=60), seed=1)

    assert longer.bars[: len(STOCK.bars)] == STOCK.bars
    assert all(bar.low <= min(bar.open, bar.close) for bar in longer.bars)
    assert all(bar.high >= max(bar.open, bar.close) for bar in longer.bars)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    """A market that the real yfinance talks to."""
    market = market_of(NOON, SPLIT=SPLIT, COIN=COIN)
    authority = make_authority(tmp_path)
    yfinance.set_tz_cache_location(str(tmp_path))
    with running(market, authority) as proxy, sent_to(proxy, authority):
        yield market


def asked_of_yfinance(symbol: str) -> pd.DataFrame:
    frame: pd.DataFrame = yfinance.Ticker(symbol).history(start=FIRST.isoformat(), auto_adjust=False)
    return frame


def test_yfinance_sees_the_truth_and_the_open_bar(market: Market) -> None:
    for symbol in ("SPLIT", "COIN"):
        frame, truth = asked_of_yfinance(symbol), market.truth(symbol, settle_minutes=0)

        assert [stamp.date() for stamp in frame.index] == [*(bar.day for bar in truth), TODAY]
        assert frame["Close"].tolist()[:-1] == [bar.close for bar in truth]
        assert frame["Volume"].tolist()[:-1] == [bar.volume for bar in truth]


def test_yfinance_sees_a_split_restate_the_history(market: Market) -> None:
    market.now = EVENING
    before = asked_of_yfinance("SPLIT")
    market.now = NOON

    after = asked_of_yfinance("SPLIT")

    assert after["Stock Splits"].tolist() == [0.0] * len(before) + [4.0]
    assert (after["Close"].iloc[:-1] * 4).tolist() == pytest.approx(before["Close"].tolist())


def test_yfinance_sees_nothing_after_an_empty_answer(market: Market) -> None:
    market.fail("COIN", Fault.EMPTY, times=1)

    assert asked_of_yfinance("COIN").empty
    assert not asked_of_yfinance("COIN").empty
