"""The panels: what each holds, and that an echo and a skill look as they should."""

import numpy as np
import pytest

from pipeline.lag import Panels, judge_alone, panels_of
from pipeline.lag.market import HISTORY
from pipeline.types import Trial
from tests.lag.made import knowing, moves_of, noisy, older, predictions_of, trial, walk
from tests.made import made_dates


def panels(one: Trial) -> Panels:
    return panels_of(one, made_dates(len(one)))


@pytest.mark.parametrize("horizon", [1, 3])
def test_the_prices_shown_are_those_of_the_last_45_sessions_forecast(horizon: int) -> None:
    one = noisy(0.2, 100, horizon)
    shown = panels(one)
    np.testing.assert_array_equal(shown.recent_dates, made_dates(100)[55:])
    np.testing.assert_allclose(shown.actual, np.exp(one.log_prices[-45:]))
    np.testing.assert_allclose(shown.last_known, np.exp(one.log_prices[-45 - horizon : -horizon]))
    np.testing.assert_allclose(shown.forecast, np.exp(one.log_forecasts[-45:]))


def test_fewer_forecasts_are_all_shown() -> None:
    shown = panels(noisy(0.2, 12))
    assert len(shown.recent_dates) == len(shown.actual) == len(shown.forecast) == len(shown.last_known) == 12


@pytest.mark.parametrize("one", [noisy(0.4), knowing(0.1), knowing(0.2, 200, 3)])
def test_the_gain_ends_at_the_skill_and_the_points_have_the_slope_of_the_evidence(one: Trial) -> None:
    shown, (judgement,) = panels(one), judge_alone([one])
    assert shown.gains[-1] == pytest.approx(judgement.evidence.skill)
    slope = np.sum(shown.predicted * shown.realised) / np.sum(shown.predicted**2)
    assert slope == pytest.approx(judgement.evidence.slope)


def test_the_gain_starts_with_the_first_forecast() -> None:
    one = noisy(0.4)
    predictions = predictions_of(one)
    u, v = predictions.market.scaled_moves[0], predictions.centred[0]
    saved = u[:10] ** 2 - (u[:10] - v[:10]) ** 2
    assert panels(one).gains[9] == pytest.approx(saved.sum() / np.sum(u**2))


@pytest.mark.parametrize("lag", [0, 1, 2, 5])
def test_an_echo_lies_nearest_to_the_day_that_it_repeats(lag: int) -> None:
    shown = panels(older(walk(), lag))
    assert shown.days[shown.nearest] == ("t" if lag == 0 else f"t-{lag}")
    assert shown.errors[shown.nearest] == 0.0
    assert shown.caution == "not conclusive alone"


def test_the_error_on_the_day_forecast_is_that_of_the_forecasts() -> None:
    one = noisy(0.5, 80, 3)
    expected = np.mean(np.abs(one.log_forecasts - one.log_prices[HISTORY + 3 :]))
    shown = panels(one)
    assert (shown.days[-1], shown.errors[-1]) == ("t+3", pytest.approx(expected))
    assert shown.errors.shape == (len(shown.days),) == (7,)


def test_an_echo_goes_with_days_known_and_not_with_the_move_forecast() -> None:
    shown = panels(older(walk(400), 1))
    found = dict(zip(shown.moves, shown.correlations, strict=True))
    assert found["t"] < -0.99
    assert abs(found["t+1"]) < 0.15


@pytest.mark.parametrize("horizon", [1, 5])
def test_an_oracle_goes_with_the_move_forecast_and_not_with_days_known(horizon: int) -> None:
    shown = panels(knowing(0.15, 500, horizon))
    assert shown.moves[-1] == ("t+1" if horizon == 1 else "t+5's move")
    assert shown.correlations[-1] > shown.chance_bounds[-1]
    assert np.all(np.abs(shown.correlations[:-1]) < 0.15)


def test_each_correlation_is_that_of_its_day() -> None:
    one = noisy(0.5, 60)
    predictions, shown = predictions_of(one), panels(one)
    returns = np.diff(one.log_prices)
    for lag in range(6):
        day = returns[HISTORY - 1 - lag : HISTORY - 1 - lag + 60] * predictions.market.per_scale[0]
        expected = np.corrcoef(predictions.centred[0], day)[0, 1]
        assert shown.correlations[5 - lag] == pytest.approx(expected)


@pytest.mark.parametrize("drift", [0.0, 0.003])
@pytest.mark.parametrize("rounding", [0.0, 1e-13])
def test_a_constant_prediction_goes_with_nothing(drift: float, rounding: float) -> None:
    changes = drift + rounding * np.random.default_rng(0).normal(size=300)
    assert np.isnan(panels(trial(changes, walk())).correlations).all()


def test_a_price_that_never_moved_leaves_gain_and_correlations_undefined() -> None:
    shown = panels(Trial(1, np.full(HISTORY + 41, 4.6), np.linspace(4.5, 4.7, 40)))
    assert np.isnan(shown.gains).all()
    assert np.isnan(shown.correlations).all()


def test_a_price_that_moved_once_and_long_ago_has_gains_and_no_correlations() -> None:
    prices = np.append(np.zeros(10), np.full(HISTORY + 31, 0.1))
    shown = panels(trial(0.01 * np.arange(40.0), prices))
    assert np.isnan(shown.correlations).all()
    assert np.isnan(shown.gains).all()


def test_what_chance_does_shrinks_with_forecasts_and_counts_overlapping_moves_once() -> None:
    shown = panels(noisy(0.2, 400, 4))
    np.testing.assert_allclose(shown.chance_bounds, [0.098] * 6 + [0.196])
    assert np.all(panels(noisy(0.2, 1)).chance_bounds == 1.0)


def test_a_price_that_moves_evenly_has_no_correlations() -> None:
    growing = 4.6 + 0.001 * np.arange(HISTORY + 101)
    noise = np.random.default_rng(0).normal(0.0, 0.01, 100)
    assert np.isnan(panels(trial(noise, growing)).correlations).all()


@pytest.mark.parametrize("move", [0.001, 0.03, 0.3])
def test_the_gain_of_a_second_forecast_is_that_of_its_own_change(move: float) -> None:
    prices = np.append(walk(1), walk(1)[-1] + move)
    changes = np.array([0.0, 0.5 * move])
    shown = panels(trial(changes, prices))
    u, v = shown.realised, shown.predicted
    assert v[1] != 0.0
    np.testing.assert_allclose(shown.gains, [0.0, (2.0 * u[1] * v[1] - v[1] ** 2) / np.sum(u**2)])


def test_a_single_forecast_has_panels() -> None:
    prices = walk(1)
    shown = panels(trial(0.5 * moves_of(prices), prices))
    assert np.isnan(shown.correlations).all()
    assert len(shown.gains) == len(shown.recent_dates) == 1


def test_dates_of_other_forecasts_are_refused() -> None:
    with pytest.raises(ValueError, match="9 target dates for 12 forecasts"):
        panels_of(noisy(0.2, 12), made_dates(9))
