import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lag import judge_alone, judge_together
from pipeline.lag.market import HISTORY
from pipeline.types import Trial, Verdict
from tests.lag.made import knowing, noisy, older, trial, walk
from tests.properties import examples


def test_the_last_price_is_an_echo_with_no_lag() -> None:
    (found,) = judge_alone([older(walk(), 0)])
    assert found.verdict is Verdict.ECHO
    assert found.evidence.mean_lag_sessions == 0.0


def test_the_price_of_two_sessions_before_is_an_echo_two_sessions_old() -> None:
    (found,) = judge_alone([older(walk(), 2)])
    assert found.verdict is Verdict.ECHO
    assert found.evidence.mean_lag_sessions == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        pytest.param(noisy(0.1), Verdict.ECHO, id="a little noise"),
        pytest.param(noisy(0.2, 60), Verdict.SUSPECT_ECHO, id="some noise, few forecasts"),
        pytest.param(noisy(1.5), Verdict.WORSE, id="wild noise"),
        pytest.param(knowing(0.2), Verdict.SKILLED, id="some knowledge"),
        pytest.param(knowing(0.2, 29), Verdict.INSUFFICIENT, id="too few to tell"),
        pytest.param(trial(4.6 - walk()[21:-1], walk()), Verdict.WORSE, id="a constant"),
    ],
)
def test_what_is_known_of_a_forecaster_is_found(one: Trial, verdict: Verdict) -> None:
    (found,) = judge_alone([one])
    assert found.verdict is verdict
    assert found.sentence.startswith(verdict)
    assert found.p_skill_adjusted == found.evidence.p_skill or np.isnan(found.p_skill_adjusted)


def test_luck_counts_for_less_among_many_series_of_one_horizon() -> None:
    lucky = next(
        one for one in (knowing(0.01, 200, 1, seed) for seed in range(40)) if 0.02 < p_skill(one) < 0.04
    )
    others = [noisy(0.5, 200, 1, 100 + seed) for seed in range(9)]
    farther = [noisy(0.5, 200, 2, seed) for seed in range(9)]
    (alone,) = judge_together([lucky])
    crowded, *_ = judge_together([lucky, *others])
    elsewhere, *_ = judge_together([lucky, *farther])
    assert alone.verdict is elsewhere.verdict is Verdict.SKILLED
    assert crowded.verdict is not Verdict.SKILLED
    assert crowded.evidence == alone.evidence
    assert crowded.p_skill_adjusted > 0.05 > alone.p_skill_adjusted == alone.evidence.p_skill


def p_skill(one: Trial) -> float:
    return judge_alone([one])[0].evidence.p_skill


def test_the_order_of_the_trials_changes_no_judgement() -> None:
    trials = [noisy(0.3, 100, 1, 1), knowing(0.2, 120), older(walk(90), 1), knowing(0.1, 150, 3)]
    assert judge_together(trials[::-1])[::-1] == judge_together(trials)


def test_strong_skill_is_promoted_and_an_echo_is_not() -> None:
    strong, echo = judge_together([knowing(0.2, 400), noisy(0.1, 400)])
    assert (strong.is_promoted, echo.is_promoted) == (True, False)


@given(seed=st.integers(0, 10_000), lag=st.integers(0, 5), n=st.integers(60, 200))
@examples(30)
def test_copies_are_echoes_in_every_market(seed: int, lag: int, n: int) -> None:
    assert judge_alone([older(walk(n, 1, seed), lag)])[0].verdict is Verdict.ECHO


@pytest.mark.parametrize("n", [30, 31, 40, 59])
@pytest.mark.parametrize("horizon", [1, 2, 7])
def test_few_copies_are_echoes_in_every_market_too(n: int, horizon: int) -> None:
    shocks = np.random.default_rng(n).standard_t(2.5, (40, HISTORY + n + horizon))
    markets = [4.6 + 0.02 * np.cumsum(row) for row in shocks]
    found = judge_alone([older(prices, lag, horizon) for prices in markets for lag in (0, 1, 4)])
    assert {one.verdict for one in found} == {Verdict.ECHO}
    assert not [one for one in found if "p =" in one.sentence or "p <" in one.sentence]


def test_a_drift_that_spoils_a_skilled_forecast_is_named_and_without_it_there_is_skill() -> None:
    known = knowing(0.08, 500, 1, 3)
    spoilt = Trial(1, known.log_prices, known.log_forecasts + 0.02)
    before, after = judge_alone([spoilt, known])
    assert (before.verdict, after.verdict) == (Verdict.NO_SKILL, Verdict.SKILLED)
    assert "subtract +2% from its changes" in before.sentence


def test_nobody_judged_is_no_judgement() -> None:
    assert judge_together([]) == judge_alone([]) == ()
