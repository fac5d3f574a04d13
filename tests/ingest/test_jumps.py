"""Which bars stand on another price level, and that no others are doubted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.jumps import jumps, reason_of
from pipeline.types import Bars, FloatArray
from tests.made import made_bars
from tests.properties import examples

ACCEPTED_AFTER = 20
PRICES = ("open", "high", "low", "close")


def times(bars: Bars, factor: float | FloatArray, rows: slice = slice(None)) -> Bars:
    """The bars with the prices of some rows so many times as high."""
    factors = np.ones(len(bars))
    factors[rows] = factor
    return replace(bars, **{name: getattr(bars, name) * factors for name in PRICES})


def off_rows(
    bars: Bars,
    known: FloatArray | None = None,
    released: tuple[int, ...] = (),
) -> list[int]:
    n = len(bars)
    ratios = jumps(
        bars,
        np.full(n, np.nan) if known is None else known,
        np.isin(np.arange(n), released),
    )
    return [int(row) for row in np.flatnonzero(np.isfinite(ratios))]


WILD = st.builds(made_bars, st.integers(1, 150), st.integers(0, 10_000))


@given(
    n=st.integers(1, 400),
    seed=st.integers(0, 2**32 - 1),
    daily_sd=st.floats(min_value=0.0, max_value=0.06),
    start=st.floats(min_value=1e-6, max_value=1e6),
)
@examples(80)
def test_the_days_of_a_wild_market_are_never_doubted(
    n: int, seed: int, daily_sd: float, start: float
) -> None:
    rng = np.random.default_rng(seed)
    close = start * np.exp(np.cumsum(rng.normal(0.0, daily_sd, n)))
    opened = close * np.exp(rng.normal(0.0, daily_sd / 3, n))
    dates = np.datetime64("2020-01-01", "D") + np.arange(n)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    assert off_rows(Bars("X", dates, opened, high, low, close, np.ones(n))) == []


@given(bars=WILD, row=st.integers(0, 149), factor=st.sampled_from([0.01, 0.1, 0.25, 0.5, 2.0, 3.0, 100.0]))
@examples(80)
def test_one_bar_off_the_level_is_doubted_and_no_other(bars: Bars, row: int, factor: float) -> None:
    row %= len(bars)
    if len(bars) < 3:
        return  # nobody can tell which of two is right
    assert off_rows(times(bars, factor, slice(row, row + 1))) == [row]


@given(bars=WILD, scale=st.floats(min_value=1e-6, max_value=1e6), rows=st.slices(150))
@examples(80)
def test_prices_in_another_unit_are_judged_alike(bars: Bars, scale: float, rows: slice) -> None:
    odd = times(bars, 4.0, rows)
    nowhere = np.full(len(bars), np.nan), np.zeros(len(bars), dtype=bool)
    np.testing.assert_allclose(jumps(times(odd, scale), *nowhere), jumps(odd, *nowhere), rtol=1e-9)


@given(bars=WILD, factor=st.floats(min_value=0.01, max_value=100.0), rows=st.slices(150))
@examples(40)
def test_bars_that_are_stored_just_so_are_not_doubted(bars: Bars, factor: float, rows: slice) -> None:
    odd = times(bars, factor, rows)
    assert off_rows(odd, odd.close) == []


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(slice(40, 43), id="in the middle"),
        pytest.param(slice(57, 60), id="at the newest end"),
        pytest.param(slice(0, 3), id="at the start of the history"),
        pytest.param(slice(40, 40 + ACCEPTED_AFTER), id="for as long as no new level is believed"),
    ],
)
@pytest.mark.parametrize("factor", [100.0, 0.01], ids=["100 times too high", "100 times too low"])
def test_pence_among_pounds_are_doubted(rows: slice, factor: float) -> None:
    assert off_rows(times(made_bars(60), factor, rows)) == list(range(60))[rows]


def test_where_units_come_and_go_most_of_the_first_bars_are_believed() -> None:
    assert off_rows(times(made_bars(23), 100.0, slice(4, 13))) == list(range(4, 13))


def test_both_sides_of_a_split_that_is_not_applied_are_believed_but_for_the_first_bar_after_it() -> None:
    assert off_rows(times(made_bars(60), 0.25, slice(30, None))) == [30]


def test_a_new_level_is_not_believed_before_it_has_lasted() -> None:
    assert off_rows(times(made_bars(30 + ACCEPTED_AFTER), 0.25, slice(30, None))) == list(
        range(30, 30 + ACCEPTED_AFTER)
    )
    assert off_rows(times(made_bars(31 + ACCEPTED_AFTER), 0.25, slice(30, None))) == [30]


def test_a_new_level_beside_stored_bars_is_believed_once_it_has_lasted() -> None:
    bars = times(made_bars(52), 0.25, slice(30, None))
    known = np.where(np.arange(52) < 30, bars.close, np.nan)
    assert off_rows(bars, known) == [30]
    assert off_rows(bars, np.where(np.arange(52) == 50, bars.close, known)) == list(range(30, 50))


def test_a_day_whose_range_touches_the_level_is_believed_however_it_ends() -> None:
    bars = made_bars(10)
    crash = replace(bars, close=np.where(np.arange(10) == 5, bars.close / 10, bars.close))
    crash = replace(crash, low=np.minimum(crash.low, crash.close))
    assert 5 not in off_rows(crash)


@pytest.mark.parametrize(
    ("factor", "is_off"),
    [
        (1.74, False),
        (1.8, True),
        (1 / 1.74, False),
        (1 / 1.8, True),
        (1.5, True),
        (1 / 1.5, True),
        (1.4, False),
    ],
)
def test_a_gap_is_doubted_from_the_usual_splits_on(factor: float, is_off: bool) -> None:
    close = np.full(30, 100.0) * np.where(np.arange(30) >= 29, factor, 1.0)
    dates = np.datetime64("2020-01-01", "D") + np.arange(30)
    assert off_rows(Bars("X", dates, close, close, close, close, close)) == ([29] if is_off else [])


def test_the_first_bar_is_held_against_the_close_before_it() -> None:
    bars = made_bars(6)
    before = np.where(np.arange(6) == 0, bars.close, np.nan)
    assert off_rows(times(bars, 0.25, slice(1, None)), before) == [1, 2, 3, 4, 5]
    assert off_rows(bars, before) == []


def test_stored_bars_in_other_units_doubt_every_bar_of_the_download() -> None:
    bars = made_bars(90)
    assert off_rows(times(bars, 0.25), bars.close) == list(range(90))


def test_new_bars_in_other_units_are_doubted_however_many_stored_ones_are() -> None:
    bars = made_bars(90)
    known = np.where(np.arange(90) < 85, bars.close, np.nan)
    assert off_rows(times(bars, 0.25), known) == list(range(90))


def test_after_months_without_a_bar_any_level_is_possible() -> None:
    bars = times(made_bars(60), 5.0, slice(30, None))
    for days, off in ((60, [30]), (61, [])):
        later = np.where(np.arange(60) >= 30, days - 1, 0) + bars.session_dates
        assert off_rows(replace(bars, session_dates=later)) == off


def test_a_released_bar_is_believed_and_so_are_those_on_its_level() -> None:
    bars = times(made_bars(40), 3.0, slice(35, None))
    assert off_rows(bars) == [35, 36, 37, 38, 39]
    assert off_rows(bars, released=(35,)) == []
    assert off_rows(bars, released=(36,)) == [35]


def test_a_stored_bar_that_was_wrong_is_corrected_by_one_on_the_level_before_it() -> None:
    bars = made_bars(40)
    assert off_rows(bars, times(bars, 100.0, slice(20, 30)).close) == []


def test_a_stored_bar_is_not_replaced_by_one_on_a_level_that_nothing_stored_confirms() -> None:
    bars = made_bars(40)
    known = np.where(np.arange(40) < 10, np.nan, bars.close)
    assert off_rows(times(bars, 0.25), known) == list(range(40))


def test_a_new_bar_has_to_be_on_the_level_of_a_stored_one_after_it() -> None:
    bars = times(made_bars(60), 0.25, slice(30, None))
    assert off_rows(bars, np.where(np.arange(60) < 30, np.nan, bars.close)) == [29]
    assert off_rows(bars, np.where(np.arange(60) < 30, np.nan, bars.close), released=(29,)) == []
    assert off_rows(bars, np.where(np.arange(60) == 29, np.nan, bars.close)) == [29]


def test_a_start_that_rises_every_day_is_believed() -> None:
    close = 1.2 ** np.arange(30.0)
    dates = np.datetime64("2020-01-01", "D") + np.arange(30)
    assert off_rows(Bars("X", dates, close, close, close, close, close)) == []


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_bars_are_judged_as_far_as_that_goes(n: int) -> None:
    assert off_rows(made_bars(n)) == []
    stored_before = np.where(np.arange(n + 1) == 0, 100.0, np.nan)
    bars = times(made_bars(n + 1), 100.0, slice(1, None))
    assert off_rows(bars, stored_before) == list(range(1, n + 1))


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (100.0, "about 100 times too high"),
        (0.0098, "about 100 times too low"),
        (0.25, "a split of 4:1 or 1:4 that"),
        (0.26, "a split of 4:1 or 1:4 that"),
        (2.0, "a split of 2:1 or 1:2 that"),
        (1 / 1.5, "a split of 3:2 or 2:3 that"),
        (1.5, "a split of 3:2 or 2:3 that"),
        (0.1, "a split of 10:1 or 1:10 that"),
        (1000.0, "a jump of the whole bar without a split"),
    ],
)
def test_a_jump_is_called_what_it_looks_like(ratio: float, words: str) -> None:
    assert words in reason_of(ratio)[1]


@pytest.mark.parametrize("split", [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50])
def test_a_jump_by_a_usual_split_is_called_so_whichever_way_it_goes(split: int) -> None:
    for ratio in (1 / split, float(split)):
        assert f"a split of {split}:1 or 1:{split} that" in reason_of(ratio)[1]


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (2.0 * np.exp(-0.119), "a split of 2:1 or 1:2 that"),
        (2.0 * np.exp(0.119), "a split of 2:1 or 1:2 that"),
        (2.0 * np.exp(0.121), "without a split"),
        (50.0 * np.exp(0.119), "a split of 50:1 or 1:50 that"),
        (59.9, "without a split"),
        (60.0, "about 100 times too high"),
        (160.0, "about 100 times too high"),
        (160.1, "without a split"),
        (1 / 61.0, "about 100 times too low"),
        (1 / 159.0, "about 100 times too low"),
    ],
)
def test_a_jump_is_like_what_it_lies_near_to(ratio: float, words: str) -> None:
    assert words in reason_of(ratio)[1]


@pytest.mark.parametrize(("days", "off"), [(60, [29]), (61, [])])
def test_a_new_bar_is_held_against_a_stored_one_up_to_sixty_days_after_it(days: int, off: list[int]) -> None:
    bars = times(made_bars(60), 0.25, slice(30, None))
    later = np.where(np.arange(60) >= 30, days - 1, 0) + bars.session_dates
    known = np.where(np.arange(60) < 30, np.nan, bars.close)
    assert off_rows(replace(bars, session_dates=later), known) == off


@pytest.mark.parametrize("contradicted", [1, 2, 10])
def test_new_bars_on_the_level_of_those_that_contradict_stored_ones_are_not_believed(
    contradicted: int,
) -> None:
    bars = times(made_bars(60), 0.25, slice(30 - contradicted, None))
    known = np.where(np.arange(60) < 30, made_bars(60).close, np.nan)
    assert off_rows(bars, known) == list(range(30 - contradicted, 60))


def test_new_bars_on_a_third_level_are_believed_once_it_has_lasted() -> None:
    bars = times(times(made_bars(60), 0.25, slice(28, 30)), 10.0, slice(30, None))
    known = np.where(np.arange(60) < 30, made_bars(60).close, np.nan)
    assert off_rows(bars, known) == [28, 29, 30]


def closing_at(*closes: float) -> Bars:
    close = np.array(closes)
    dates = np.datetime64("2020-01-01", "D") + np.arange(len(close))
    return Bars("X", dates, close, close, close, close, close)


@pytest.mark.parametrize(
    ("level", "close", "is_off"),
    [
        (100.0, 175.0, False),
        (100.0, 175.01, True),
        (175.0, 100.0, False),
        (175.01, 100.0, True),
        (100.0, 144.0, False),
        (100.0, 144.01, True),
        (100.0, 155.99, True),
        (100.0, 156.0, False),
    ],
)
def test_a_bar_is_off_the_level_beyond_seven_quarters_or_within_a_twenty_fifth_of_three_halves(
    level: float, close: float, is_off: bool
) -> None:
    assert off_rows(closing_at(*[level] * 10, close), np.array([*[level] * 10, np.nan])) == [10] * is_off


def test_a_jump_between_levels_that_are_both_near_the_first_is_one() -> None:
    assert off_rows(closing_at(*[100.0] * 10, *[70.0] * 10, *[130.0] * 10)) == list(range(20, 30))


def test_bars_that_rise_one_after_the_other_agree_on_a_level_though_the_last_are_far_from_the_first() -> None:
    rising = [1.25**day for day in range(12)]
    assert off_rows(closing_at(*rising, *[1000.0] * 8)) == list(range(12, 20))
