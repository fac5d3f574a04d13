import numpy as np
import pytest

from pipeline.lag.market import HISTORY
from pipeline.lag.shape import shape
from tests.lag.made import knowing, noisy, older, predictions_of, trial, walk


def averaged(width: int, n: int = 300) -> np.ndarray:
    prices = walk(n)
    windows = np.lib.stride_tricks.sliding_window_view(prices, width).mean(axis=1)
    return windows[HISTORY - width + 1 : HISTORY - width + 1 + n] - prices[HISTORY:-1]


@pytest.mark.parametrize(("width", "age"), [(2, 0.5), (3, 1.0), (5, 2.0), (10, 4.5), (20, 9.5)])
def test_an_average_is_as_old_as_its_middle(width: int, age: float) -> None:
    found = shape(predictions_of(trial(averaged(width), walk())))
    assert found.mean_lag_sessions[0] == pytest.approx(age, abs=1e-3)
    assert found.p_value[0] < 1e-6
    assert found.filter_r2[0] == pytest.approx(1.0, abs=1e-6)
    assert found.tracking[0] == pytest.approx(1.0, abs=1e-4)


def test_half_of_an_older_price_is_half_as_old() -> None:
    one = older(walk(), 4)
    halfway = trial(0.5 * (one.log_forecasts - one.log_prices[HISTORY:-1]), one.log_prices)
    assert shape(predictions_of(halfway)).mean_lag_sessions[0] == pytest.approx(2.0, abs=1e-3)


def test_a_forecast_that_stands_still_does_not_track_the_price() -> None:
    prices = walk()
    found = shape(predictions_of(trial(4.6 - prices[HISTORY:-1], prices)))
    assert found.tracking[0] == pytest.approx(0.0, abs=1e-3)
    assert found.p_value[0] == 1.0


def test_noise_as_large_as_the_moves_has_no_shape_and_little_noise_has() -> None:
    found = shape(predictions_of(noisy(1.5), noisy(0.1)))
    assert found.p_value[0] > 0.5
    assert found.p_value[1] < 1e-6
    assert (found.filter_r2 < 0.2).all()


@pytest.mark.parametrize("share", [1.0, 1e-2, 1e-6])
def test_noise_is_not_explained_however_little_it_is(share: float) -> None:
    assert shape(predictions_of(noisy(share))).filter_r2[0] < 0.2


def test_forecasts_that_differ_from_no_change_by_rounding_alone_are_wholly_explained() -> None:
    assert shape(predictions_of(noisy(1e-11))).filter_r2[0] == 1.0


def test_a_skilled_forecast_has_the_shape_of_an_echo_too() -> None:
    """Which is why the shape convicts nobody alone."""
    assert shape(predictions_of(knowing(0.05))).p_value[0] < 0.01


def test_a_forecast_of_no_change_is_wholly_explained() -> None:
    found = shape(predictions_of(trial(np.zeros(60), walk(60))))
    assert (found.filter_r2[0], found.mean_lag_sessions[0]) == (1.0, 0.0)
