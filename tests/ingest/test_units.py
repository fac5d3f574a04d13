"""How large a ratio between a download and the stored history has to be."""

import numpy as np
import pytest

from pipeline.ingest.units import is_large, measured_units
from pipeline.types import Bars, Rebasing
from tests.made import DAY, FIRST


def closing_at(close: float, n: int) -> Bars:
    closes = np.full(n, close)
    return Bars("MADE", FIRST + np.arange(n) * DAY, closes, closes, closes, closes, np.ones(n))


@pytest.mark.parametrize(("ratio", "is_one"), [(1.43, False), (1.44, True), (1.45, True), (0.7, False)])
def test_a_ratio_from_a_twenty_fifth_below_three_halves_on_is_one_that_a_split_has_to_explain(
    ratio: float, is_one: bool
) -> None:
    assert is_large(Rebasing(FIRST, ratio)) is is_one


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(("close", "is_measured"), [(143.0, False), (144.0, True)])
def test_one_or_two_bars_show_other_units_by_a_large_ratio_alone(
    n: int, close: float, is_measured: bool
) -> None:
    found = measured_units(closing_at(close, n), closing_at(100.0, n))
    assert (found is not None) is is_measured
