"""A download beside what is stored: news, revisions, other units, events, and what is not believed."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pipeline.ingest.jumps import ACCEPTED_AFTER
from pipeline.ingest.reconcile import reconcile, restatement
from pipeline.types import (
    ActionKind,
    Bars,
    CorporateAction,
    DecidedRow,
    Decision,
    KnownAction,
    KnownPrices,
    PriceChanges,
    ValidatedPrices,
)
from tests.made import DAY, FIRST, made_bars, made_dates
from tests.properties import examples

NOW = datetime(2025, 1, 1, tzinfo=UTC)
PATIENCE = timedelta(days=14)
PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "volume")
BOTH = frozenset(ActionKind)
SILENT = frozenset[ActionKind]()
N = 60
NOTHING = made_bars(0)


def rows_of(bars: Bars, rows: slice | Sequence[int]) -> Bars:
    values = (getattr(bars, name)[rows] for name in ("session_dates", *VALUES))
    return Bars(bars.symbol, *values)


def times(bars: Bars, factor: float, rows: slice = slice(None)) -> Bars:
    """The bars with the prices of some rows so many times as high, and the volume as many times lower."""
    factors = np.ones(len(bars))
    factors[rows] = factor
    prices = {name: getattr(bars, name) * factors for name in PRICES}
    return replace(bars, **prices, volume=bars.volume / factors)


def times_each(bars: Bars, factors: Mapping[int, float]) -> Bars:
    """The bars with the prices of each of these rows, as far as there are such, so many times as high."""
    for row, factor in factors.items():
        bars = times(bars, factor, slice(row, row + 1))
    return bars


def part_of(bars: Bars, rows: Iterable[int]) -> Bars:
    """The bars of these rows, as far as there are such, in their order."""
    return rows_of(bars, sorted(row for row in rows if row < len(bars)))


def still_waiting(waiting: Bars, changes: PriceChanges) -> Bars:
    """The bars in quarantine once the changes are applied to it."""
    kept = np.flatnonzero(~np.isin(waiting.session_dates, changes.judged))
    found = {waiting.session_dates[row]: [getattr(waiting, name)[row] for name in PRICES] for row in kept}
    for one in changes.quarantined:
        values = json.loads(one.row)
        found[one.session_date] = [values[name] for name in PRICES]
    days = sorted(found)
    prices = np.array([found[day] for day in days]).reshape(-1, 4)
    return Bars("MADE", np.array(days, dtype="datetime64[D]"), *prices.T, np.zeros(len(days)))


def noisy(bars: Bars, seed: int, size: float) -> Bars:
    rng = np.random.default_rng(seed)
    wobble = {name: getattr(bars, name) * (1 + rng.uniform(-size, size, len(bars))) for name in VALUES}
    return replace(bars, **wobble)


def action(row: int, kind: ActionKind = ActionKind.DIVIDEND, value: float = 0.5) -> CorporateAction:
    return CorporateAction("MADE", FIRST + row * DAY, kind, value)


def split(row: int, value: float = 4.0) -> CorporateAction:
    return action(row, ActionKind.SPLIT, value)


def downloaded(
    bars: Bars,
    *actions: CorporateAction,
    announced: tuple[CorporateAction, ...] = (),
    kinds: frozenset[ActionKind] = BOTH,
    expected: int = 0,
) -> ValidatedPrices:
    """Bars that were expected, as were all days before row `expected`."""
    splits = tuple(one for one in actions if one.kind is ActionKind.SPLIT)
    sessions = np.union1d(bars.session_dates, FIRST + np.arange(expected))
    return ValidatedPrices(bars, (), actions, (*splits, *announced), kinds, sessions)


def stored(
    bars: Bars,
    *actions: CorporateAction,
    missing_since: datetime | None = None,
    decided: tuple[DecidedRow, ...] = (),
    waiting: Bars = NOTHING,
) -> KnownPrices:
    return KnownPrices(bars, tuple(KnownAction(one, missing_since) for one in actions), decided, waiting)


def decision(bars: Bars, row: int, what: Decision = Decision.RELEASED) -> DecidedRow:
    opened, high, low, close = (float(getattr(bars, name)[row]) for name in PRICES)
    return DecidedRow(bars.session_dates[row], (opened, high, low, close), what)


def counts(changes: PriceChanges) -> tuple[int, int, int, int]:
    """New, revised, re-based and rejected bars."""
    return changes.n_new, changes.n_revised, changes.n_rebased, len(changes.quarantined)


def after(known: Bars, changes: PriceChanges) -> Bars:
    """What is stored once the changes are applied."""
    kept = rows_of(known, np.flatnonzero(~np.isin(known.session_dates, changes.bars.session_dates)))
    columns = {
        name: np.concatenate([getattr(kept, name), getattr(changes.bars, name)])
        for name in ("session_dates", *VALUES)
    }
    order = np.argsort(columns["session_dates"])
    return Bars(known.symbol, **{name: values[order] for name, values in columns.items()})


def assert_same(found: Bars, wanted: Bars, tolerance: float = 1e-12) -> None:
    np.testing.assert_array_equal(found.session_dates, wanted.session_dates)
    for name in VALUES:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=tolerance)


# Nothing new


MADE = st.builds(made_bars, st.integers(1, 80), st.integers(0, 10_000))


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


ODD = st.dictionaries(st.integers(0, 79), st.sampled_from([0.01, 0.5, 0.999, 1.003, 4.0, 100.0]))


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


FEW = st.integers(0, 29)


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


MANY = st.integers(0, 89)
STRETCHES = st.lists(
    st.tuples(MANY, st.integers(1, 25), st.sampled_from([0.01, 0.25, 0.5, 1.6, 2.0, 4.0, 100.0])), max_size=3
)
RANGES = st.tuples(MANY, st.integers(1, 90)).map(lambda ends: range(ends[0], sum(ends)))


def with_stretches(bars: Bars, stretches: list[tuple[int, int, float]]) -> Bars:
    for first, length, factor in stretches:
        bars = times(bars, factor, slice(first, first + length))
    return bars


def with_gap(bars: Bars, row: int, days: int) -> Bars:
    """The bars, those from a row on so many days later."""
    return replace(
        bars, session_dates=bars.session_dates + np.where(np.arange(len(bars)) >= row, days, 0) * DAY
    )


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


def test_a_wrong_stored_stretch_is_corrected_and_the_bar_before_it_believed_at_once() -> None:
    bars = made_bars(N)
    wrong = times(bars, 100.0, slice(31, 40))
    known = rows_of(wrong, [*range(30), *range(31, N)])
    changes = reconcile(downloaded(bars), stored(known), NOW)
    assert counts(changes) == (1, 9, 0, 0)
    assert_same(after(known, changes), bars)


def test_new_bars_beside_stored_ones_that_the_download_contradicts_prove_no_other_level() -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(28, 32))
    changes = reconcile(downloaded(times(bars, 4.0, slice(0, 30))), stored(known), NOW)
    assert counts(changes) == (N - 32, 0, 0, 30)
    assert_same(after(known, changes), rows_of(bars, slice(28, None)))


def test_one_or_two_of_many_stored_bars_show_no_other_units() -> None:
    bars = made_bars(N)
    for rows in (slice(N - 1, None), slice(N - 2, None)):
        odd = rows_of(times(bars, 0.25), rows)
        changes = reconcile(downloaded(odd, announced=(split(N),)), stored(bars), NOW)
        assert (changes.rebasing, counts(changes)) == (None, (0, 0, 0, len(odd)))


@pytest.mark.parametrize(("n", "is_believed"), [(ACCEPTED_AFTER - 1, False), (ACCEPTED_AFTER, True)])
def test_other_units_that_no_split_is_told_of_have_to_last(n: int, is_believed: bool) -> None:
    bars = made_bars(N)
    recent = rows_of(times(bars, 0.25), slice(N - n, None))
    changes = reconcile(downloaded(recent, kinds=SILENT), stored(bars), NOW)
    assert (changes.rebasing is not None) is is_believed


@pytest.mark.parametrize(("n", "is_believed"), [(ACCEPTED_AFTER - 1, False), (ACCEPTED_AFTER, True)])
@pytest.mark.parametrize("n_known", [3, 5, 19])
def test_a_young_history_is_rebased_by_a_split_that_nobody_tells_of_once_it_lasts(
    n_known: int, n: int, is_believed: bool
) -> None:
    bars = made_bars(n)
    known = rows_of(bars, slice(0, n_known))
    changes = reconcile(downloaded(times(bars, 0.25), kinds=SILENT), stored(known), NOW)
    wanted = times(bars, 0.25) if is_believed else known
    assert_same(after(known, changes), wanted)


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


# Other units


@pytest.mark.parametrize("covered", [slice(None), slice(30, None)], ids=["all of it", "its newer half"])
@pytest.mark.parametrize("ratio", [0.25, 0.1, 10.0, 1 / 1.5, 1.0 / 1.1, 0.995])
def test_a_history_in_other_units_is_rebased_as_a_whole(ratio: float, covered: slice) -> None:
    bars = made_bars(N + 1)
    known = rows_of(bars, slice(0, N))
    now = times(bars, ratio)
    changes = reconcile(downloaded(rows_of(now, covered), split(N, 1 / ratio)), stored(known), NOW)
    assert changes.rebasing is not None
    assert changes.rebasing.ratio == pytest.approx(ratio)
    assert changes.rebasing.through == known.session_dates[-1]
    assert counts(changes) == (1, 0, N, 0)
    then = after(known, changes)
    for name in PRICES:
        np.testing.assert_allclose(getattr(then, name), getattr(now, name), rtol=1e-12)


@given(bars=st.builds(made_bars, st.just(N), st.integers(0, 10_000)), first=st.integers(0, N - 5))
@examples(40)
def test_after_a_split_bars_and_volumes_that_the_download_lacks_come_into_its_units(
    bars: Bars, first: int
) -> None:
    now = times(bars, 0.25)
    prices = downloaded(rows_of(now, slice(first, None)), split(N - 1))
    known = rows_of(bars, slice(0, N - 1))
    assert_same(after(known, reconcile(prices, stored(known), NOW)), now)


def test_a_rebased_history_is_not_rebased_again() -> None:
    bars = made_bars(N)
    now = times(bars, 0.25)
    prices = downloaded(now, split(N - 1))
    known = rows_of(bars, slice(0, N - 1))
    once = reconcile(prices, stored(known), NOW)
    again = reconcile(prices, stored(after(known, once), *once.actions.given), NOW)
    assert (counts(again), again.rebasing) == ((0, 0, 0, 0), None)
    assert restatement(prices, stored(after(known, once), *once.actions.given)) is None


def test_other_units_without_a_split_are_not_believed() -> None:
    bars = made_bars(N)
    changes = reconcile(downloaded(times(bars, 0.25)), stored(bars), NOW)
    assert (counts(changes), changes.rebasing) == ((0, 0, 0, N), None)
    assert {one.reason for one in changes.quarantined} == {
        "a jump like a split of 4:1 or 1:4 that is not applied to all prices"
    }


def test_other_units_of_a_source_that_tells_of_no_splits_have_to_be_those_of_a_usual_one() -> None:
    bars = made_bars(N)
    for ratio, is_believed in ((0.25, True), (0.01, False), (0.37, False)):
        changes = reconcile(downloaded(times(bars, ratio), kinds=SILENT), stored(bars), NOW)
        assert (changes.rebasing is not None) is is_believed


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(slice(0, 30), id="to the older part only"),
        pytest.param(slice(30, None), id="to the newer part only"),
        pytest.param(slice(20, 40), id="to a part in the middle"),
    ],
)
def test_a_split_that_is_applied_to_a_part_of_the_history_changes_nothing_stored(rows: slice) -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(0, N - 1))
    changes = reconcile(downloaded(times(bars, 0.25, rows), split(N - 1)), stored(known), NOW)
    assert changes.rebasing is None
    assert changes.n_revised == 0
    then = after(known, changes)
    assert_same(rows_of(then, slice(0, N - 1)), known)


def test_a_split_day_that_has_not_settled_explains_the_units_that_come_with_it() -> None:
    bars = made_bars(N)
    now = rows_of(times(bars, 0.25), slice(0, N - 1))
    prices = downloaded(now, announced=(split(N - 1),))
    assert restatement(prices, stored(rows_of(bars, slice(0, N - 2)))) is not None
    known = rows_of(bars, slice(0, N - 2))
    changes = reconcile(prices, stored(known), NOW)
    assert counts(changes) == (1, 0, N - 2, 0)
    assert changes.actions.given == ()
    assert_same(after(known, changes), now)


def test_a_released_jump_does_not_stand_in_the_way_of_a_later_split() -> None:
    bars = times(made_bars(N), 3.0, slice(30, None))
    known = rows_of(bars, slice(0, N - 1))
    kept = stored(known, decided=(decision(bars, 30),))
    changes = reconcile(downloaded(times(bars, 0.25), split(N - 1)), kept, NOW)
    assert counts(changes) == (1, 0, N - 1, 0)
    assert_same(after(known, changes), times(bars, 0.25))


def test_units_that_are_taken_back_with_their_split_come_back() -> None:
    """A split that never was: the source gives it, divides the history by it, and repents."""
    bars = made_bars(N)
    known = times(rows_of(bars, slice(0, N - 1)), 0.25)
    changes = reconcile(downloaded(bars), stored(known, split(N - 1)), NOW)
    assert_same(after(known, changes), bars)
    assert counts(changes) == (1, 0, N - 1, 0)


def test_a_split_that_was_stored_before_its_units_came_explains_them() -> None:
    bars = times(made_bars(N), 4.0, slice(0, N - 1))
    known = stored(rows_of(bars, slice(0, N - 1)), split(N - 1))
    changes = reconcile(downloaded(made_bars(N), split(N - 1)), known, NOW)
    assert counts(changes) == (1, 0, N - 1, 0)


def test_a_split_that_is_told_otherwise_brings_the_units_between_the_two() -> None:
    """Four for one, by which the stored history was divided, was two for one."""
    bars = made_bars(N)
    known = stored(times(rows_of(bars, slice(0, N - 1)), 0.5), split(N - 1, 4.0))
    changes = reconcile(downloaded(bars, split(N - 1, 2.0)), known, NOW)
    assert_same(after(known.bars, changes), bars)
    assert counts(changes) == (1, 0, N - 1, 0)


@pytest.mark.parametrize("row", [10, N - 2])
def test_a_split_that_the_stored_bars_know_and_that_is_told_late_explains_no_units(row: int) -> None:
    bars = times(made_bars(N), 4.0, slice(0, N - 1))
    known = rows_of(bars, slice(0, N - 1))
    changes = reconcile(downloaded(made_bars(N), split(row, 2.0), split(N - 1)), stored(known), NOW)
    assert counts(changes) == (1, 0, N - 1, 0)


def test_of_a_history_in_other_units_the_bars_that_differ_otherwise_are_revised() -> None:
    bars = made_bars(N)
    now = times_each(bars, dict.fromkeys(range(40), 0.99) | {50: 1 + 5e-5})
    now = replace(now, high=now.high * np.where(np.arange(N) == 20, 1.03, 1.0))
    changes = reconcile(downloaded(part_of(now, {*range(N)} - {55})), stored(bars), NOW)
    assert counts(changes) == (0, 2, 39, 0)
    assert not np.isin(bars.session_dates[55], changes.bars.session_dates)


def test_a_split_that_never_was_does_not_divide_the_history() -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(0, N - 1))
    changes = reconcile(downloaded(times(bars, 0.25, slice(0, N - 1)), split(N - 1)), stored(known), NOW)
    assert changes.rebasing is None
    assert_same(rows_of(after(known, changes), slice(0, N - 1)), known)


def test_an_answer_from_before_a_split_is_not_believed() -> None:
    bars = made_bars(N)
    known = times(bars, 0.25)
    answer = downloaded(rows_of(bars, slice(0, N - 5)), expected=N)
    changes = reconcile(answer, stored(known, split(N - 5)), NOW)
    assert (counts(changes), changes.rebasing) == ((0, 0, 0, N - 5), None)


@pytest.mark.parametrize("n", [1, 2])
def test_a_history_of_one_or_two_bars_is_rebased_by_a_split(n: int) -> None:
    bars = made_bars(n + 3)
    known = rows_of(bars, slice(0, n))
    changes = reconcile(downloaded(times(bars, 0.25), split(n)), stored(known), NOW)
    assert_same(after(known, changes), times(bars, 0.25))


def test_a_history_of_one_or_two_bars_is_revised_by_small_changes() -> None:
    bars = made_bars(2)
    assert counts(reconcile(downloaded(times(bars, 0.995)), stored(bars), NOW)) == (0, 2, 0, 0)


# What has to be asked for as a whole


def test_a_new_split_after_stored_bars_asks_for_the_whole_history() -> None:
    bars = made_bars(N)
    recent = downloaded(rows_of(bars, slice(40, None)), split(50))
    found = restatement(recent, stored(bars))
    assert found is not None
    assert "a split on 2024-02-20" in found.why
    assert restatement(recent, stored(bars, split(50))) is None
    assert restatement(recent, stored(rows_of(bars, slice(50, None)))) is None


def test_a_dividend_asks_for_nothing_more() -> None:
    bars = made_bars(N)
    assert restatement(downloaded(bars, action(50)), stored(bars)) is None


@pytest.mark.parametrize(("changed", "asks"), [(0, False), (2, False), (3, True), (20, True)])
def test_closes_that_have_all_changed_ask_for_the_whole_history(changed: int, asks: bool) -> None:
    bars = made_bars(N)
    recent = times(rows_of(bars, slice(40, None)), 0.995, slice(0, changed))
    found = restatement(downloaded(recent), stored(bars))
    assert (found is not None) is asks
    assert found is None or found.why == "the closes from 2024-02-10 on have changed"


# Events


def test_a_dividend_is_stored_and_revises_no_bar() -> None:
    bars = made_bars(N)
    changes = reconcile(downloaded(bars, action(50)), stored(bars), NOW)
    assert (counts(changes), changes.actions.given) == ((0, 0, 0, 0), (action(50),))


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


def test_the_events_of_a_bar_in_quarantine_wait_with_it() -> None:
    bars = times(made_bars(N), 100.0, slice(N - 1, None))
    known = rows_of(bars, slice(0, N - 1))
    changes = reconcile(downloaded(bars, action(N - 1)), stored(known), NOW)
    assert (counts(changes), changes.actions.given) == ((0, 0, 0, 1), ())


def test_after_a_split_dividends_that_the_download_does_not_tell_of_come_into_its_units() -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(0, N - 1))
    recent = rows_of(times(bars, 0.25), slice(30, None))
    told = (action(40, value=0.125), split(N - 1))
    changes = reconcile(downloaded(recent, *told), stored(known, split(5), action(10), action(40)), NOW)
    assert set(changes.actions.given) == {*told, action(10, value=0.125)}


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


# Quarantine and gaps


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


def test_a_wrong_level_that_was_stored_is_corrected_with_the_source() -> None:
    bars = made_bars(N)
    known = times(bars, 100.0, slice(20, 45))
    changes = reconcile(downloaded(bars), stored(known), NOW)
    assert_same(after(known, changes), bars)
    assert changes.quarantined == ()


def test_expected_sessions_without_a_bar_are_missing_from_the_first_bar_to_the_newest_expected() -> None:
    bars = made_bars(N)
    some = rows_of(bars, [10, 11, 14])
    changes = reconcile(downloaded(some, expected=17), stored(made_bars(0)), NOW)
    assert changes.missing.tolist() == [(FIRST + row * DAY).item() for row in (12, 13, 15, 16)]
    known = stored(rows_of(bars, [8, 12]))
    changes = reconcile(downloaded(some, expected=17), known, NOW)
    assert changes.missing.tolist() == [(FIRST + row * DAY).item() for row in (9, 13, 15, 16)]


def test_the_download_tells_of_every_day_between_the_sessions_too() -> None:
    weekdays = rows_of(made_bars(14), [0, 1, 2, 3, 4, 7, 8])
    changes = reconcile(downloaded(weekdays), stored(made_bars(0)), NOW)
    assert changes.judged.tolist() == made_dates(9).tolist()


def test_a_download_for_the_past_does_not_judge_stored_sessions() -> None:
    bars = made_bars(N)
    known = stored(rows_of(bars, [2, 3, N - 1]))
    changes = reconcile(downloaded(rows_of(times(bars, 100.0), slice(0, 6))), known, NOW)
    assert changes.judged.tolist() == [(FIRST + row * DAY).item() for row in (0, 1, 4, 5)]


@pytest.mark.parametrize("ratio", [0.55, 0.58, 0.6, 0.62, 0.65, 0.69, 1.5, 1.6, 100.0])
def test_other_units_that_nothing_explains_are_refused_as_a_whole(ratio: float) -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(0, N - 5))
    changes = reconcile(downloaded(times(bars, ratio)), stored(known), NOW)
    assert (counts(changes)[:3], len(changes.quarantined)) == ((0, 0, 0), N)
    assert changes.n_contradicting == N - 5


@pytest.mark.parametrize(("agreeing", "is_rebased"), [(9, False), (10, True), (20, True)])
def test_other_units_are_those_that_half_of_the_common_bars_share(agreeing: int, is_rebased: bool) -> None:
    bars = made_bars(20)
    changes = reconcile(downloaded(times(bars, 0.99, slice(0, agreeing))), stored(bars), NOW)
    assert (changes.rebasing is not None) is is_rebased
    assert counts(changes) == ((0, 0, agreeing, 0) if is_rebased else (0, agreeing, 0, 0))


def test_a_few_corrected_bars_are_no_other_units() -> None:
    bars = made_bars(N)
    window = slice(N - 30, None)
    given_bars = rows_of(times(bars, 1.01, slice(N - 30, N - 27)), window)
    changes = reconcile(downloaded(given_bars), stored(bars), NOW)
    assert (changes.rebasing, counts(changes)[:3]) == (None, (0, 3, 0))


@pytest.mark.parametrize("ratio", [0.5, 0.99])
def test_a_moment_in_the_past_revises_nothing(ratio: float) -> None:
    bars = made_bars(N)
    known = rows_of(bars, [row for row in range(N) if row != 7])
    past = downloaded(rows_of(times(bars, ratio), slice(0, N - 10)), split(N - 4))
    changes = reconcile(past, stored(known), NOW)
    assert restatement(past, stored(known)) is None
    assert changes.rebasing is None
    assert set(changes.bars.session_dates.tolist()) <= {bars.session_dates[7].item()}


@pytest.mark.parametrize(("n_known", "n_given"), [(1, 5), (5, 1), (1, 1)])
def test_a_moment_in_the_past_changes_no_event_however_little_is_known_or_given(
    n_known: int, n_given: int
) -> None:
    bars = made_bars(10)
    known = stored(rows_of(bars, slice(10 - n_known, None)))
    past = downloaded(rows_of(bars, slice(0, n_given)), action(0))
    changes = reconcile(past, known, NOW)
    assert (counts(changes), changes.actions.given) == ((n_given, 0, 0, 0), ())


def test_three_bars_show_other_units_however_little_they_differ() -> None:
    bars = made_bars(3)
    changes = reconcile(downloaded(times(bars, 0.995)), stored(bars), NOW)
    assert changes.rebasing is not None
    assert changes.rebasing.ratio == pytest.approx(0.995)
    assert counts(changes) == (0, 0, 3, 0)


def test_without_any_bar_no_session_is_missing() -> None:
    none = made_bars(0)
    assert reconcile(downloaded(none, expected=5), stored(none), NOW).missing.tolist() == []


def test_a_bar_without_volume_that_comes_again_is_no_news() -> None:
    bars = replace(made_bars(N), volume=np.zeros(N))
    assert counts(reconcile(downloaded(bars), stored(bars), NOW)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("value", "again", "is_news"),
    [
        pytest.param(0.01, 0.0100005, False, id="a small one rounded"),
        pytest.param(0.01, 0.0101, True, id="a small one changed"),
        pytest.param(100.0, 100.005, False, id="a large one rounded"),
        pytest.param(100.0, 100.02, True, id="a large one changed"),
    ],
)
def test_a_dividend_is_news_by_its_relative_change(value: float, again: float, is_news: bool) -> None:
    bars = made_bars(N)
    changes = reconcile(downloaded(bars, action(50, value=again)), stored(bars, action(50, value=value)), NOW)
    assert [one.value for one in changes.actions.given] == [again] * is_news
