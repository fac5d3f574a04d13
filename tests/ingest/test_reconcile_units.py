"""A download in other units than what is stored: splits, re-basing, what has to be asked for as a whole."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from pipeline.ingest.jumps import ACCEPTED_AFTER
from pipeline.ingest.reconcile import reconcile, restatement
from pipeline.ingest.units import accepted_units
from pipeline.types import ActionKind, Bars, CorporateAction, Rebasing
from tests.ingest.prices import (
    BOTH,
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
from tests.made import made_bars
from tests.properties import examples

# A history in other units


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


def test_after_a_split_dividends_that_the_download_does_not_tell_of_come_into_its_units() -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(0, N - 1))
    recent = rows_of(times(bars, 0.25), slice(30, None))
    told = (action(40, value=0.125), split(N - 1))
    changes = reconcile(downloaded(recent, *told), stored(known, split(5), action(10), action(40)), NOW)
    assert set(changes.actions.given) == {*told, action(10, value=0.125)}


def test_a_rebased_history_is_not_rebased_again() -> None:
    bars = made_bars(N)
    now = times(bars, 0.25)
    prices = downloaded(now, split(N - 1))
    known = rows_of(bars, slice(0, N - 1))
    once = reconcile(prices, stored(known), NOW)
    again = reconcile(prices, stored(after(known, once), *once.actions.given), NOW)
    assert (counts(again), again.rebasing) == ((0, 0, 0, 0), None)
    assert restatement(prices, stored(after(known, once), *once.actions.given)) is None


def test_of_a_history_in_other_units_the_bars_that_differ_otherwise_are_revised() -> None:
    bars = made_bars(N)
    now = times_each(bars, dict.fromkeys(range(40), 0.99) | {50: 1 + 5e-5})
    now = replace(now, high=now.high * np.where(np.arange(N) == 20, 1.03, 1.0))
    changes = reconcile(downloaded(part_of(now, {*range(N)} - {55})), stored(bars), NOW)
    assert counts(changes) == (0, 2, 39, 0)
    assert not np.isin(bars.session_dates[55], changes.bars.session_dates)


@pytest.mark.parametrize("n", [1, 2])
def test_a_history_of_one_or_two_bars_is_rebased_by_a_split(n: int) -> None:
    bars = made_bars(n + 3)
    known = rows_of(bars, slice(0, n))
    changes = reconcile(downloaded(times(bars, 0.25), split(n)), stored(known), NOW)
    assert_same(after(known, changes), times(bars, 0.25))


def test_three_bars_show_other_units_however_little_they_differ() -> None:
    bars = made_bars(3)
    changes = reconcile(downloaded(times(bars, 0.995)), stored(bars), NOW)
    assert changes.rebasing is not None
    assert changes.rebasing.ratio == pytest.approx(0.995)
    assert counts(changes) == (0, 0, 3, 0)


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


def test_one_or_two_of_many_stored_bars_show_no_other_units() -> None:
    bars = made_bars(N)
    for rows in (slice(N - 1, None), slice(N - 2, None)):
        odd = rows_of(times(bars, 0.25), rows)
        changes = reconcile(downloaded(odd, announced=(split(N),)), stored(bars), NOW)
        assert (changes.rebasing, counts(changes)) == (None, (0, 0, 0, len(odd)))


# What explains them


def test_other_units_without_a_split_are_not_believed() -> None:
    bars = made_bars(N)
    changes = reconcile(downloaded(times(bars, 0.25)), stored(bars), NOW)
    assert (counts(changes), changes.rebasing) == ((0, 0, 0, N), None)
    assert {one.reason for one in changes.quarantined} == {
        "a jump like a split of 4:1 or 1:4 that is not applied to all prices"
    }


@pytest.mark.parametrize("ratio", [0.55, 0.58, 0.6, 0.62, 0.65, 0.69, 1.5, 1.6, 100.0])
def test_other_units_that_nothing_explains_are_refused_as_a_whole(ratio: float) -> None:
    bars = made_bars(N)
    known = rows_of(bars, slice(0, N - 5))
    changes = reconcile(downloaded(times(bars, ratio)), stored(known), NOW)
    assert (counts(changes)[:3], len(changes.quarantined)) == ((0, 0, 0), N)
    assert changes.n_contradicting == N - 5


def test_other_units_of_a_source_that_tells_of_no_splits_have_to_be_those_of_a_usual_one() -> None:
    bars = made_bars(N)
    for ratio, is_believed in ((0.25, True), (0.01, False), (0.37, False)):
        changes = reconcile(downloaded(times(bars, ratio), kinds=SILENT), stored(bars), NOW)
        assert (changes.rebasing is not None) is is_believed


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


# The exact ratio of a split


def in_cents(bars: Bars) -> Bars:
    """From bars, make those with all prices rounded to cents."""
    return replace(bars, **{name: np.round(getattr(bars, name), 2) for name in PRICES})


@pytest.mark.parametrize(("value", "kinds"), [(4.0, BOTH), (1.25, BOTH), (4.0, SILENT), (1.0 / 8.0, BOTH)])
def test_a_history_rebased_by_a_split_has_the_splits_exact_ratio_however_the_source_rounds(
    value: float, kinds: frozenset[ActionKind]
) -> None:
    bars = made_bars(N + 1)
    known, now = rows_of(bars, slice(0, N)), noisy(times(bars, 1.0 / value), 5, 4e-4)
    events = (split(N, value),) if kinds is BOTH else ()
    changes = reconcile(downloaded(rows_of(now, slice(30, None)), *events, kinds=kinds), stored(known), NOW)
    assert changes.rebasing is not None
    assert changes.rebasing.ratio == pytest.approx(1.0 / value, rel=1e-15)
    then = rows_of(after(known, changes), slice(0, 30))
    np.testing.assert_allclose(then.close, bars.close[:30] / value, rtol=1e-15)


@pytest.mark.parametrize("price", [10.0, 30.0, 100.0])
@pytest.mark.parametrize("n_common", [1, 30])
def test_prices_rounded_to_cents_hide_no_exact_ratio(price: float, n_common: int) -> None:
    for seed in range(20):
        bars = made_bars(N + 1, seed)
        bars = times(bars, price / float(np.median(bars.close)))
        known = in_cents(rows_of(bars, slice(0, N)))
        now = rows_of(in_cents(times(bars, 0.25)), slice(N - n_common, None))
        changes = reconcile(downloaded(now, split(N)), stored(rows_of(known, slice(N - n_common, None))), NOW)
        assert changes.rebasing is not None
        assert changes.rebasing.ratio == pytest.approx(0.25, rel=1e-15)


@pytest.mark.parametrize("n", [2, 4, 8])
def test_a_ratio_is_that_of_a_split_unless_a_t_test_finds_another(n: int) -> None:
    rng, known = np.random.default_rng(n), made_bars(n)
    found = []
    for offset in rng.uniform(0.0, 0.004, 200):
        noise = offset + rng.normal(0.0, 4e-4, n)
        now = times_each(times(known, 0.25), dict(enumerate(np.exp(noise))))
        units = accepted_units(
            Rebasing(known.session_dates[-1], 0.25 * 1.0001), downloaded(now, split(n)), stored(known)
        )
        assert units is not None
        is_another = bool(abs(noise.mean()) > 1e-4 and ttest_1samp(noise, 0.0).pvalue < 0.003)
        assert units.ratio == pytest.approx(0.25 * 1.0001 if is_another else 0.25, rel=1e-12)
        found.append(is_another)
    assert 0.02 < np.mean(found) < 0.98


@pytest.mark.parametrize("ratio", [0.25 * 0.99, 0.25 * 0.9992, 0.995, 1.0 / 1.1 * 0.997])
def test_a_history_adjusted_for_more_than_a_split_keeps_the_ratio_that_is_measured(ratio: float) -> None:
    bars = made_bars(N + 1)
    known, value = rows_of(bars, slice(0, N)), 4.0 if ratio < 0.5 else 1.1
    changes = reconcile(downloaded(times(bars, ratio), split(N, value)), stored(known), NOW)
    assert changes.rebasing is not None
    assert changes.rebasing.ratio == pytest.approx(ratio, rel=1e-9)


@pytest.mark.parametrize("ratio", [0.9995, 0.99])
@pytest.mark.parametrize(
    ("known_splits", "given_splits"),
    [
        pytest.param((), (), id="without any split"),
        pytest.param((split(N - 1, 1.5),), (split(N - 1, 1.50004),), id="after a split that is rounded"),
        pytest.param(
            (split(N - 3, 7.0), split(N - 2, 3.0), split(N - 1, 2.0)),
            (split(N - 1, 2.0), split(N - 2, 3.0), split(N - 3, 7.0)),
            id="after splits in another order",
        ),
    ],
)
def test_a_history_adjusted_for_a_dividend_keeps_the_ratio_that_is_measured(
    ratio: float, known_splits: tuple[CorporateAction, ...], given_splits: tuple[CorporateAction, ...]
) -> None:
    bars = made_bars(N)
    changed = times(bars, ratio, slice(0, N - 4))
    changes = reconcile(downloaded(changed, *given_splits), stored(bars, *known_splits), NOW)
    assert counts(changes) == (0, 0, N - 4, 0)
    assert changes.rebasing is not None
    assert changes.rebasing.ratio == pytest.approx(ratio, rel=1e-9)


def test_a_split_that_the_source_takes_back_is_undone_exactly() -> None:
    bars = made_bars(N)
    known = stored(times(rows_of(bars, slice(0, N - 1)), 0.25), split(N - 1))
    back = noisy(rows_of(bars, slice(20, None)), 3, 4e-4)
    changes = reconcile(downloaded(back), known, NOW)
    assert changes.rebasing is not None
    assert changes.rebasing.ratio == pytest.approx(4.0, rel=1e-15)
