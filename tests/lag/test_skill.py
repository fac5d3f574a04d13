import numpy as np
import pytest

from pipeline.lag.skill import Skill, measure_skill, minimum_detectable_r2, power
from tests.lag.made import knowing, moves_of, noisy, predictions_of, trial, walk


def test_knowing_a_share_of_the_variance_is_that_much_skill() -> None:
    found = measure_skill(predictions_of(knowing(0.5, 2000)))
    assert found.skill[0] == pytest.approx(0.5, abs=0.05)
    assert found.low[0] < 0.5 < found.high[0]
    assert found.slope[0] == pytest.approx(1.0, abs=0.05)
    assert found.size[0] == pytest.approx(np.sqrt(0.5), abs=0.05)


def test_knowing_everything_is_a_skill_of_one() -> None:
    prices = walk()
    found = measure_skill(predictions_of(trial(moves_of(prices), prices)))
    assert found.as_issued[0] == pytest.approx(1.0)
    assert found.p_better[0] < 1e-9


def test_noise_costs_its_own_variance() -> None:
    found = measure_skill(predictions_of(noisy(1.0, 2000)))
    assert found.skill[0] == pytest.approx(-1.0, abs=0.2)
    assert found.p_worse[0] < 1e-9


def test_a_drift_counts_as_issued_and_not_in_the_skill() -> None:
    found = measure_skill(predictions_of(trial(np.full(300, 0.03), walk())))
    assert found.skill[0] == pytest.approx(0.0, abs=1e-12)
    assert found.as_issued[0] < -0.5
    assert found.is_negligible[0]


def test_half_of_the_slope_is_where_persistence_is_beaten() -> None:
    prices = walk(2000)
    moves = moves_of(prices)
    over, under = (measure_skill(predictions_of(trial(k * moves, prices))) for k in (2.1, 1.9))
    assert over.slope[0] < 0.5 < under.slope[0]
    assert over.skill[0] < 0.0 < under.skill[0]


@pytest.mark.parametrize("horizon", [1, 4])
def test_the_interval_covers_the_true_skill_about_as_often_as_it_says(horizon: int) -> None:
    found = measure_skill(predictions_of(*(noisy(0.2, 250, horizon, seed) for seed in range(300))))
    true = -(0.2**2) / horizon
    inside = (found.low < true) & (true < found.high)
    assert 0.88 <= inside.mean() <= 0.99


@pytest.mark.parametrize(
    ("size", "n", "horizon", "expected"),
    [
        (np.sqrt(0.02), 500, 1, 0.935),
        (0.0, 30, 1, 1.0),
        (0.0, 4, 1, 0.639),
        (0.001, 4, 1, 0.639),
        (np.sqrt(0.02), 500, 5, 0.409),
        (1.0, 500, 1, 1.0),
    ],
)
def test_power_is_that_of_seeing_two_percent(size: float, n: int, horizon: int, expected: float) -> None:
    assert power(size, n, horizon) == pytest.approx(expected, abs=0.002)


def test_the_least_r2_that_is_seen_falls_with_more_forecasts_and_rises_with_overlap() -> None:
    assert minimum_detectable_r2(309, 1) == pytest.approx(0.02)
    assert minimum_detectable_r2(309, 5) == pytest.approx(0.1)


def test_idle_is_what_claims_less_than_half_a_percent_and_holds_less_than_two() -> None:
    claims = np.sqrt(0.005)
    while claims**2 < 0.005:
        claims = np.nextafter(claims, 1.0)
    size = np.array([0.0, np.sqrt(0.0049), claims, 0.0, 0.0])
    skill = np.array([0.0, 0.0199, 0.0, 0.02, 0.5])
    other = np.zeros(5)
    found = Skill(skill, other, other, other, size, other, other, other, other)
    assert found.is_negligible.tolist() == [True, True, False, False, False]
