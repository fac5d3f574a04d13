"""A download next to what is stored: bars that are quarantined, and stay so whatever comes again."""

import json
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.ingest.jumps import ACCEPTED_AFTER
from pipeline.ingest.reconcile import reconcile
from pipeline.types import ActionKind, Bars, CorporateAction, PriceChanges
from tests.ingest.prices import (
    BOTH,
    NOTHING,
    NOW,
    PRICES,
    SILENT,
    N,
    action,
    after,
    assert_same,
    counts,
    decision,
    downloaded,
    noisy,
    part_of,
    rows_of,
    split,
    stored,
    times,
    times_each,
)
from tests.made import DAY, FIRST, made_bars
from tests.properties import examples

FEW, MANY = st.integers(0, 29), st.integers(0, 89)
STRETCHES = st.lists(
    st.tuples(MANY, st.integers(1, 25), st.sampled_from([0.01, 0.25, 0.5, 1.6, 2.0, 4.0, 100.0])), max_size=3
)
RANGES = st.tuples(MANY, st.integers(1, 90)).map(lambda ends: range(ends[0], sum(ends)))

# Which bars are not believed


@pytest.mark.parametrize("first_run", [True, False], ids=["on a first run", "the day after"])
def test_a_hundredfold_bar_waits_and_is_a_gap(first_run: bool) -> None:
    bars = times(made_bars(N), 100.0, slice(N - 3, N - 2))
    known = rows_of(bars, slice(0, 0 if first_run else N - 3))
    changes = reconcile(downloaded(bars), stored(known), NOW)
    (rejected,) = changes.quarantined
    assert rejected.reason == "about 100 times too high"
    assert rejected.session_date == FIRST + (N - 3) * DAY
    assert changes.missing.tolist() == [(FIRST + (N - 3) * DAY).item()]
    assert changes.n_new == N - 1 - len(known)


def test_the_events_of_a_bar_in_quarantine_wait_with_it() -> None:
    bars = times(made_bars(N), 100.0, slice(N - 1, None))
    known = rows_of(bars, slice(0, N - 1))
    changes = reconcile(downloaded(bars, action(N - 1)), stored(known), NOW)
    assert (counts(changes), changes.actions.given) == ((0, 0, 0, 1), ())


@given(
    bars=st.builds(made_bars, st.just(30), st.integers(0, 10_000)),
    known_rows=st.sets(FEW, min_size=3, max_size=10),
    odd=st.dictionaries(
        FEW, st.sampled_from([0.01, 0.1, 0.2, 5.0, 10.0, 100.0]), max_size=ACCEPTED_AFTER - 1
    ),
    parts=st.lists(st.sets(FEW), min_size=1, max_size=6),
    kinds=st.sampled_from([BOTH, SILENT]),
)
@examples(150)
def test_fewer_than_twenty_bars_off_the_stored_level_are_never_believed(
    bars: Bars,
    known_rows: set[int],
    odd: dict[int, float],
    parts: list[set[int]],
    kinds: frozenset[ActionKind],
) -> None:
    now, source = part_of(bars, known_rows), times_each(bars, odd)
    for part in parts:
        now = after(now, reconcile(downloaded(part_of(source, part), kinds=kinds), stored(now), NOW))
    place = np.searchsorted(bars.session_dates, now.session_dates)
    assert_same(now, rows_of(bars, place))


def test_twenty_sessions_on_its_level_are_believed_after_a_bar_in_quarantine_and_it_is_not() -> None:
    odd = times(made_bars(31 + ACCEPTED_AFTER), 4.0, slice(30, None))
    known = rows_of(odd, slice(0, 30))
    early = reconcile(downloaded(rows_of(odd, slice(0, 30 + ACCEPTED_AFTER))), stored(known), NOW)
    assert counts(early) == (0, 0, 0, ACCEPTED_AFTER)
    late = reconcile(downloaded(odd), stored(after(known, early)), NOW)
    assert counts(late) == (ACCEPTED_AFTER, 0, 0, 1)
    then = after(known, late)
    for part in (odd, rows_of(odd, slice(30, 31)), rows_of(odd, slice(25, 35))):
        assert counts(reconcile(downloaded(part), stored(then), NOW)) == (0, 0, 0, 1)


def with_gap(bars: Bars, row: int, days: int) -> Bars:
    """The bars, those from a row on so many days later."""
    return replace(
        bars, session_dates=bars.session_dates + np.where(np.arange(len(bars)) >= row, days, 0) * DAY
    )


def halted(days: int) -> Bars:
    """200 bars, those of the second half after a halt of so many days."""
    return with_gap(made_bars(200), 100, days)


