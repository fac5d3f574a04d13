"""Metrics against plain loops, hand-worked values and known signs."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from pipeline.score import metrics
from pipeline.score.metrics import METRICS, Outcomes
from pipeline.types import Bands, FloatArray


def outcomes(
    last: FloatArray, forecast: FloatArray, actual: FloatArray, horizon: int = 1, radius: float = 0.02
) -> Outcomes:
    bands = Bands(
        forecast * (1 - radius),
        forecast * (1 + radius),
        forecast * (1 - 2 * radius),
        forecast * (1 + 2 * radius),
    )
    return Outcomes(horizon, last, forecast, actual, np.full(len(last), 2.0), bands)


def made(n: int = 120, seed: int = 3) -> Outcomes:
    rng = np.random.default_rng(seed)
    last = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, n)))
    actual = last * np.exp(rng.normal(0, 0.02, n))
    forecast = last * np.exp(0.3 * np.log(actual / last) + rng.normal(0, 0.01, n))
    return outcomes(last, forecast, actual)


HAND = outcomes(np.array([100.0, 200.0]), np.array([110.0, 190.0]), np.array([105.0, 210.0]))


def squared_log(ratio: float) -> float:
    return math.log(ratio) ** 2


HAND_WORKED = {
    "mae": 12.5,
    "rmse": math.sqrt((25 + 400) / 2),
    "mape": 100 * (5 / 105 + 20 / 210) / 2,
    "smape": 100 * (5 / 107.5 + 20 / 200) / 2,
    "mase": 6.25,
    "skill": 1.0
    - (squared_log(110 / 105) + squared_log(190 / 210)) / (squared_log(100 / 105) + squared_log(200 / 210)),
    "theil_u": math.sqrt((0.05**2 + 0.1**2) / (0.05**2 + 0.05**2)),
    "hit_rate": 0.5,
    "coverage_80": 0.0,
    "coverage_95": 0.0,
}
AGAINST_THE_PAPERS = {"dm_p_value"}


@pytest.mark.parametrize(("name", "value"), HAND_WORKED.items())
def test_a_metric_has_its_hand_worked_value(name: str, value: float) -> None:
    assert METRICS[name](HAND) == pytest.approx(value)


def test_every_metric_is_compared_with_an_independent_value() -> None:
    assert set(METRICS) == {*HAND_WORKED, *AGAINST_THE_PAPERS}


def test_metrics_agree_with_plain_loops() -> None:
    one = made()
    triples = list(zip(one.last.tolist(), one.forecast.tolist(), one.actual.tolist(), strict=True))
    own = sum((math.log(f) - math.log(a)) ** 2 for _, f, a in triples)
    naive = sum((math.log(x) - math.log(a)) ** 2 for x, _, a in triples)
    assert metrics.skill(one) == pytest.approx(1 - own / naive)
    hits = sum((f > x) == (a > x) for x, f, a in triples)
    assert metrics.hit_rate(one) == pytest.approx(hits / len(triples))
    inside = sum(f * 0.98 <= a <= f * 1.02 for _, f, a in triples)
    assert metrics.coverage_80(one) == pytest.approx(inside / len(triples))
    inside = sum(f * 0.96 <= a <= f * 1.04 for _, f, a in triples)
    assert 0 < inside < len(triples)
    assert metrics.coverage_95(one) == pytest.approx(inside / len(triples))
    misses = [abs(f - a) for _, f, a in triples]
    assert metrics.mae(one) == pytest.approx(sum(misses) / len(misses))
    assert metrics.rmse(one) == pytest.approx(math.sqrt(sum(miss**2 for miss in misses) / len(misses)))
    assert metrics.mase(one) == pytest.approx(sum(misses) / 2.0 / len(misses))
    relative = [abs(f - a) / a for _, f, a in triples]
    assert metrics.mape(one) == pytest.approx(100 * sum(relative) / len(relative))
    relative = [2 * abs(f - a) / (f + a) for _, f, a in triples]
    assert metrics.smape(one) == pytest.approx(100 * sum(relative) / len(relative))
    ratio = sum(((f - a) / x) ** 2 for x, f, a in triples) / sum(((x - a) / x) ** 2 for x, _, a in triples)
    assert metrics.theil_u(one) == pytest.approx(math.sqrt(ratio))


def test_the_last_value_has_no_skill_at_all() -> None:
    one = made()
    persistence = outcomes(one.last, one.last, one.actual)
    assert metrics.skill(persistence) == 0.0
    assert metrics.theil_u(persistence) == 1.0
    assert math.isnan(metrics.hit_rate(persistence))
    assert math.isnan(metrics.dm_p_value(persistence))


def test_a_perfect_forecast_has_all_the_skill_there_is() -> None:
    one = made()
    assert metrics.skill(outcomes(one.last, one.actual, one.actual)) == 1.0


def test_without_moves_relative_metrics_are_undefined() -> None:
    flat = outcomes(np.full(12, 5.0), np.full(12, 5.1), np.full(12, 5.0))
    assert math.isnan(metrics.skill(flat))
    assert math.isnan(metrics.theil_u(flat))


def test_bands_that_were_not_issued_do_not_count() -> None:
    nothing = np.full(2, np.nan)
    unissued = Outcomes(
        1, HAND.last, HAND.forecast, HAND.actual, HAND.naive_maes, Bands(nothing, nothing, nothing, nothing)
    )
    assert math.isnan(metrics.coverage_80(unissued))


@pytest.mark.parametrize("knowledge", [0.3, 0.02, 0.007, 0.0, -0.1])
def test_the_diebold_mariano_p_value_agrees_with_the_papers(knowledge: float) -> None:
    one = made(60)
    changes = knowledge * np.log(one.actual / one.last) + np.random.default_rng(8).normal(0, 0.001, 60)
    one = dataclasses.replace(one, forecast=one.last * np.exp(changes))
    gains = [
        (math.log(a / x)) ** 2 - (math.log(a / f)) ** 2
        for x, f, a in zip(one.last.tolist(), one.forecast.tolist(), one.actual.tolist(), strict=True)
    ]
    n = len(gains)
    mean = sum(gains) / n
    variance = sum((gain - mean) ** 2 for gain in gains) / n
    statistic = mean / math.sqrt(variance / n) * math.sqrt((n + 1 - 2) / n)
    assert metrics.dm_p_value(one) == pytest.approx(stats.t.sf(statistic, n - 1), rel=1e-6)


def test_worse_than_persistence_has_a_p_value_near_one() -> None:
    one = made()
    noisy = one.last * np.exp(np.random.default_rng(1).normal(0, 0.1, len(one.last)))
    assert metrics.dm_p_value(outcomes(one.last, noisy, one.actual)) > 0.99


def test_too_few_forecasts_have_no_p_value() -> None:
    assert math.isnan(metrics.dm_p_value(HAND))


def test_worse_than_persistence_has_negative_skill_and_a_theil_u_above_one() -> None:
    worse = outcomes(np.array([100.0, 100.0]), np.array([90.0, 110.0]), np.array([101.0, 99.0]))
    assert metrics.skill(worse) < 0.0
    assert metrics.theil_u(worse) > 1.0
    assert metrics.hit_rate(worse) == 0.0


def test_a_forecast_or_an_outcome_without_a_sign_does_not_count_as_a_miss() -> None:
    last, forecast = np.full(3, 100.0), np.array([100.0, 101.0, 101.0])
    assert metrics.hit_rate(outcomes(last, forecast, np.array([101.0, 100.0, 102.0]))) == 1.0


@pytest.mark.parametrize("n", range(30, 130, 7))
def test_equal_directions_have_no_p_value(n: int) -> None:
    for rises in range(1, n, 5):
        mixed = np.where(np.arange(n) < rises, 1.0, -1.0)
        for same in (np.ones(n), -np.ones(n), np.zeros(n)):
            assert math.isnan(metrics.direction_p(mixed, same))
            assert math.isnan(metrics.direction_p(same, mixed))
    assert not math.isnan(metrics.direction_p(mixed, mixed))


def test_without_moves_in_training_mase_is_undefined() -> None:
    assert math.isnan(metrics.mase(dataclasses.replace(HAND, naive_maes=np.array([2.0, 0.0]))))


@pytest.mark.parametrize(("horizon", "fewest"), [(1, 10), (5, 10), (8, 16)])
def test_a_p_value_needs_ten_forecasts_and_two_horizons(horizon: int, fewest: int) -> None:
    few, enough = (dataclasses.replace(made(n), horizon=horizon) for n in (fewest - 1, fewest))
    assert math.isnan(metrics.dm_p_value(few))
    assert 0.0 <= metrics.dm_p_value(enough) <= 1.0


def test_overlapping_forecasts_are_weaker_evidence_than_separate_ones() -> None:
    rng = np.random.default_rng(4)
    moves = np.convolve(rng.normal(0, 0.02, 204), np.ones(5), "valid")
    last = np.full(200, 100.0)
    overlapping = outcomes(last, last * np.exp(0.2 * moves), last * np.exp(moves), horizon=5)
    separate = dataclasses.replace(overlapping, horizon=1)
    assert metrics.dm_p_value(separate) < metrics.dm_p_value(overlapping) < 0.05


def test_mase_is_defined_for_prices_that_move_by_fractions() -> None:
    assert metrics.mase(dataclasses.replace(HAND, naive_maes=np.array([0.5, 0.5]))) == 25.0


def test_an_advantage_that_never_varies_has_no_p_value() -> None:
    moves = np.where(np.arange(40) % 2, 0.5, -0.5)
    assert math.isnan(metrics.diebold_mariano_p(moves, 0.5 * moves, 1))
    assert math.isnan(metrics.diebold_mariano_p(moves, 0.0 * moves, 1))
    rises, said = np.tile([2.5, 2.0], 20), np.tile([1.0, 2.0], 20)
    assert math.isnan(metrics.diebold_mariano_p(rises, said, 1))


def test_an_advantage_that_varies_by_one_has_a_p_value() -> None:
    moves = np.where(np.arange(40) % 2, 1.0, 0.0)
    assert 0.0 < metrics.diebold_mariano_p(moves, moves, 1) < 0.01


def test_a_move_of_nothing_counts_with_the_falls() -> None:
    rng = np.random.default_rng(0)
    rising, said = rng.random(60) < 0.5, rng.random(60) < 0.5
    falls, standstills = (np.where(rising, 1.0, other) for other in (-1.0, 0.0))
    said_falls, said_standstills = (np.where(said, 1.0, other) for other in (-1.0, 0.0))
    p_value = metrics.direction_p(falls, said_falls)
    assert 0.0 < p_value < 1.0
    assert metrics.direction_p(standstills, said_falls) == p_value
    assert metrics.direction_p(falls, said_standstills) == p_value


def test_directions_of_what_is_not_known_have_no_p_value() -> None:
    moves = np.array([1.0, -1.0, np.nan, 1.0])
    assert math.isnan(metrics.direction_p(moves, np.array([1.0, -1.0, 1.0, 1.0])))


@pytest.mark.parametrize(("actual", "share"), [(90.0, 1.0), (110.0, 1.0), (89.9, 0.0), (110.1, 0.0)], ids=str)
def test_a_price_on_the_edge_of_a_band_is_inside(actual: float, share: float) -> None:
    one, unknown = np.ones(1), np.full(1, np.nan)
    edges = Bands(90.0 * one, 110.0 * one, unknown, 110.0 * one)
    found = Outcomes(1, 100.0 * one, 100.0 * one, actual * one, one, edges)
    assert metrics.coverage_80(found) == share
    assert math.isnan(metrics.coverage_95(found))
