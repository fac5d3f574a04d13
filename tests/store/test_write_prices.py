"""What a download changes in the store: bars, units, events, gaps, quarantine and decisions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, func, select
from sqlalchemy.exc import IntegrityError

from pipeline.store import Connection, Engine, read
from pipeline.store.tables import corporate_actions, gaps, price_bars, rejected_bars
from pipeline.types import Bars, RejectedBar
from tests.store.examples import (
    NOON,
    SYMBOL,
    changed,
    dividend,
    later,
    make_bars,
    start_run,
    store,
    store_prices,
    validated,
)

FAR = np.datetime64("2100-01-01")


def count(conn: Connection, table: Table) -> int:
    return conn.scalar(select(func.count()).select_from(table)) or 0


def refused(
    session: str,
    close: float = 11.0,
    *,
    reason: str = "high is below low",
    adj_close: float = 11.0,
    date_text: str = "",
) -> RejectedBar:
    """A row with a high of 8 that was not believed."""
    row = f'{{"open": 10.0, "high": 8.0, "low": 9.0, "close": {close}, "adj_close": {adj_close}}}'
    day = np.datetime64(session or "NaT", "D")
    return RejectedBar(SYMBOL, date_text or session, day, reason, row)


def only(conn: Connection, table: Table) -> Any:
    return conn.execute(select(table)).one()


def test_prices_of_an_asset_that_is_not_registered_are_refused(conn: Connection) -> None:
    run_id = start_run(conn, "SPY")
    with pytest.raises(IntegrityError):
        store_prices(conn, validated(make_bars([1.0])), run_id, NOON)


def test_new_bars_are_counted_and_storing_them_again_adds_nothing(conn: Connection) -> None:
    run_id = start_run(conn)
    prices = validated(make_bars([10.0, 11.0, 12.0]))
    first = store_prices(conn, prices, run_id, NOON)
    again = store_prices(conn, prices, run_id, later(1))
    assert (first.new, first.revised, first.newest_session) == (3, 0, np.datetime64("2024-01-03"))
    assert (again.new, again.revised) == (0, 0)
    assert count(conn, price_bars) == 3


def test_a_changed_bar_becomes_a_revision_and_the_old_one_is_kept(conn: Connection) -> None:
    run_id = start_run(conn)
    store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, NOON)
    summary = store_prices(conn, validated(make_bars([10.0, 11.5])), run_id, later(1))
    rows = conn.execute(select(price_bars).order_by(price_bars.c.bar_id)).all()
    assert (summary.new, summary.revised) == (0, 1)
    assert [(row.close, row.revision, row.superseded_at_utc) for row in rows] == [
        (10.0, 0, None),
        (11.0, 0, later(1)),
        (11.5, 1, None),
    ]


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize(("change", "revised"), [(5e-7, 0), (5e-6, 1)], ids=["rounding", "a material change"])
def test_a_bar_is_revised_by_a_material_change_only(
    conn: Connection, name: str, change: float, revised: int
) -> None:
    run_id = start_run(conn)
    bars = make_bars([100.0])
    changed = replace(bars, **{name: getattr(bars, name) * (1 + change)})
    store_prices(conn, validated(bars), run_id, NOON)
    assert store_prices(conn, validated(changed), run_id, later(1)).revised == revised


def test_a_download_without_bars_leaves_no_newest_session(conn: Connection) -> None:
    summary = store_prices(conn, validated(make_bars([])), start_run(conn), NOON)
    assert (summary.new, np.isnat(summary.newest_session)) == (0, True)


def test_a_rejected_row_is_stored_once(conn: Connection) -> None:
    run_id = start_run(conn)
    rejected = (refused("2024-01-09"),) * 2
    prices = validated(make_bars([10.0]), rejected=rejected)
    assert store_prices(conn, prices, run_id, NOON).rejected == 1
    assert store_prices(conn, prices, run_id, later(1)).rejected == 0
    assert only(conn, rejected_bars).first_seen_at_utc == NOON


def test_a_gap_is_recorded_once_and_filled_when_its_bar_arrives(conn: Connection) -> None:
    run_id = start_run(conn)
    gappy = validated(make_bars([10.0]), missing=["2024-01-02"])
    assert [store_prices(conn, gappy, run_id, later(day)).missing for day in (0, 1)] == [1, 0]
    assert only(conn, gaps).filled_at_utc is None
    store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, later(2))
    assert only(conn, gaps).filled_at_utc == later(2)


def test_a_session_missing_from_a_download_is_no_gap_when_its_bar_is_stored(conn: Connection) -> None:
    run_id = start_run(conn)
    store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, NOON)
    gappy = validated(make_bars([10.0]), missing=["2024-01-02"])
    assert store_prices(conn, gappy, run_id, later(1)).missing == 0


@pytest.mark.parametrize(
    ("value", "kept"), [(0.50002, [0.5]), (0.6, [0.5, 0.6])], ids=["rounding", "a material change"]
)
def test_a_dividend_is_superseded_by_a_material_change_only(
    conn: Connection, value: float, kept: list[float]
) -> None:
    run_id = start_run(conn)
    bars = make_bars([10.0, 11.0])
    for day, amount in enumerate((0.5, value)):
        prices = validated(bars, actions=(dividend("2024-01-02", amount),))
        store_prices(conn, prices, run_id, later(day))
    rows = conn.execute(select(corporate_actions).order_by(corporate_actions.c.action_id)).all()
    assert [row.value for row in rows] == kept
    assert [row.superseded_at_utc is None for row in rows] == [False] * (len(kept) - 1) + [True]


PRICE = st.floats(min_value=1e-3, max_value=1e7)


@st.composite
def any_bars(draw: st.DrawFn) -> Bars:
    days = sorted(draw(st.sets(st.integers(min_value=-9000, max_value=20000), max_size=30)))
    rows = [sorted(draw(st.tuples(PRICE, PRICE, PRICE, PRICE))) for _ in days]
    low, open_, close, high = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    volume = np.array(
        draw(st.lists(st.floats(min_value=0, max_value=1e12), min_size=len(days), max_size=len(days)))
    )
    return Bars(SYMBOL, np.array(days, dtype="datetime64[D]"), open_, high, low, close, volume)


@given(bars=any_bars())
@settings(max_examples=40, deadline=None)
def test_bars_are_read_back_exactly_as_stored(shared_engine: Engine, bars: Bars) -> None:
    with shared_engine.connect() as conn:
        run_id = start_run(conn)
        store(conn, changed(bars), run_id, NOON)
        again = store_prices(conn, validated(bars), run_id, later(1))
        found = read.bars(conn, SYMBOL, FAR)
        conn.rollback()
    assert (again.new, again.revised) == (0, 0)
    assert found.session_dates.dtype == np.dtype("datetime64[D]")
    for name in ("session_dates", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(found, name), getattr(bars, name))