@pytest.mark.parametrize(
    ("source", "n_new"),
    [
        pytest.param(halted(0), 100, id="on the same level"),
        pytest.param(halted(62), 100, id="on the same level after a halt"),
        pytest.param(times(halted(62), 7.0, slice(100, None)), 100, id="on another level after a halt"),
        pytest.param(times(halted(0), 0.25, slice(100, None)), 99, id="on another level that lasts"),
    ],
)
def test_one_wrong_bar_before_new_ones_does_not_hold_them_back(source: Bars, n_new: int) -> None:
    known = rows_of(source, slice(0, 100))
    odd = times(source, 100.0, slice(99, 100))
    changes = reconcile(downloaded(odd), stored(known), NOW)
    assert counts(changes) == (n_new, 0, 0, 101 - n_new)


def test_new_bars_beside_stored_ones_that_the_download_contradicts_prove_no_other_level() -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(28, 32))
    changes = reconcile(downloaded(times(bars, 4.0, slice(0, 30))), stored(known), NOW)
    assert counts(changes) == (N - 32, 0, 0, 30)
    assert_same(after(known, changes), rows_of(bars, slice(28, None)))


def test_a_wrong_level_that_was_stored_is_corrected_with_the_source() -> None:
    bars = made_bars(N)
    known = times(bars, 100.0, slice(20, 45))
    changes = reconcile(downloaded(bars), stored(known), NOW)
    assert_same(after(known, changes), bars)
    assert changes.quarantined == ()


def test_a_wrong_stored_stretch_is_corrected_and_the_bar_before_it_believed_at_once() -> None:
    bars = made_bars(N)
    wrong = times(bars, 100.0, slice(31, 40))
    known = rows_of(wrong, [*range(30), *range(31, N)])
    changes = reconcile(downloaded(bars), stored(known), NOW)
    assert counts(changes) == (1, 9, 0, 0)
    assert_same(after(known, changes), bars)


# Bars that come again


def still_waiting(waiting: Bars, changes: PriceChanges) -> Bars:
    """The bars in quarantine once the changes are applied to it."""
    kept = np.flatnonzero(~np.isin(waiting.session_dates, changes.checked_dates))
    found = {waiting.session_dates[row]: [getattr(waiting, name)[row] for name in PRICES] for row in kept}
    for one in changes.quarantined:
        values = json.loads(one.row)
        found[one.session_date] = [values[name] for name in PRICES]
    days = sorted(found)
    prices = np.array([found[day] for day in days]).reshape(-1, 4)
    return Bars("MADE", np.array(days, dtype="datetime64[D]"), *prices.T, np.zeros(len(days)))


def with_stretches(bars: Bars, stretches: list[tuple[int, int, float]]) -> Bars:
    for first, length, factor in stretches:
        bars = times(bars, factor, slice(first, first + length))
    return bars


@given(
    bars=st.builds(
        with_gap, st.builds(made_bars, MANY, st.integers(0, 10_000)), MANY, st.sampled_from([0, 30, 61])
    ),
    known_rows=st.one_of(st.sets(MANY), RANGES),
    known_odd=STRETCHES,
    odd=STRETCHES,
    parts=st.lists(RANGES, min_size=1, max_size=4),
    kinds=st.sampled_from([BOTH, SILENT]),
)
@examples(150)
def test_a_bar_in_quarantine_stays_there_whatever_part_of_its_download_comes_again_in_whatever_order(
    bars: Bars,
    known_rows: Iterable[int],
    known_odd: list[tuple[int, int, float]],
    odd: list[tuple[int, int, float]],
    parts: list[range],
    kinds: frozenset[ActionKind],
) -> None:
    """As long as the download was not refused as a whole, which says nothing of its single bars."""
    known, source = part_of(with_stretches(bars, known_odd), known_rows), with_stretches(bars, odd)
    once = reconcile(downloaded(source, kinds=kinds), stored(known), NOW)
    assume(len(once.quarantined) < len(source))
    off = {one.session_date for one in once.quarantined}
    now, waiting = after(known, once), still_waiting(NOTHING, once)
    for part in parts:
        again = downloaded(part_of(source, part), kinds=kinds)
        changes = reconcile(again, stored(now, waiting=waiting), NOW)
        assert not off & set(changes.bars.session_dates)
        now, waiting = after(now, changes), still_waiting(waiting, changes)


