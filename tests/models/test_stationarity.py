import numpy as np
import pytest

from pipeline.models.stationarity import is_stationary, measure_stationarity
from pipeline.types import Stationarity


def test_the_changes_of_a_random_walk_are_stationary_and_its_levels_are_not() -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=600))
    changes, levels = measure_stationarity(np.diff(walk)), measure_stationarity(walk)
    assert changes.adf_p < 0.01
    assert changes.kpss_p > 0.05
    assert levels.adf_p > 0.05
    assert levels.kpss_p < 0.05


def test_a_series_without_information_has_no_p_values() -> None:
    for series in (np.zeros(100), np.arange(10.0)):
        assert np.isnan([measure_stationarity(series).adf_p, measure_stationarity(series).kpss_p]).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "series",
    [np.arange(100.0), np.tile([1.0, -1.0], 50), (np.arange(60) == 30) * 1.0],
    ids=["a straight line", "a zigzag", "one move in a standstill"],
)
def test_an_odd_series_is_no_reason_to_stop(series: np.ndarray) -> None:
    measured = measure_stationarity(series)
    assert 0.0 <= measured.adf_p <= 1.0
    assert 0.0 <= measured.kpss_p <= 1.0


@pytest.mark.parametrize(
    ("adf_p", "kpss_p", "expected"),
    [
        (0.01, 0.1, True),
        (0.049, 0.05, True),
        (0.05, 0.1, False),
        (0.01, 0.049, False),
        (0.6, 0.01, False),
        (np.nan, np.nan, True),
    ],
)
def test_a_series_is_stationary_where_neither_test_objects(
    adf_p: float, kpss_p: float, expected: bool
) -> None:
    assert is_stationary(Stationarity(adf_p, kpss_p)) == expected


@pytest.mark.parametrize("integrated", [False, True])
def test_an_affine_scale_moves_no_p_value(integrated: bool) -> None:
    series = np.random.default_rng(0).normal(size=400)
    series = np.cumsum(series) if integrated else series
    plain, scaled = measure_stationarity(0.01 * series), measure_stationarity((series - 3.0) / 7.0)
    assert (scaled.adf_p, scaled.kpss_p) == pytest.approx((plain.adf_p, plain.kpss_p), rel=1e-6)
