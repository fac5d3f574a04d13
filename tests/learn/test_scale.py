import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.learn.scale import feature_scaler, fit_scaler, scale, unscale
from pipeline.types import FloatArray, Scaling
from tests.properties import examples

tables = arrays(
    np.float64, st.tuples(st.integers(3, 40), st.integers(1, 4)), elements=st.floats(-1e4, 1e4, width=32)
)


@pytest.mark.parametrize("scaling", Scaling)
@examples(40)
@given(rows=tables)
def test_unscaling_gives_the_values_back(scaling: Scaling, rows: FloatArray) -> None:
    scaler = fit_scaler(rows, scaling)
    assert (scaler.spread > 0.0).all()
    np.testing.assert_allclose(unscale(scale(rows, scaler), scaler), rows, rtol=1e-9, atol=1e-6)


def test_minmax_maps_training_rows_to_zero_and_one() -> None:
    scaler = fit_scaler(np.array([[3.0], [5.0], [11.0]]), Scaling.MINMAX)
    np.testing.assert_allclose(
        scale(np.array([[3.0], [7.0], [11.0], [19.0]]), scaler).ravel(), [0, 0.5, 1, 2]
    )


def test_standard_agrees_with_the_textbook() -> None:
    values = [1.0, 4.0, 4.0, 9.0]
    scaler = fit_scaler(np.array(values)[:, None], Scaling.STANDARD)
    assert scaler.offset[0] == pytest.approx(statistics.fmean(values))
    assert scaler.spread[0] == pytest.approx(statistics.pstdev(values))


def test_robust_agrees_with_median_and_quartiles() -> None:
    scaler = fit_scaler(np.arange(101.0)[:, None], Scaling.ROBUST)
    assert (scaler.offset[0], scaler.spread[0]) == (50.0, 50.0)


@pytest.mark.parametrize("scaling", Scaling)
def test_a_constant_feature_keeps_its_units(scaling: Scaling) -> None:
    scaler = fit_scaler(np.full((5, 1), 7.0), scaling)
    assert scaler.spread[0] == 1.0


@pytest.mark.parametrize(("feature", "scaled"), [(0, [0.5, 2.0]), (1, [-1.0, -0.25]), (2, [1.0, 1.3])])
def test_the_scaler_of_one_feature_serves_every_column_of_its_targets(
    feature: int, scaled: list[float]
) -> None:
    every = fit_scaler(np.array([[0.0, 5.0, -9.0], [2.0, 9.0, 1.0]]), Scaling.MINMAX)
    alone = feature_scaler(every, feature)
    assert alone.offset.shape == alone.spread.shape == (1,)
    np.testing.assert_allclose(scale(np.array([[1.0, 4.0]]), alone), [scaled])


@pytest.mark.parametrize("scaling", [Scaling.MINMAX, Scaling.STANDARD, Scaling.ROBUST])
@examples(40)
@given(column=st.lists(st.integers(-1000, 1000), min_size=3, max_size=40, unique=True))
def test_statistics_agree_with_the_standard_library(scaling: Scaling, column: list[int]) -> None:
    first, middle, third = statistics.quantiles(column, n=4, method="inclusive")
    expected = {
        Scaling.MINMAX: (min(column), max(column) - min(column)),
        Scaling.STANDARD: (statistics.fmean(column), statistics.pstdev(column)),
        Scaling.ROBUST: (middle, third - first),
    }
    scaler = fit_scaler(np.array(column, dtype=float)[:, None], scaling)
    assert (scaler.offset[0], scaler.spread[0]) == pytest.approx(expected[scaling], rel=1e-9, abs=1e-9)


def test_what_is_unknown_stays_unknown() -> None:
    scaler = fit_scaler(np.array([[1.0], [3.0]]), Scaling.STANDARD)
    np.testing.assert_array_equal(scale(np.array([[np.nan], [2.0]]), scaler), [[np.nan], [0.0]])
