"""Dividends and splits of a download next to the stored ones: events that come, change, vanish and return."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.ingest.quarantine import row_as_json
from pipeline.ingest.reconcile import reconcile
from pipeline.types import ActionKind, CorporateAction, QuarantineCode, QuarantinedRow, ValidatedPrices
from tests.ingest.prices import (
    NOTHING,
    NOW,
    SILENT,
    N,
    action,
    after,
    counts,
    downloaded,
    part_of,
    rows_of,
    split,
    stored,
    times,
    times_each,
)
from tests.made import DAY, FIRST, made_bars

PATIENCE = timedelta(days=14)
ALL_BUT_ONE = {*range(N)} - {N - 2}


def test_a_dividend_is_stored_and_revises_no_bar() -> None:
    bars = made_bars(N)
    changes = reconcile(downloaded(bars, action(50)), stored(bars), NOW)
    assert (counts(changes), changes.actions.given) == ((0, 0, 0, 0), (action(50),))


@pytest.mark.parametrize(
    ("value", "again", "is_news"),
    [
        pytest.param(0.01, 0.0100005, False, id="a small one rounded"),
        pytest.param(0.01, 0.0101, True, id="a small one changed"),
        pytest.param(100.0, 100.005, False, id="a large one rounded"),
        pytest.param(100.0, 100.02, True, id="a large one changed"),
        pytest.param(9999.0, 10000.0, False, id="by a ten-thousandth"),
    ],
)
def test_a_dividend_is_news_by_its_relative_change(value: float, again: float, is_news: bool) -> None:
    bars = made_bars(N)
    changes = reconcile(downloaded(bars, action(50, value=again)), stored(bars, action(50, value=value)), NOW)
    assert [one.value for one in changes.actions.given] == [again] * is_news


def test_a_split_and_a_dividend_of_one_day_are_two_events() -> None:
    bars = made_bars(N)
    now = times(bars, 0.25)
    known = rows_of(bars, slice(0, N - 1))
    changes = reconcile(downloaded(now, action(N - 1), split(N - 1)), stored(known), NOW)
    assert set(changes.actions.given) == {action(N - 1), split(N - 1)}
    again = reconcile(
        downloaded(now, action(N - 1), split(N - 1)), stored(now, action(N - 1), split(N - 1)), NOW
    )
    assert again.actions.given == again.actions.vanished == ()


@pytest.mark.parametrize("first_run", [True, False], ids=["on a first run", "the day after"])
def test_a_dividend_of_a_session_without_prices_is_stored_before_its_bar(first_run: bool) -> None:
    bars, paid = made_bars(N), action(N - 2)
    given_bars = part_of(bars, {*range(N)} - {N - 2})
    known = NOTHING if first_run else rows_of(bars, slice(0, N - 3))
    changes = reconcile(downloaded(given_bars, early=(paid,), expected=N), stored(known), NOW)
    assert changes.actions.given == (paid,)
    assert changes.missing.tolist() == [bars.session_dates[N - 2].item()]
    then = stored(after(known, changes), paid)
    filled = reconcile(downloaded(bars, paid), then, NOW)
    assert (counts(filled), filled.actions.given, filled.actions.vanished) == ((1, 0, 0, 0), (), ())


def test_a_dividend_before_its_bar_is_not_stored_from_a_download_in_units_that_nothing_explains() -> None:
    bars, paid = made_bars(N), action(N - 1)
    known = rows_of(bars, slice(0, N - 5))
    changes = reconcile(downloaded(times(known, 0.1), early=(paid,), expected=N), stored(known), NOW)
    assert (counts(changes)[3], changes.actions.given) == (N - 5, ())


def test_a_dividend_before_its_bar_is_not_stored_for_the_past() -> None:
    bars = made_bars(N)
    past = downloaded(rows_of(bars, slice(0, 20)), early=(action(20),), expected=21)
    assert reconcile(past, stored(bars), NOW).actions.given == ()


def test_an_event_that_vanishes_is_doubted_and_withdrawn_when_it_stays_away() -> None:
    bars, gone = made_bars(N), action(50)
    doubted = reconcile(downloaded(bars), stored(bars, gone), NOW).actions
    assert (doubted.vanished, doubted.withdrawn) == ((gone,), ())
    early = stored(bars, gone, missing_since=NOW - PATIENCE + timedelta(seconds=1))
    assert reconcile(downloaded(bars), early, NOW).actions.withdrawn == ()
    late = stored(bars, gone, missing_since=NOW - PATIENCE)
    assert reconcile(downloaded(bars), late, NOW).actions.withdrawn == (gone,)


def test_an_event_that_returns_is_believed_again() -> None:
    bars, back = made_bars(N), action(50)
    found = reconcile(downloaded(bars, back), stored(bars, back, missing_since=NOW), NOW).actions
    assert (found.returned, found.given, found.vanished) == ((back,), (), ())


def test_an_event_that_returns_with_another_value_is_a_new_one() -> None:
    bars = made_bars(N)
    changed = action(50, value=0.7)
    found = reconcile(downloaded(bars, changed), stored(bars, action(50), missing_since=NOW), NOW).actions
    assert found.given == (changed,)


def test_the_silence_of_a_source_that_tells_of_no_events_means_nothing() -> None:
    bars = made_bars(N)
    found = reconcile(downloaded(bars, kinds=SILENT), stored(bars, action(50)), NOW).actions
    assert found.vanished == ()


@pytest.mark.parametrize(("n_known", "n_given"), [(1, 5), (5, 1), (1, 1)])
def test_a_moment_in_the_past_changes_no_event_however_little_is_known_or_given(
    n_known: int, n_given: int
) -> None:
    bars = made_bars(10)
    known = stored(rows_of(bars, slice(10 - n_known, None)))
    past = downloaded(rows_of(bars, slice(0, n_given)), action(0))
    changes = reconcile(past, known, NOW)
    assert (counts(changes), changes.actions.given) == ((n_given, 0, 0, 0), ())


@pytest.mark.parametrize("n_wrong", [3, 4])
def test_a_dividend_before_its_bar_is_not_stored_from_a_download_that_contradicts_many_bars(
    n_wrong: int,
) -> None:
    bars = made_bars(N)
    wrong = times_each(bars, {20 + row: 10.0 * (3.0 + row) for row in range(n_wrong)})
    changes = reconcile(downloaded(wrong, early=(action(N),), expected=N + 1), stored(bars), NOW)
    assert changes.n_contradicting == n_wrong
    assert changes.actions.given == (action(N),) * (n_wrong == 3)


def test_a_dividend_before_its_bar_is_not_stored_from_a_download_without_any_bar() -> None:
    nothing = downloaded(NOTHING, early=(action(1), action(2)), expected=3)
    assert reconcile(nothing, stored(NOTHING), NOW).actions.given == ()


def doubted(prices: ValidatedPrices, row: int, code: QuarantineCode) -> ValidatedPrices:
    """From a download and the number of a row, make the download with a quarantined row on its session."""
    day = FIRST + row * DAY
    one = QuarantinedRow("MADE", str(day), day, code, code, row_as_json({}))
    return replace(prices, quarantined=(*prices.quarantined, one))


@pytest.mark.parametrize("is_listed", [True, False], ids=["its row has no price", "its row is gone"])
def test_an_event_that_came_before_its_bar_vanishes_when_the_source_no_longer_gives_it(
    is_listed: bool,
) -> None:
    known, paid = part_of(made_bars(N), ALL_BUT_ONE), action(N - 2)
    prices = downloaded(known, expected=N)
    prices = doubted(prices, N - 2, QuarantineCode.NO_PRICES) if is_listed else prices
    assert reconcile(prices, stored(known, paid), NOW).actions.vanished == (paid,)
    late = reconcile(prices, stored(known, paid, missing_since=NOW - PATIENCE), NOW)
    assert late.actions.withdrawn == (paid,)


def test_an_event_on_a_row_in_doubt_does_not_vanish() -> None:
    known, paid = part_of(made_bars(N), ALL_BUT_ONE), action(N - 2)
    prices = doubted(downloaded(known, expected=N), N - 2, QuarantineCode.MISSING_PRICE)
    assert reconcile(prices, stored(known, paid), NOW).actions.vanished == ()
    off_level = downloaded(times(made_bars(N), 100.0, slice(N - 2, N - 1)))
    assert reconcile(off_level, stored(known, paid), NOW).actions.vanished == ()


def test_no_event_vanishes_in_a_download_without_any_bar_or_for_the_past() -> None:
    known, paid = part_of(made_bars(N), ALL_BUT_ONE), action(N - 2)
    nothing = downloaded(NOTHING, expected=N)
    assert reconcile(nothing, stored(known, paid), NOW).actions.vanished == ()
    past = downloaded(rows_of(made_bars(N), slice(0, N - 1)))
    assert reconcile(past, stored(known, paid), NOW).actions.vanished == ()


@pytest.mark.parametrize("other", [split(30, 1.01), action(30, value=0.7)])
def test_an_event_on_a_row_without_prices_says_nothing_of_another_event_of_its_stored_bar(
    other: CorporateAction,
) -> None:
    bars, paid = made_bars(N), action(30)
    rows = part_of(bars, {*range(N)} - {30})
    found = reconcile(downloaded(rows, early=(other,), expected=N), stored(bars, paid), NOW).actions
    assert (found.given, found.vanished) == ((other,), ())


def test_a_dividend_whose_session_the_download_leaves_out_is_converted_by_a_split() -> None:
    bars, paid = made_bars(N + 1), action(30)
    known = stored(rows_of(bars, slice(0, N)), paid)
    rows = part_of(times(bars, 0.25), {*range(N + 1)} - {30})
    found = reconcile(downloaded(rows, split(N)), known, NOW).actions
    assert set(found.given) == {split(N), replace(paid, value=paid.value * 0.25)}
    again = replace(paid, value=0.125)
    found = reconcile(downloaded(rows, split(N), early=(again,)), known, NOW).actions
    assert set(found.given) == {split(N), again}


def test_a_dividend_that_vanishes_together_with_a_split_is_doubted_and_not_converted() -> None:
    bars, gone = made_bars(N + 1), action(30)
    known = stored(rows_of(bars, slice(0, N)), gone)
    found = reconcile(downloaded(times(bars, 0.25), split(N)), known, NOW).actions
    assert (found.given, found.vanished) == ((split(N),), (gone,))


@pytest.mark.parametrize("row", [10, N - 1], ids=["an early one", "that of the newest stored session"])
def test_stored_dividends_are_converted_by_a_split_where_the_source_tells_of_no_dividends(row: int) -> None:
    bars, paid = made_bars(N + 1), action(row)
    known = stored(rows_of(bars, slice(0, N)), paid)
    silent = downloaded(times(bars, 0.25), split(N), kinds=frozenset({ActionKind.SPLIT}))
    found = reconcile(silent, known, NOW).actions
    assert set(found.given) == {split(N), replace(paid, value=paid.value * 0.25)}
    assert found.vanished == ()
