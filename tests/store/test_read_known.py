"""What is known of prices before a download is compared with it, and from where on to ask."""

from datetime import date

import numpy as np
import pytest
from sqlalchemy import update

from pipeline.store import Connection, read_known
from pipeline.store.tables import rejected_bars
from pipeline.store.write_prices import store_decision
from pipeline.types import Decision, DownloadHistory, QuarantineCode, QuarantinedRow
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

DAY = np.datetime64("2024-01-09", "D")


def refused(session: str, row: str) -> QuarantinedRow:
    return QuarantinedRow(
        *(SYMBOL, session or "Total", np.datetime64(session or "NaT", "D")),
        *(QuarantineCode.PRICE_JUMP, "odd", row),
    )


def priced(close: float) -> str:
    return f'{{"open": 1.0, "high": 2.0, "low": 0.5, "close": {close}, "volume": 7.0}}'


def far(asked: DownloadHistory) -> tuple[str, str, str]:
    return str(asked.asked_from), str(asked.newest), str(asked.recheck_from)


def test_of_an_asset_that_was_never_downloaded_nothing_is_known(conn: Connection) -> None:
    start_run(conn)
    known = read_known.known_prices(conn, SYMBOL)
    assert (len(known.bars), known.actions, known.decided, len(known.undecided)) == (0, (), (), 0)
    assert far(read_known.download_history(conn, SYMBOL)) == ("NaT", "NaT", "NaT")
    assert far(read_known.download_history(conn, "NONE")) == ("NaT", "NaT", "NaT")


def test_current_bars_and_events_of_the_asset_are_known_whatever_their_date(conn: Connection) -> None:
    run_id = start_run(conn, SYMBOL, "SPY")
    store_prices(conn, validated(make_bars([7.0], symbol="SPY")), run_id, NOON)
    for day, closes in enumerate(([10.0, 11.0], [10.0, 11.5])):
        actions = (dividend("2024-01-02", 0.5 + day),)
        store_prices(conn, validated(make_bars(closes), actions=actions), run_id, later(day))
    store(conn, changed(make_bars([12.0], start="2999-01-01")), run_id, later(2))
    known = read_known.known_prices(conn, SYMBOL)
    assert known.bars.close.tolist() == [10.0, 11.5, 12.0]
    assert [(one.action.value, one.missing_since) for one in known.actions] == [(1.5, None)]


def test_since_when_an_event_is_missing_is_known(conn: Connection) -> None:
    run_id, bars = start_run(conn), make_bars([10.0, 11.0])
    for day, actions in enumerate([(dividend("2024-01-02", 0.5),), ()]):
        store_prices(conn, validated(bars, actions=actions), run_id, later(day))
    (found,) = read_known.known_actions(conn, SYMBOL)
    assert (found.action, found.missing_since) == (dividend("2024-01-02", 0.5), later(1))


def test_rows_that_nobody_has_decided_on_are_known_as_bars_the_newest_of_a_session(conn: Connection) -> None:
    run_id = start_run(conn)
    rows = (
        refused("2024-01-11", priced(1.5)),
        refused("2024-01-09", priced(4.0)),
        *(refused("2024-01-10", priced(close)) for close in (1.6, 1.7)),
        *(refused("2024-01-12", priced(close)) for close in (1.8, 1.9)),
        *(refused("2024-01-13", row) for row in (priced(-1.0), '{"open": null, "close": 3.0}')),
        refused("", priced(9.0)),
    )
    store(conn, changed(make_bars([]), quarantined=rows), run_id, NOON)
    store_decision(conn, [6], Decision.REJECTED, NOON)
    store(conn, changed(make_bars([]), quarantined=rows[1:], checked=["2024-01-11"]), run_id, later(1))
    found = read_known.known_prices(conn, SYMBOL).undecided
    assert [str(day) for day in found.session_dates] == ["2024-01-09", "2024-01-10", "2024-01-12"]
    assert found.close.tolist() == [4.0, 1.7, 1.8]
    assert (found.open.tolist(), found.low.tolist(), found.high.tolist()) == (
        [1.0] * 3,
        [0.5] * 3,
        [4.0, 2.0, 2.0],
    )


def test_decisions_are_known_with_date_and_prices_even_after_the_row_is_gone(conn: Connection) -> None:
    run_id = start_run(conn)
    rows = tuple(refused("2024-01-09", priced(close)) for close in (1.5, 1.6, 1.7))
    store(conn, changed(make_bars([]), quarantined=(*rows, refused("", priced(9.0)))), run_id, NOON)
    store_decision(conn, [1, 4], Decision.RELEASED, NOON)
    store_decision(conn, [2], Decision.REJECTED, NOON)
    store(conn, changed(make_bars([]), checked=["2024-01-09"]), run_id, later(1))
    found = read_known.known_prices(conn, SYMBOL).decided
    assert [(one.session_date, one.prices, one.decision) for one in found] == [
        (DAY, (1.0, 2.0, 0.5, 1.5), Decision.RELEASED),
        (DAY, (1.0, 2.0, 0.5, 1.6), Decision.REJECTED),
    ]


