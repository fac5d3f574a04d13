"""Bars joined and compared by their sessions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.types import BAR_VALUES, OHLC, agreeing, closes_on, overlaid
from tests.made import FIRST, made_bars, made_dates
from tests.properties import examples

ROWS = st.sets(st.integers(0, 19))


def test_there_is_no_close_before_the_first_session_between_sessions_or_after_the_last() -> None:
    sessions = FIRST + np.array([1, 2, 4])
    found = closes_on(made_dates(6), sessions, np.array([1.0, 2.0, 4.0]))
    np.testing.assert_array_equal(found, [np.nan, 1.0, 2.0, np.nan, 4.0, np.nan])


def test_without_any_session_every_close_is_unknown() -> None:
    found = closes_on(made_dates(2), made_dates(0), np.array([]))
    np.testing.assert_array_equal(found, [np.nan, np.nan])


def test_the_prices_of_bars_are_four_columns() -> None:
    bars = made_bars(3)
    np.testing.assert_array_equal(bars.ohlc, np.array([getattr(bars, name) for name in OHLC]).T)


@given(below=ROWS, above=ROWS)
@examples(60)
def test_overlaid_bars_are_those_above_and_where_there_are_none_those_below(
    below: set[int], above: set[int]
) -> None:
    low, high = made_bars(20, 1), made_bars(20, 2)
    joined = overlaid(low.at(np.array(sorted(below), dtype=int)), high.at(np.array(sorted(above), dtype=int)))
    assert joined.session_dates.tolist() == [made_dates(20)[row].item() for row in sorted(below | above)]
    for place, row in enumerate(sorted(below | above)):
        source = high if row in above else low
        assert [getattr(joined, name)[place] for name in BAR_VALUES] == [
            getattr(source, name)[row] for name in BAR_VALUES
        ]


@pytest.mark.parametrize("name", BAR_VALUES)
@pytest.mark.parametrize(("change", "agrees"), [(1.00999, True), (1.01011, False), (0.99001, True)])
def test_bars_agree_up_to_a_share_of_the_larger_value(name: str, change: float, agrees: bool) -> None:
    bars = made_bars(5)
    others = replace(bars, **{name: np.where(np.arange(5) == 2, getattr(bars, name) * change, 1e-9)})
    assert agreeing(bars.at(slice(2, 3)), others, 0.01, (name,)).tolist() == [agrees]


def test_a_bar_without_one_of_its_session_agrees_with_nothing() -> None:
    bars = made_bars(5)
    assert agreeing(bars, bars.at(slice(1, 3)), 0.01, OHLC).tolist() == [False, True, True, False, False]
    assert agreeing(bars, made_bars(0), 0.01, OHLC).tolist() == [False] * 5
