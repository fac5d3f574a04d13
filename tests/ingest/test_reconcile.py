"""A download next to what is stored: new and revised bars, and gaps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pipeline.ingest.reconcile import reconcile, restatement
from pipeline.types import Bars
from tests.ingest.prices import (
    NOW,
    PRICES,
    N,
    action,
    after,
    assert_same,
    counts,
    downloaded,
    noisy,
    part_of,
    rows_of,
    split,
    stored,
    times,
    times_each,
)
from tests.made import DAY, FIRST, made_bars, made_dates
from tests.properties import examples

MADE = st.builds(made_bars, st.integers(1, 80), st.integers(0, 10_000))
ODD = st.dictionaries(st.integers(0, 79), st.sampled_from([0.01, 0.5, 0.999, 1.003, 4.0, 100.0]))

# Nothing new


@given(bars=MADE, seed=st.integers(0, 1000), known_rows=st.slices(80), rows=st.slices(80))
@examples(60)
def test_noise_below_a_millionth_is_no_news_however_little_of_the_history_comes(
    bars: Bars, seed: int, known_rows: slice, rows: slice
) -> None:
    known = rows_of(bars, sorted(range(len(bars))[known_rows]))
    given_rows = sorted(set(range(len(bars))[rows]) & set(range(len(bars))[known_rows]))
    prices = downloaded(noisy(rows_of(bars, given_rows), seed, 4e-7))
    changes = reconcile(prices, stored(known), NOW)
    assert (counts(changes), len(changes.bars), changes.rebasing) == ((0, 0, 0, 0), 0, None)
    assert restatement(prices, stored(known)) is None


@given(
    bars=MADE,
    known_rows=st.sets(st.integers(0, 79)),
    known_odd=ODD,
    rows=st.sets(st.integers(0, 79)),
    odd=ODD,
    factor=st.sampled_from([1.0, 0.25, 1.002, 10.0]),
    has_split=st.booleans(),
)
@example(made_bars(4), {3}, {}, {0, 1, 2}, {0: 0.01}, 1.0, False).via("a download for the past")
@examples(150)
def test_the_same_download_again_changes_nothing_more(
    bars: Bars,
    known_rows: set[int],
    known_odd: dict[int, float],
    rows: set[int],
    odd: dict[int, float],
    factor: float,
    has_split: bool,
) -> None:
    known = part_of(times_each(bars, known_odd), known_rows)
    given_bars = part_of(times_each(times(bars, factor), odd), rows)
    events = (split(79, 1.0 / factor), action(3)) if has_split and factor != 1.0 else (action(3),)
    prices = downloaded(given_bars, *events)
    once = reconcile(prices, stored(known), NOW)
    then = after(known, once)
    kept = stored(then, *once.actions.given)
    again = reconcile(prices, kept, NOW)
    assert len(again.bars) == 0
    assert (again.actions.given, again.actions.vanished) == ((), ())
    assert {one.session_date for one in again.quarantined} <= {one.session_date for one in once.quarantined}


def test_a_bar_without_volume_that_comes_again_is_no_news() -> None:
    bars = replace(made_bars(N), volume=np.zeros(N))
    assert counts(reconcile(downloaded(bars), stored(bars), NOW)) == (0, 0, 0, 0)


def test_a_download_without_bars_changes_nothing() -> None:
    bars = made_bars(N)
    changes = reconcile(downloaded(made_bars(0), expected=N), stored(bars, action(3)), NOW)
    assert counts(changes) == (0, 0, 0, 0)
    assert changes.actions.vanished == ()
    assert len(changes.missing) == 0


def test_a_download_that_covers_less_than_is_known_leaves_the_rest() -> None:
    bars = made_bars(N)
    changes = reconcile(downloaded(rows_of(bars, slice(20, 40))), stored(bars, action(3), action(50)), NOW)
    assert (counts(changes), changes.actions.vanished) == ((0, 0, 0, 0), ())


# New and revised bars


def calm(bars: Bars) -> Bars:
    """The bars with a tenth of their moves, so that none is off the level of another."""
    return replace(bars, **{name: 100.0 * (getattr(bars, name) / 100.0) ** 0.1 for name in PRICES})


@given(bars=MADE.map(calm), known_rows=st.sets(st.integers(0, 79)), rows=st.sets(st.integers(0, 79)))
@example(calm(made_bars(68, 49)), set(), {5, 55})
@examples(60)
def test_what_is_stored_afterwards_is_the_download_over_what_was_known(
    bars: Bars, known_rows: set[int], rows: set[int]
) -> None:
    known = rows_of(bars, sorted(row for row in known_rows if row < len(bars)))
    revised = noisy(bars, 1, 0.01)
    given_bars = rows_of(revised, sorted(row for row in rows if row < len(bars)))
    changes = reconcile(downloaded(given_bars, expected=len(bars)), stored(known), NOW)
    assume(changes.rebasing is None)
    new = np.setdiff1d(given_bars.session_dates, known.session_dates)
    assert counts(changes) == (len(new), len(given_bars) - len(new), 0, 0)
    wanted = after(known, replace(changes, bars=given_bars))
    assert_same(after(known, changes), wanted)


def test_a_bar_that_agrees_but_for_its_volume_is_revised() -> None:
    bars = made_bars(N)
    volume = np.where(np.arange(N) == N - 1, bars.volume * 1.5, bars.volume)
    changes = reconcile(downloaded(replace(bars, volume=volume)), stored(bars), NOW)
    assert counts(changes) == (0, 1, 0, 0)
    assert changes.bars.volume.tolist() == [volume[-1]]
    assert restatement(downloaded(replace(bars, volume=bars.volume * 2)), stored(bars)) is None


def test_a_provisional_bar_is_superseded_when_it_has_settled() -> None:
    settled = made_bars(N)
    early = replace(settled, close=np.where(np.arange(N) == N - 1, settled.open, settled.close))
    changes = reconcile(downloaded(rows_of(settled, slice(-12, None))), stored(early), NOW)
    assert counts(changes) == (0, 1, 0, 0)
    assert changes.bars.close.tolist() == [settled.close[-1]]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_history_of_few_bars_grows(n: int) -> None:
    bars = made_bars(n + 2)
    changes = reconcile(downloaded(bars), stored(rows_of(bars, slice(0, n))), NOW)
    assert counts(changes) == (2, 0, 0, 0)


def test_a_history_of_one_or_two_bars_is_revised_by_small_changes() -> None:
    bars = made_bars(2)
    assert counts(reconcile(downloaded(times(bars, 0.995)), stored(bars), NOW)) == (0, 2, 0, 0)


@pytest.mark.parametrize("ratio", [0.5, 0.99])
def test_a_moment_in_the_past_revises_nothing(ratio: float) -> None:
    bars = made_bars(N)
    known = rows_of(bars, [row for row in range(N) if row != 7])
    past = downloaded(rows_of(times(bars, ratio), slice(0, N - 10)), split(N - 4))
    changes = reconcile(past, stored(known), NOW)
    assert restatement(past, stored(known)) is None
    assert changes.rebasing is None
    assert set(changes.bars.session_dates.tolist()) <= {bars.session_dates[7].item()}


# Gaps


def test_expected_sessions_without_a_bar_are_missing_from_the_first_bar_to_the_newest_expected() -> None:
    bars = made_bars(N)
    some = rows_of(bars, [10, 11, 14])
    changes = reconcile(downloaded(some, expected=17), stored(made_bars(0)), NOW)
    assert changes.missing.tolist() == [(FIRST + row * DAY).item() for row in (12, 13, 15, 16)]
    known = stored(rows_of(bars, [8, 12]))
    changes = reconcile(downloaded(some, expected=17), known, NOW)
    assert changes.missing.tolist() == [(FIRST + row * DAY).item() for row in (9, 13, 15, 16)]


def test_without_any_bar_no_session_is_missing() -> None:
    none = made_bars(0)
    assert reconcile(downloaded(none, expected=5), stored(none), NOW).missing.tolist() == []


def test_the_download_tells_of_every_day_between_the_sessions_too() -> None:
    weekdays = rows_of(made_bars(14), [0, 1, 2, 3, 4, 7, 8])
    changes = reconcile(downloaded(weekdays), stored(made_bars(0)), NOW)
    assert changes.checked_dates.tolist() == made_dates(9).tolist()


def test_a_download_for_the_past_does_not_judge_stored_sessions() -> None:
    bars = made_bars(N)
    known = stored(rows_of(bars, [2, 3, N - 1]))
    changes = reconcile(downloaded(rows_of(times(bars, 100.0), slice(0, 6))), known, NOW)
    assert changes.checked_dates.tolist() == [(FIRST + row * DAY).item() for row in (0, 1, 4, 5)]
