"""The whole test against a slow reference, and the laws that it must keep."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lag.examine import BATCH, examine
from pipeline.lag.market import HISTORY
from pipeline.types import Evidence, Trial
from tests.lag.made import hinting, in_a_drift, knowing, noisy, older, trial, walk
from tests.lag.reference import Reference, reference
from tests.properties import examples

REVERTING = trial(-0.02 * (walk(120)[HISTORY:-1] - 4.6), walk(120))
TRIALS = {
    "noise": noisy(0.2, 120),
    "noise, five ahead": noisy(0.5, 160, 5),
    "knowing": knowing(0.05, 250),
    "knowing, and hardly saying": hinting(0.065, 0.4),
    "hardly saying anything": noisy(0.05, 120),
    "saying a little": noisy(0.085, 120),
    "in a market that drifts": in_a_drift(noisy(0.4, 120)),
    "knowing, three ahead": knowing(0.2, 200, 3),
    "wild": noisy(1.5, 60),
    "a bent level": REVERTING,
    "an older price": older(walk(90), 2),
    "an older price, two ahead": older(walk(100, 2), 3, 2),
    "a stuck constant": trial(4.6 - walk(80)[HISTORY:-1], walk(80)),
}
REGRESSED = ("p_shape", "tracking", "mean_lag_sessions", "filter_r2")
"""What a trace of ridge makes a little different from least squares."""


@pytest.mark.parametrize("name", TRIALS)
def test_every_number_equals_that_of_a_slow_reference(name: str) -> None:
    one = TRIALS[name]
    (found,) = examine([one])
    expected = reference(one.log_prices.tolist(), one.log_forecasts.tolist(), one.horizon)
    for field, value in asdict(expected).items():
        tolerance = 1e-6 if field in REGRESSED else 1e-12
        assert getattr(found, field) == pytest.approx(value, rel=1e-6, abs=tolerance), field
    assert found.p_echo == max(found.p_shape, found.p_no_skill)
    assert set(asdict(expected)) == set(Reference.__dataclass_fields__)


def test_forecasts_that_say_a_little_are_asked_for_their_skill() -> None:
    (found,) = examine([TRIALS["saying a little"]])
    assert 0.005 < found.size**2 < 0.01
    assert found.p_no_skill > 0.0


def test_small_forecasts_that_hold_a_skill_do_not_exclude_one() -> None:
    (found,) = examine([TRIALS["knowing, and hardly saying"]])
    assert found.size**2 < 0.005
    assert found.skill > 0.02
    assert found.p_no_skill > 0.05


def same(left: Sequence[Evidence], right: Sequence[Evidence], rel: float = 1e-12) -> bool:
    for one, other in zip(left, right, strict=True):
        assert one.nearest_naive == other.nearest_naive
        numbers = {name: value for name, value in asdict(one).items() if name != "nearest_naive"}
        others = [asdict(other)[name] for name in numbers]
        assert list(numbers.values()) == pytest.approx(others, rel=rel, abs=1e-9, nan_ok=True)
    return True


def test_a_trial_in_a_batch_is_examined_as_if_it_were_alone() -> None:
    trials = [noisy(0.3, 60 + 30 * (seed % 3), 1 + seed % 2, seed) for seed in range(40)]
    assert same(examine(trials), [examine([one])[0] for one in trials])


def test_more_trials_than_a_batch_come_back_in_their_order() -> None:
    trials = [noisy(0.3, 40, seed=seed) for seed in range(BATCH + 10)]
    found = examine(trials)
    assert same([found[BATCH + 3]], examine([trials[BATCH + 3]]))


@given(factor=st.floats(1e-6, 1e6), name=st.sampled_from(sorted(TRIALS)))
@examples(40)
def test_another_currency_unit_changes_nothing(factor: float, name: str) -> None:
    one, shift = TRIALS[name], np.log(factor)
    other = Trial(one.horizon, one.log_prices + shift, one.log_forecasts + shift)
    assert same(examine([one]), examine([other]), rel=1e-6)


@given(drift=st.floats(-0.05, 0.05), seed=st.integers(0, 50))
@examples(25)
def test_a_constant_drift_adds_no_skill_to_the_last_price(drift: float, seed: int) -> None:
    prices = walk(60, seed=seed)
    (found,) = examine([trial(np.full(60, drift), prices)])
    assert found.skill == pytest.approx(0.0, abs=1e-9)
    assert (found.p_skill, found.e_value) == (1.0, pytest.approx(1.0))
    assert (found.nearest_naive, found.p_no_skill) == ("y(t)", 0.0)
    assert found.distance == pytest.approx(0.0, abs=1e-9)


@given(n=st.integers(30, 80), horizon=st.integers(1, 4), lag=st.integers(0, 5), seed=st.integers(0, 99))
@examples(40)
def test_an_older_price_is_known_by_its_age(n: int, horizon: int, lag: int, seed: int) -> None:
    (found,) = examine([older(walk(n, horizon, seed), lag, horizon)])
    assert found.nearest_naive == ("y(t)" if lag == 0 else f"y(t-{lag})")
    assert found.distance == pytest.approx(0.0, abs=1e-9)
    assert found.mean_lag_sessions == pytest.approx(lag, abs=1e-3)


@pytest.mark.parametrize("n", [1, 29])
def test_below_thirty_forecasts_nothing_is_computed(n: int) -> None:
    (found,) = examine([noisy(0.2, n)])
    assert (found.n, found.nearest_naive) == (n, "none")
    assert np.isnan([value for value in asdict(found).values() if isinstance(value, float)]).all()


def test_more_short_trials_than_a_batch_are_all_told_to_be_too_short() -> None:
    found = examine([noisy(0.2, 3)] * (BATCH + 10))
    assert [one.nearest_naive for one in found] == ["none"] * (BATCH + 10)


def test_prices_that_never_move_leave_everything_undefined_and_raise_nothing() -> None:
    (found,) = examine([trial(np.random.default_rng(0).normal(0, 0.01, 40), np.full(62, 4.6))])
    assert np.isnan([found.skill, found.distance, found.size, found.slope, found.power]).all()
    assert (found.p_skill, found.p_worse) == (1.0, 1.0)


def test_prices_that_start_to_move_late_are_judged_on_what_moved() -> None:
    moving = 4.6 + np.cumsum(np.random.default_rng(1).normal(0, 0.02, 40))
    prices = np.concatenate([np.full(60, 4.6), moving])
    (found,) = examine([trial(np.zeros(78), prices)])
    assert np.isfinite([found.skill, found.size, found.distance]).all()
    assert found.nearest_naive == "y(t)"


def test_an_empty_list_of_trials_gives_no_evidence() -> None:
    assert examine([]) == ()
