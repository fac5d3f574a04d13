"""What a download changes in the store: bars, units, events, gaps, quarantine and decisions."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, func, select
from sqlalchemy.exc import IntegrityError

from pipeline.ingest.validate import SENTENCES
from pipeline.store import Connection, Engine, read, writing
from pipeline.store.read_known import count_quarantined
from pipeline.store.tables import assets, corporate_actions, gaps, price_bars, rebasings, rejected_bars
from pipeline.store.write_prices import store_decision
from pipeline.types import (
    ActionKind,
    Bars,
    CorporateAction,
    Decision,
    QuarantineCode,
    QuarantinedRow,
    Rebasing,
)
from tests.properties import examples
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
    code: QuarantineCode = QuarantineCode.HIGH_BELOW_LOW,
    adj_close: float = 11.0,
    date_text: str = "",
) -> QuarantinedRow:
    """A row with a high of 8 that was not believed."""
    row = f'{{"open": 10.0, "high": 8.0, "low": 9.0, "close": {close}, "adj_close": {adj_close}}}'
    day = np.datetime64(session or "NaT", "D")
    return QuarantinedRow(SYMBOL, date_text or session, day, code, SENTENCES[code], row)


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


def test_a_quarantined_row_is_stored_once(conn: Connection) -> None:
    run_id = start_run(conn)
    quarantined = (refused("2024-01-09"),) * 2
    prices = validated(make_bars([10.0]), quarantined=quarantined)
    assert store_prices(conn, prices, run_id, NOON).newly_quarantined == 1
    assert store_prices(conn, prices, run_id, later(1)).newly_quarantined == 0
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
@examples(40)
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


def test_a_quarantined_row_that_wobbles_beside_its_prices_is_the_same_row(conn: Connection) -> None:
    run_id = start_run(conn)
    for day, adj_close in enumerate((11.0, 11.0 * (1 + 1e-7), 10.4)):
        rows = (refused("2024-01-09", close=11.0 * (1 + day * 1e-7), adj_close=adj_close),)
        summary = store(conn, changed(make_bars([]), quarantined=rows), run_id, later(day))
        assert (summary.newly_quarantined, summary.in_quarantine) == (int(day == 0), 1)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(refused("2024-01-09", close=12.0), id="another price"),
        pytest.param(refused("2024-01-09", code=QuarantineCode.CONFLICT), id="another reason"),
        pytest.param(refused("2024-01-10"), id="another date"),
    ],
)
def test_a_quarantined_row_with_another_fault_is_another_row(conn: Connection, other: QuarantinedRow) -> None:
    run_id = start_run(conn)
    store(conn, changed(make_bars([]), quarantined=(refused("2024-01-09"),)), run_id, NOON)
    assert store(conn, changed(make_bars([]), quarantined=(other,)), run_id, later(1)).newly_quarantined == 1


def test_a_download_says_why_most_of_its_rows_were_quarantined(conn: Connection) -> None:
    run_id = start_run(conn)
    codes = (QuarantineCode.MISSING_PRICE, *(QuarantineCode.HIGH_BELOW_LOW,) * 2)
    rows = tuple(refused(f"2024-01-0{day}", code=code) for day, code in enumerate(codes, start=7))
    summary = store(conn, changed(make_bars([]), quarantined=rows), run_id, NOON)
    assert (summary.newly_quarantined, summary.commonest_reason) == (3, "high is below low")
    again = store(conn, changed(make_bars([]), quarantined=rows), run_id, later(1))
    assert (again.newly_quarantined, again.commonest_reason) == (0, "")


def test_a_quarantined_row_leaves_the_quarantine_when_its_session_comes_without_it(
    conn: Connection,
) -> None:
    run_id, session = start_run(conn), "2024-01-09"
    store(conn, changed(make_bars([]), quarantined=(refused(session),)), run_id, NOON)
    elsewhere = changed(make_bars([]), checked=["2024-01-10"])
    assert store(conn, elsewhere, run_id, later(1)).in_quarantine == 1
    without = changed(make_bars([10.0], start=session), checked=[session])
    for day in (2, 3):
        assert store(conn, without, run_id, later(day)).in_quarantine == 0
        assert only(conn, rejected_bars).resolved_at_utc == later(2)


def test_a_quarantined_row_that_comes_back_is_in_quarantine_again(conn: Connection) -> None:
    run_id, session = start_run(conn), "2024-01-09"
    row = changed(make_bars([]), quarantined=(refused(session),), checked=[session])
    store(conn, row, run_id, NOON)
    store(conn, changed(make_bars([]), checked=[session]), run_id, later(1))
    summary = store(conn, row, run_id, later(2))
    assert (summary.newly_quarantined, summary.in_quarantine) == (0, 1)
    assert only(conn, rejected_bars).resolved_at_utc is None


def test_a_row_without_a_date_leaves_the_quarantine_when_it_is_not_given_any_more(conn: Connection) -> None:
    run_id = start_run(conn)
    total = refused("", date_text="Total", code=QuarantineCode.UNREADABLE_DATE)
    assert store(conn, changed(make_bars([]), quarantined=(total,)), run_id, NOON).in_quarantine == 1
    assert store(conn, changed(make_bars([]), quarantined=(total,)), run_id, later(1)).in_quarantine == 1
    assert only(conn, rejected_bars).session_date is None
    assert store(conn, changed(make_bars([])), run_id, later(2)).in_quarantine == 0


def test_a_row_without_prices_is_known_again(conn: Connection) -> None:
    run_id, day = start_run(conn), np.datetime64("2024-01-09")
    nothing = '{"open": null, "high": null, "low": null, "close": null, "volume": '
    code = QuarantineCode.NO_PRICES
    rows = [QuarantinedRow(SYMBOL, "9.1.", day, code, SENTENCES[code], f"{nothing}{n}}}") for n in (0, 5)]
    counted = [
        store(conn, changed(make_bars([]), quarantined=(row,)), run_id, NOON).newly_quarantined
        for row in rows
    ]
    assert counted == [1, 0]


def test_infinite_prices_are_known_again(conn: Connection) -> None:
    run_id, day = start_run(conn), np.datetime64("2024-01-09")
    code = QuarantineCode.NOT_FINITE
    values = '{"open": 1.0, "high": "inf", "low": 1.0, "close": 1.0, "dividend": null}'
    row = QuarantinedRow(SYMBOL, "9.1.", day, code, SENTENCES[code], values)
    again = replace(row, row=values.replace("null", "0.0"))
    counted = [
        store(conn, changed(make_bars([]), quarantined=(one,)), run_id, NOON).newly_quarantined
        for one in (row, again)
    ]
    assert counted == [1, 0]


def test_a_decision_stands_until_another_one_and_counts_no_longer_as_waiting(conn: Connection) -> None:
    run_id = start_run(conn)
    rows = (refused("2024-01-09"), refused("2024-01-10"))
    store(conn, changed(make_bars([]), quarantined=rows), run_id, NOON)
    store_decision(conn, [1, 2], Decision.REJECTED, later(1))
    store_decision(conn, [2], Decision.RELEASED, later(2))
    store_decision(conn, [], Decision.RELEASED, later(3))
    found = conn.execute(select(rejected_bars).order_by(rejected_bars.c.rejected_id)).all()
    assert [(row.decision, row.decided_at_utc) for row in found] == [
        ("rejected", later(1)),
        ("released", later(2)),
    ]
    assert count_quarantined(conn, SYMBOL) == 0


def test_units_that_changed_are_noted_with_the_bars_they_replaced(conn: Connection) -> None:
    run_id = start_run(conn)
    store_prices(conn, validated(make_bars([100.0, 101.0, 102.0])), run_id, NOON)
    halves = make_bars([50.0, 50.5, 51.0, 52.0], volume=20.0)
    split = CorporateAction(SYMBOL, np.datetime64("2024-01-04"), ActionKind.SPLIT, 2.0)
    summary = store_prices(conn, validated(halves, actions=(split,)), run_id, later(1))
    assert (summary.new, summary.revised, summary.rebased) == (1, 0, pytest.approx(0.5))
    noted = only(conn, rebasings)
    assert (str(noted.through_date), noted.n_bars, noted.first_seen_at_utc) == ("2024-01-03", 3, later(1))
    assert noted.ratio == pytest.approx(0.5)
    assert count(conn, price_bars) == 3 + 4
    assert store_prices(conn, validated(halves, actions=(split,)), run_id, later(2)).rebased is None
    assert count(conn, rebasings) == 1


def test_an_event_is_doubted_withdrawn_and_believed_again(conn: Connection) -> None:
    run_id, bars = start_run(conn), make_bars([10.0, 11.0])
    there, gone = validated(bars, actions=(dividend("2024-01-02", 0.5),)), validated(bars)
    story = [(there, 0), (gone, 1), (gone, 5), (there, 6), (gone, 7), (gone, 21), (gone, 22), (there, 30)]
    seen = []
    for prices, day in story:
        store_prices(conn, prices, run_id, later(day))
        rows = conn.execute(select(corporate_actions).order_by(corporate_actions.c.action_id)).all()
        seen.append([(row.missing_since_utc, row.superseded_at_utc) for row in rows])
    assert seen == [
        [(None, None)],
        [(later(1), None)],
        [(later(1), None)],
        [(None, None)],
        [(later(7), None)],
        [(later(7), later(21))],
        [(later(7), later(21))],
        [(later(7), later(21)), (None, None)],
    ]


def test_an_event_that_returns_with_another_value_is_stored_beside_the_old_one(conn: Connection) -> None:
    run_id, bars = start_run(conn), make_bars([10.0, 11.0])
    for day, actions in enumerate([(dividend("2024-01-02", 0.5),), (), (dividend("2024-01-02", 0.6),)]):
        store_prices(conn, validated(bars, actions=actions), run_id, later(day))
    rows = conn.execute(select(corporate_actions).order_by(corporate_actions.c.action_id)).all()
    assert [(row.value, row.missing_since_utc, row.superseded_at_utc) for row in rows] == [
        (0.5, later(1), later(2)),
        (0.6, None, None),
    ]


def test_the_earliest_question_is_remembered(conn: Connection) -> None:
    run_id = start_run(conn)
    for asked_from, remembered in (("2024-01-05", 5), ("2024-01-09", 5), ("2024-01-02", 2)):
        store(conn, changed(make_bars([])), run_id, NOON, date.fromisoformat(asked_from))
        assert only(conn, assets).asked_from_date == date(2024, 1, remembered)


def test_a_filled_gap_stays_filled(conn: Connection) -> None:
    run_id = start_run(conn)
    store(conn, changed(make_bars([10.0]), missing=["2024-01-02"]), run_id, NOON)
    store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, later(1))
    summary = store_prices(conn, validated(make_bars([10.0]), missing=["2024-01-02"]), run_id, later(2))
    assert (summary.missing, summary.n_gaps) == (0, 0)
    assert only(conn, gaps).filled_at_utc == later(1)


def test_two_downloads_of_one_second_leave_one_current_bar(conn: Connection) -> None:
    run_id = start_run(conn)
    for close in (10.0, 10.1, 10.2):
        store_prices(conn, validated(make_bars([close])), run_id, NOON)
    rows = conn.execute(select(price_bars).order_by(price_bars.c.bar_id)).all()
    assert [(row.close, row.revision, row.superseded_at_utc) for row in rows] == [
        (10.0, 0, NOON),
        (10.1, 1, NOON),
        (10.2, 2, None),
    ]


def test_two_processes_that_bring_the_same_bars_store_them_once(engine: Engine) -> None:
    with writing(engine) as conn:
        run_id = start_run(conn)

    def bring() -> int:
        with writing(engine) as conn:
            return store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, NOON).new

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: bring(), range(4))) == [0, 0, 0, 2]


def test_units_that_no_stored_bar_came_into_are_not_noted(conn: Connection) -> None:
    units = Rebasing(np.datetime64("2024-01-03"), 0.5)
    none_replaced = replace(changed(make_bars([10.0])), rebasing=units, n_rebased=0)
    store(conn, none_replaced, start_run(conn), NOON)
    assert count(conn, rebasings) == 0