@pytest.mark.parametrize("row", [0, 20, N - 1], ids=["the oldest", "one between", "the newest"])
@pytest.mark.parametrize(
    "part", [range(0), range(20), range(21, N)], ids=["alone", "with older", "with newer"]
)
@pytest.mark.parametrize("known_rows", [range(0), range(30, 40)], ids=["nothing", "something"])
def test_a_bar_in_quarantine_stays_there_when_a_part_of_its_download_comes_again(
    row: int, part: range, known_rows: range
) -> None:
    odd = times(made_bars(N), 100.0, slice(row, row + 1))
    known = part_of(made_bars(N), known_rows)
    once = reconcile(downloaded(odd), stored(known), NOW)
    then = after(known, once)
    assert (counts(once)[3], len(then)) == (1, N - 1)
    again = downloaded(part_of(odd, {row, *part}))
    assert counts(reconcile(again, stored(then), NOW)) == (0, 0, 0, 1)


def test_what_a_download_for_the_past_contradicts_is_not_believed_by_that_nor_by_the_next() -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(30, None))
    odd = times(bars, 100.0)
    waiting = NOTHING
    for rows in (slice(None), slice(0, 50), slice(None)):
        changes = reconcile(downloaded(rows_of(odd, rows)), stored(known, waiting=waiting), NOW)
        assert len(changes.bars) == 0
        waiting = still_waiting(waiting, changes)
    assert len(waiting) == N


def test_bars_beside_those_that_contradict_stored_ones_are_not_believed_when_they_come_alone() -> None:
    bars = made_bars(N)
    known, odd = rows_of(bars, slice(28, 32)), times(bars, 4.0, slice(0, 30))
    once = reconcile(downloaded(odd), stored(known), NOW)
    assert counts(once) == (N - 32, 0, 0, 30)
    kept = stored(after(known, once), waiting=still_waiting(NOTHING, once))
    assert counts(reconcile(downloaded(rows_of(odd, slice(0, 28))), kept, NOW)) == (0, 0, 0, 28)


# What a person released


def test_a_newest_bar_in_quarantine_is_stored_once_it_is_released() -> None:
    bars = times(made_bars(N), 3.0, slice(N - 1, None))
    known = rows_of(bars, slice(0, N - 1))
    assert counts(reconcile(downloaded(bars), stored(known), NOW)) == (0, 0, 0, 1)
    released = stored(known, decided=(decision(bars, N - 1),))
    changes = reconcile(downloaded(noisy(bars, 3, 1e-7)), released, NOW)
    assert counts(changes) == (1, 0, 0, 0)
    assert counts(reconcile(downloaded(bars), stored(after(known, changes)), NOW)) == (0, 0, 0, 0)


def test_what_is_released_at_another_price_is_not_released() -> None:
    bars = times(made_bars(N), 3.0, slice(N - 1, None))
    known = rows_of(bars, slice(0, N - 1))
    released = stored(known, decided=(decision(times(bars, 1.01), N - 1),))
    assert counts(reconcile(downloaded(bars), released, NOW)) == (0, 0, 0, 1)


# A person's decision after a split


@pytest.mark.parametrize(
    ("splits", "factor"),
    [
        pytest.param((), 1.0, id="no split"),
        pytest.param((split(N),), 0.25, id="a split since the decision"),
        pytest.param((split(N - 2, 2.0), split(N, 3.0)), 1.0 / 6.0, id="two splits since the decision"),
        pytest.param((split(N - 4, 2.0), split(N, 3.0)), 1.0 / 3.0, id="one split before it and one since"),
        pytest.param((split(N - 3, 2.0), split(N, 3.0)), 1.0 / 3.0, id="one split on its day and one since"),
        pytest.param((split(2, 2.0), split(N, 3.0)), 1.0 / 3.0, id="an older split does not matter"),
    ],
)
def test_a_released_bar_is_recognised_after_splits_in_their_units(
    splits: tuple[CorporateAction, ...], factor: float
) -> None:
    odd = times(made_bars(N + 1), 3.0, slice(N - 5, N - 4))
    known = rows_of(odd, [row for row in range(N) if row != N - 5])
    released = stored(times(known, factor), *splits, decided=(decision(odd, N - 5, days_later=2),))
    changes = reconcile(downloaded(times(odd, factor), *splits), released, NOW)
    assert counts(changes) == (2, 0, 0, 0)


def test_a_released_bar_is_not_recognised_at_a_price_that_no_split_explains() -> None:
    odd = times(made_bars(N + 1), 3.0, slice(N - 5, N - 4))
    known = times(rows_of(odd, [row for row in range(N) if row != N - 5]), 0.25)
    released = stored(known, split(2), decided=(decision(odd, N - 5),))
    changes = reconcile(downloaded(times(odd, 0.25), split(2)), released, NOW)
    assert counts(changes) == (1, 0, 0, 1)
