import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lag import adjust_by_horizon, judge, nearest_rule
from pipeline.types import Bands, FloatArray, SeriesKey, TrackRecord, Verdict
from tests.made import made_dates


def record(forecast: FloatArray, prices: FloatArray, model: str = "any", horizon: int = 1) -> TrackRecord:
    n = len(prices) - horizon
    nothing = np.full(n, np.nan)
    return TrackRecord(
        SeriesKey("MADE", model, "abc", horizon),
        made_dates(len(prices))[:n],
        made_dates(len(prices))[horizon:],
        np.zeros(n, dtype=bool),
        prices[:n],
        forecast,
        prices[horizon:],
        np.ones(n),
        Bands(nothing, nothing, nothing, nothing),
    )


def walk(n: int = 401, seed: int = 5) -> FloatArray:
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 0.03, n)))


def test_the_last_value_is_an_echo_of_itself() -> None:
    prices = walk()
    (verdict,) = judge([record(prices[:-1], prices)])
    assert verdict.verdict is Verdict.ECHO
    assert (verdict.nearest_naive, verdict.mean_lag_sessions, verdict.distance) == ("y(t)", 0.0, 0.0)


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_an_older_price_is_recognised_with_its_age(lag: int) -> None:
    prices = walk()
    last = prices[:-1]
    forecast = np.concatenate([last[:lag], last[:-lag]])
    rule = nearest_rule(last, forecast, prices[1:])
    assert (rule.name, rule.mean_lag_sessions) == (f"y(t-{lag})", float(lag))
    assert rule.distance < 0.02


def test_a_moving_average_is_recognised() -> None:
    prices = walk()
    last = prices[:-1]
    means = np.convolve(last, np.ones(5) / 5)[: len(last)]
    assert nearest_rule(last, means, prices[1:]).name == "MA5"


def test_a_forecast_that_knows_half_of_the_move_is_skilled() -> None:
    prices = walk()
    forecast = prices[:-1] * np.exp(0.5 * np.diff(np.log(prices)))
    assert judge([record(forecast, prices)])[0].verdict is Verdict.SKILLED


def test_wild_noise_is_worse() -> None:
    prices = walk()
    forecast = prices[:-1] * np.exp(np.random.default_rng(2).normal(0, 0.1, 400))
    assert judge([record(forecast, prices)])[0].verdict is Verdict.WORSE


def test_few_forecasts_are_insufficient_and_overlapping_ones_count_for_less() -> None:
    prices = walk(101)
    assert judge([record(prices[:29], prices[:30])])[0].verdict is Verdict.INSUFFICIENT
    assert judge([record(prices[:96], prices, horizon=5)])[0].verdict is Verdict.INSUFFICIENT


def test_p_values_are_adjusted_among_series_of_one_horizon() -> None:
    p_values = np.array([0.01, 0.04, 0.03, 0.5, 0.04, np.nan])
    horizons = np.array([1, 1, 1, 1, 2, 2])
    np.testing.assert_allclose(
        adjust_by_horizon(p_values, horizons), [0.04, 0.16 / 3, 0.16 / 3, 0.5, 0.08, 1.0]
    )


def test_changing_the_currency_unit_changes_no_verdict() -> None:
    prices = walk()
    forecast = prices[:-1] * 1.001
    (before,), (after,) = judge([record(forecast, prices)]), judge([record(forecast * 1350, prices * 1350)])
    assert (before.verdict, before.nearest_naive) == (after.verdict, after.nearest_naive)
    assert before.skill == pytest.approx(after.skill)


def test_a_noisy_copy_of_the_last_value_is_suspected_to_be_an_echo() -> None:
    prices = walk()
    forecast = prices[:-1] * np.exp(np.random.default_rng(2).normal(0, 0.011, 400))
    (verdict,) = judge([record(forecast, prices)])
    assert (verdict.verdict, verdict.nearest_naive) == (Verdict.SUSPECT_ECHO, "y(t)")


def test_some_knowledge_under_as_much_noise_has_no_skill() -> None:
    prices = walk()
    noise = np.random.default_rng(3).normal(0, 0.03 * np.sqrt(0.51), 400)
    forecast = prices[:-1] * np.exp(0.3 * np.diff(np.log(prices)) + noise)
    assert judge([record(forecast, prices)])[0].verdict is Verdict.NO_SKILL


def test_the_same_luck_counts_for_less_among_many_series() -> None:
    prices, moves = walk(), np.diff(np.log(walk()))
    luck = np.random.default_rng(5).normal(0, 0.03 * np.sqrt(0.51) * 0.93, 400)
    lucky = record(prices[:-1] * np.exp(0.3 * moves + luck), prices, "lucky")
    noise = np.random.default_rng(2)
    others = [
        record(prices[:-1] * np.exp(noise.normal(0, 0.03, 400)), prices, f"other-{number}")
        for number in range(5)
    ]
    alone, together = judge([lucky])[0], judge([lucky, *others])[0]
    assert alone.dm_p_value == together.dm_p_value
    assert alone.verdict is Verdict.SKILLED
    assert together.verdict is not Verdict.SKILLED


@given(p_values=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_adjusting_follows_the_procedure_of_benjamini_and_hochberg(p_values: list[float]) -> None:
    m = len(p_values)
    order = sorted(range(m), key=lambda place: p_values[place])
    expected, smallest = [0.0] * m, 1.0
    for rank in range(m, 0, -1):
        place = order[rank - 1]
        smallest = min(smallest, p_values[place] * m / rank)
        expected[place] = smallest
    adjusted = adjust_by_horizon(np.array(p_values), np.ones(m))
    np.testing.assert_allclose(adjusted, expected, atol=1e-12)