def test_a_released_row_is_in_the_units_of_its_download_and_a_rejected_row_in_those_of_the_decision(
    conn: Connection,
) -> None:
    run_id = start_run(conn)
    rows = tuple(refused("2024-01-09", priced(close)) for close in (1.5, 1.6, 1.7))
    store(conn, changed(make_bars([]), quarantined=rows), run_id, NOON)
    store_decision(conn, [1], Decision.RELEASED, later(3))
    store_decision(conn, [2, 3], Decision.REJECTED, later(3))
    conn.execute(update(rejected_bars).where(rejected_bars.c.rejected_id == 3).values(decided_at_utc=None))
    found = read_known.known_prices(conn, SYMBOL).decided
    days = [np.datetime64(later(day).date(), "D") for day in (0, 3, 0)]
    assert [one.in_units_of for one in found] == days


def test_prices_of_a_row_that_has_none_are_nan() -> None:
    found = read_known.row_prices('{"open": null, "high": "inf", "volume": 3}')
    assert np.array_equal(found, (np.nan, np.inf, np.nan, np.nan), equal_nan=True)


def test_what_was_asked_for_and_the_newest_bar_are_told(conn: Connection) -> None:
    run_id = start_run(conn)
    store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, NOON, date(2023, 5, 1))
    assert far(read_known.download_history(conn, SYMBOL)) == ("2023-05-01", "2024-01-02", "NaT")


def test_the_oldest_open_gap_is_in_doubt(conn: Connection) -> None:
    run_id = start_run(conn)
    gappy = validated(make_bars([10.0]), missing=["2024-01-02", "2024-01-03"])
    store_prices(conn, gappy, run_id, NOON)
    assert read_known.download_history(conn, SYMBOL).recheck_from == np.datetime64("2024-01-02")
    assert [str(day) for day in read_known.gap_dates(conn, SYMBOL)] == ["2024-01-02", "2024-01-03"]
    store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, later(1))
    assert read_known.download_history(conn, SYMBOL).recheck_from == np.datetime64("2024-01-03")
    assert [str(day) for day in read_known.gap_dates(conn, SYMBOL)] == ["2024-01-03"]


def test_an_event_that_vanished_is_in_doubt_until_it_returns_or_is_withdrawn(conn: Connection) -> None:
    run_id, bars = start_run(conn), make_bars([10.0, 11.0])
    there = validated(bars, actions=(dividend("2024-01-02", 0.5),))
    doubts = []
    for prices, day in [(there, 0), (validated(bars), 1), (there, 2), (validated(bars), 3)]:
        store_prices(conn, prices, run_id, later(day))
        doubts.append(str(read_known.download_history(conn, SYMBOL).recheck_from))
    store_prices(conn, validated(bars), run_id, later(17))
    assert [*doubts, str(read_known.download_history(conn, SYMBOL).recheck_from)] == [
        *("NaT", "2024-01-02", "NaT", "2024-01-02", "NaT")
    ]


@pytest.mark.parametrize(
    ("decision", "doubt"),
    [(None, "NaT"), (Decision.RELEASED, "2024-01-09"), (Decision.REJECTED, "NaT")],
    ids=["nobody decided on", "that is released", "that is rejected"],
)
def test_a_row_in_quarantine_is_in_doubt_once_released(
    conn: Connection, decision: Decision | None, doubt: str
) -> None:
    run_id = start_run(conn)
    quarantined = (refused("2024-01-09", priced(1.5)),)
    store(conn, changed(make_bars([]), quarantined=quarantined), run_id, NOON)
    if decision is not None:
        store_decision(conn, [1], decision, NOON)
    assert str(read_known.download_history(conn, SYMBOL).recheck_from) == doubt
    bar = changed(make_bars([1.5], start="2024-01-09"), checked=["2024-01-09"])
    store(conn, bar, run_id, later(1))
    assert np.isnat(read_known.download_history(conn, SYMBOL).recheck_from)


def test_rows_wait_for_a_decision_while_the_source_gives_them(conn: Connection) -> None:
    run_id = start_run(conn)
    quarantined = (refused("2024-01-09", priced(1.5)), refused("2024-01-10", priced(1.5)))
    store(conn, changed(make_bars([]), quarantined=quarantined), run_id, NOON)
    assert read_known.count_quarantined(conn, SYMBOL) == 2
    store(conn, changed(make_bars([]), quarantined=quarantined[:1], checked=["2024-01-10"]), run_id, later(1))
    assert conn.exec_driver_sql("SELECT session_date FROM quarantine").scalars().all() == ["2024-01-09"]
    store_decision(conn, [1], Decision.REJECTED, NOON)
    assert read_known.count_quarantined(conn, SYMBOL) == 0
