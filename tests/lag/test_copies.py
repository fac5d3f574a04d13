import numpy as np
import pytest

from pipeline.lag.copies import AVERAGES, RULES, Copies, nearest_rules
from pipeline.lag.market import HISTORY
from pipeline.lag.sentence import RULE_WORDS
from pipeline.lag.shape import shape
from tests.lag.made import noisy, older, predictions_of, trial, walk


def averaged(width: int) -> np.ndarray:
    prices = walk()
    windows = np.lib.stride_tricks.sliding_window_view(np.exp(prices), width).mean(axis=1)
    return np.log(windows[HISTORY - width + 1 : HISTORY - width + 1 + 300]) - prices[HISTORY:-1]


def test_every_rule_has_its_words_and_there_are_no_other_words() -> None:
    assert list(RULES) == list(RULE_WORDS)


@pytest.mark.parametrize("width", AVERAGES)
def test_an_average_of_prices_is_recognised(width: int) -> None:
    found = nearest_rules(predictions_of(trial(averaged(width), walk())))
    assert RULES[found.nearest[0]] == f"MA{width}"
    assert found.is_copy[0]


@pytest.mark.parametrize("lag", range(6))
def test_an_older_price_is_recognised(lag: int) -> None:
    found = nearest_rules(predictions_of(older(walk(), lag)))
    assert RULES[found.nearest[0]] == ("y(t)" if lag == 0 else f"y(t-{lag})")
    assert found.is_copy[0]


@pytest.mark.parametrize("horizon", [1, 3])
def test_the_last_change_again_is_one_change_however_far_ahead(horizon: int) -> None:
    prices = walk(200, horizon)
    last_change = (prices[HISTORY:] - prices[HISTORY - 1 : -1])[:200]
    found = nearest_rules(predictions_of(trial(last_change, prices, horizon)))
    assert RULES[found.nearest[0]] == "last change again"
    assert found.is_copy[0]


def test_a_constant_drift_does_not_hide_a_copy() -> None:
    one = older(walk(), 1)
    drifting = trial(one.log_forecasts - one.log_prices[HISTORY:-1] + 0.01, one.log_prices)
    assert nearest_rules(predictions_of(drifting)).distance[0] == pytest.approx(0.0, abs=1e-9)


def test_the_rules_are_found_in_whatever_unit_the_prices_are() -> None:
    one = trial(averaged(5), walk())
    in_another_unit = trial(averaged(5), walk() + np.log(1e200))
    plain, scaled = nearest_rules(predictions_of(one)), nearest_rules(predictions_of(in_another_unit))
    assert scaled.nearest.tolist() == plain.nearest.tolist()
    assert scaled.distance == pytest.approx(plain.distance, abs=1e-9)


def test_a_constant_drift_does_not_hide_a_copy_however_wild_the_market() -> None:
    prices = 1000.0 * walk()
    drifting = trial(prices[HISTORY - 1 : -2] - prices[HISTORY:-1] + 10.0, prices)
    assert nearest_rules(predictions_of(drifting)).distance[0] == pytest.approx(0.0, abs=1e-9)


def test_moves_that_differ_by_rounding_alone_leave_the_distance_undefined() -> None:
    growing = 4.6 + 0.001 * np.arange(HISTORY + 101)
    noise = 1e-4 * np.random.default_rng(0).normal(size=100)
    found = nearest_rules(predictions_of(trial(np.zeros(100), growing), trial(noise, growing)))
    assert np.isnan(found.distance).all()
    assert not found.is_copy.any()


def test_a_constant_drift_is_explained_whole_in_a_market_that_moves_evenly() -> None:
    growing = 4.6 + 0.001 * np.arange(HISTORY + 101)
    assert shape(predictions_of(trial(np.full(100, 0.001), growing))).filter_r2[0] == 1.0


def test_distance_grows_with_noise_and_a_fiftieth_of_a_move_is_a_copy() -> None:
    distances = nearest_rules(predictions_of(*(noisy(share) for share in (0.01, 0.05, 0.2, 0.5)))).distance
    assert (np.diff(distances) > 0).all()
    assert distances[0] < 0.02 < distances[1]
    assert distances[1] == pytest.approx(0.05, rel=0.3)


def test_a_copy_is_nearer_than_a_fiftieth_of_a_move() -> None:
    distances = np.array([0.0, 0.0199, 0.02, 0.5, np.nan])
    found = Copies(np.zeros(5, dtype=np.int64), distances)
    assert found.is_copy.tolist() == [True, True, False, False, False]


def test_the_drift_that_is_taken_out_counts_calm_days_for_more() -> None:
    prices = 4.6 + np.cumsum(np.random.default_rng(2).normal(0.0, np.repeat([0.01, 0.05], 81)))
    one = trial(np.random.default_rng(3).normal(0.0, 0.01, 140), prices)
    predictions = predictions_of(one)
    found, per_scale = nearest_rules(predictions), predictions.market.per_scale[0]
    assert RULES[found.nearest[0]] == "y(t)"
    squares, changes = (per_scale**2).tolist(), predictions.changes[0]
    drift = sum(w * c for w, c in zip(squares, changes, strict=True)) / sum(squares)
    moves = predictions.market.scaled_moves[0]
    typical = np.mean(np.abs(moves - np.median(moves)))
    assert found.distance[0] == pytest.approx(np.mean(np.abs(changes - drift) * per_scale) / typical)
