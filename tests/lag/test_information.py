import numpy as np
import pytest
from scipy import stats

from pipeline.lag.information import e_paths, evidence_paths, information_terms, information_test
from pipeline.lag.market import HISTORY, build_market
from pipeline.lag.predictions import Predictions, predict
from tests.lag.made import DAILY, knowing, moves_of, noisy, predictions_of, trial, walk


def test_a_forecast_that_knows_a_little_is_found_and_its_opposite_is_told() -> None:
    known = knowing(0.1, 400)
    opposite = trial(-(known.log_forecasts - known.log_prices[21:-1]), known.log_prices)
    found = information_test(predictions_of(known, opposite))
    assert found.p_skill[0] < 0.001
    assert found.p_skill[1] > 0.999
    assert found.p_anti[1] < 0.001
    assert found.e_value[0] > 20.0 > found.e_value[1]


def test_there_is_a_term_for_every_return_that_a_forecast_covers() -> None:
    assert information_terms(predictions_of(noisy(0.2, 50, 4))).shape == (2, 1, 53)


def test_a_forecast_of_no_change_has_no_terms_and_proves_nothing() -> None:
    found = information_test(predictions_of(trial(np.zeros(60), walk(60))))
    assert (found.p_skill[0], found.p_anti[0], found.e_value[0]) == (1.0, 1.0, pytest.approx(1.0))


def test_the_size_of_the_predictions_does_not_matter() -> None:
    prices = walk(200)
    changes = 0.1 * moves_of(prices) + np.random.default_rng(3).normal(0, 0.01, 200)
    small, large = (
        information_test(predictions_of(trial(scale * changes, prices))) for scale in (1e-4, 10.0)
    )
    assert small.p_skill == pytest.approx(large.p_skill)
    assert small.e_value == pytest.approx(large.e_value)


def test_a_term_rests_on_nothing_later_than_its_return() -> None:
    one = knowing(0.1, 80)
    later = trial(np.r_[(one.log_forecasts - one.log_prices[21:-1])[:50], np.full(30, 0.5)], one.log_prices)
    before, after = (information_terms(predictions_of(each))[:, 0] for each in (one, later))
    np.testing.assert_allclose(before[:, :50], after[:, :50])
    assert not np.allclose(before[:, 50:], after[:, 50:])


@pytest.mark.parametrize("horizon", [1, 4])
def test_the_evidence_of_skill_is_that_after_the_last_return(horizon: int) -> None:
    predictions = predictions_of(knowing(0.1, 80, horizon))
    last = evidence_paths(information_terms(predictions))[0, -1]
    assert information_test(predictions).e_value[0] == last


@pytest.mark.parametrize("horizon", [1, 4])
def test_that_moves_do_not_go_against_the_forecasts_is_students_test_of_the_terms(horizon: int) -> None:
    predictions = predictions_of(noisy(0.3, 30, horizon))
    terms = information_terms(predictions)[0, 0]
    t = terms.mean() / (terms.std(ddof=1) / np.sqrt(len(terms)))
    assert information_test(predictions).p_anti[0] == pytest.approx(stats.t.cdf(t, 29))


def drifting(drift: float, trials: int = 400, n: int = 500) -> dict[str, Predictions]:
    """Forecasts that know nothing, in a market that drifts by a share of a session's deviation."""
    rng = np.random.default_rng(17)
    prices = np.cumsum(DAILY * (rng.normal(size=(trials, HISTORY + n + 1)) + drift), axis=1)
    market, known = build_market(prices, 1), prices[:, HISTORY:-1]
    ramp = np.tile(np.linspace(0.0, 0.4 * DAILY, n), (trials, 1))
    changes = {"with the level": 0.02 * known, "against the level": -0.02 * known, "with time": ramp}
    return {name: predict(market, known + change) for name, change in changes.items()}


@pytest.mark.parametrize("drift", [0.0, 0.05, 0.1])
def test_to_follow_the_level_or_time_is_no_skill_in_a_market_that_drifts(drift: float) -> None:
    for name, predictions in drifting(drift).items():
        assert (information_test(predictions).p_skill < 0.05).mean() <= 0.085, name
        ever = evidence_paths(information_terms(predictions)).max(axis=1)
        assert (ever >= 20.0).mean() <= 0.05, name


def test_both_kinds_of_terms_must_show_the_skill() -> None:
    predictions = drifting(0.1)["with time"]
    plain_terms, driftless = e_paths(information_terms(predictions))
    assert (plain_terms.max(axis=1) >= 20.0).mean() > 0.2
    both = evidence_paths(information_terms(predictions))
    np.testing.assert_array_equal(both, np.minimum(plain_terms, driftless))


def test_a_symmetric_path_without_skill_seldom_reaches_twenty_however_often_one_looks() -> None:
    terms = np.random.default_rng(0).standard_t(4, (2000, 1000))
    assert (e_paths(terms).max(axis=1) >= 20.0).mean() <= 0.05


def test_the_evidence_starts_at_one_and_is_expected_to_stay_there() -> None:
    signs = np.random.default_rng(1).choice([-1.0, 1.0], (40000, 60))
    paths = e_paths(signs)
    assert paths[:, 59].mean() == pytest.approx(1.0, abs=0.05)
    assert e_paths(np.zeros((1, 3))) == pytest.approx(1.0)


def test_overwhelming_evidence_is_capped_and_stays_finite() -> None:
    assert e_paths(np.full((1, 5000), 30.0)).max() == np.exp(700.0)
