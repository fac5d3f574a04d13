"""The order of the rules, one by one, and what being tried beside others changes."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lag.decision import Reason, adjust_by_horizon, decide, is_promoted
from pipeline.types import Evidence, Verdict

INNOCENT = replace(
    Evidence(
        n=500,
        nearest_naive="y(t)",
        **{field.name: 0.5 for field in fields(Evidence) if field.type == "float"},
    ),
    skill=-0.01,
    skill_as_issued=-0.01,
)
"""Evidence by which no rule holds but the last."""

CASES = {
    Reason.INFORMATIVE: {"p_skill": 0.049, "skill": 0.01, "skill_as_issued": 0.01},
    Reason.CONTRARY: {"p_anti": 0.0049, "filter_r2": 0.49},
    Reason.MISCALIBRATED: {"p_skill": 0.0049, "p_shape": 0.0099},
    Reason.ECHO: {"p_echo": 0.0099, "p_shape": 0.0099},
    Reason.ECHO_SHAPE: {"p_shape": 0.0099},
    Reason.LOSING: {"p_worse": 0.049},
    Reason.WITHOUT_SKILL: {"p_no_skill": 0.049},
    Reason.UNDECIDED: {},
}
VERDICTS = {
    Reason.COPIES: Verdict.ECHO,
    Reason.TOO_FEW: Verdict.INSUFFICIENT,
    Reason.NO_MOVES: Verdict.INSUFFICIENT,
    Reason.INFORMATIVE: Verdict.SKILLED,
    Reason.CONTRARY: Verdict.WORSE,
    Reason.MISCALIBRATED: Verdict.NO_SKILL,
    Reason.ECHO: Verdict.ECHO,
    Reason.ECHO_SHAPE: Verdict.SUSPECT_ECHO,
    Reason.LOSING: Verdict.WORSE,
    Reason.WITHOUT_SKILL: Verdict.NO_SKILL,
    Reason.UNDECIDED: Verdict.INSUFFICIENT,
}


def reason_of(horizon: int = 1, adjusted: float | None = None, **changes: float) -> Reason:
    evidence = replace(INNOCENT, **changes)
    return decide(evidence, horizon, evidence.p_skill if adjusted is None else adjusted)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_verdict(reason: Reason) -> None:
    assert reason.verdict is VERDICTS[reason]


@pytest.mark.parametrize("reason", CASES)
def test_each_rule_holds_by_its_own_evidence(reason: Reason) -> None:
    assert reason_of(**CASES[reason]) is reason


@pytest.mark.parametrize("place", range(len(CASES) - 1))
def test_the_first_rule_that_holds_decides(place: int) -> None:
    """Of two rules that hold at once the earlier wins, for every pair of neighbours."""
    first, second = list(CASES)[place : place + 2]
    both = {**CASES[second], **CASES[first]}
    assert reason_of(**both) is first


@pytest.mark.parametrize(
    ("changes", "instead"),
    [
        pytest.param({"p_skill": 0.05}, Reason.UNDECIDED, id="p at the level"),
        pytest.param({"skill": 0.0}, Reason.UNDECIDED, id="no gain"),
        pytest.param({"skill_as_issued": -0.001}, Reason.UNDECIDED, id="a loss as issued"),
        pytest.param({"skill_as_issued": 0.0}, Reason.UNDECIDED, id="no gain as issued"),
        pytest.param({"size": 0.07, "skill": 0.019}, Reason.UNDECIDED, id="claims nothing"),
    ],
)
def test_skill_takes_information_and_a_gain_and_a_claim(changes: dict[str, float], instead: Reason) -> None:
    assert reason_of(**{**CASES[Reason.INFORMATIVE], **changes}) is instead


def test_what_claims_nothing_may_be_skilled_when_the_skill_is_material() -> None:
    assert reason_of(p_skill=0.01, skill=0.02, skill_as_issued=0.02, size=0.07) is Reason.INFORMATIVE


@pytest.mark.parametrize("changes", [{"filter_r2": 0.5}, {"size": 0.07}, {"p_anti": 0.005}])
def test_to_be_contrary_takes_a_claim_of_ones_own(changes: dict[str, float]) -> None:
    assert reason_of(**{**CASES[Reason.CONTRARY], **changes}) is Reason.UNDECIDED


@pytest.mark.parametrize("changes", [{"size": 0.07}, {"p_skill": 0.005}, {"p_shape": 0.01}])
def test_spoilt_is_what_is_surely_informative_in_the_shape_of_an_echo(changes: dict[str, float]) -> None:
    instead = Reason.UNDECIDED if "p_shape" in changes else Reason.ECHO_SHAPE
    assert reason_of(**{**CASES[Reason.MISCALIBRATED], **changes}) is instead


@pytest.mark.parametrize(
    ("changes", "instead"),
    [
        pytest.param({"p_echo": 0.01, "p_shape": 0.0099}, Reason.ECHO_SHAPE, id="p_echo"),
        pytest.param({"p_shape": 0.01}, Reason.UNDECIDED, id="p_shape"),
        pytest.param({"p_worse": 0.05}, Reason.UNDECIDED, id="p_worse"),
        pytest.param({"p_no_skill": 0.05}, Reason.UNDECIDED, id="p_no_skill"),
        pytest.param({"distance": 0.02}, Reason.UNDECIDED, id="distance"),
    ],
)
def test_at_its_level_exactly_no_rule_holds(changes: dict[str, float], instead: Reason) -> None:
    assert reason_of(**changes) is instead


@pytest.mark.parametrize(("square", "reason"), [(0.005, Reason.CONTRARY), (0.00499, Reason.UNDECIDED)])
def test_a_size_whose_square_is_half_a_percent_claims_something(square: float, reason: Reason) -> None:
    size = next(root for root in (square**0.5, np.nextafter(square**0.5, 1.0)) if root**2 >= square)
    assert reason_of(**CASES[Reason.CONTRARY], size=size) is reason


@pytest.mark.parametrize("other", [CASES[reason] for reason in CASES if reason is not Reason.INFORMATIVE])
def test_thirty_copies_that_are_not_skilled_are_an_echo_whatever_else_holds(other: dict[str, float]) -> None:
    assert reason_of(**other, distance=0.019) is Reason.COPIES
    assert reason_of(**{**other, **CASES[Reason.INFORMATIVE]}, distance=0.019) is Reason.INFORMATIVE


def test_power_alone_settles_that_there_is_no_skill() -> None:
    assert reason_of(power=0.8) is Reason.WITHOUT_SKILL
    assert reason_of(power=0.79) is Reason.UNDECIDED


@pytest.mark.parametrize(
    ("n", "horizon", "distance", "reason"),
    [
        (29, 1, 0.0, Reason.TOO_FEW),
        (30, 1, 0.5, Reason.UNDECIDED),
        (149, 5, 0.5, Reason.TOO_FEW),
        (150, 5, 0.5, Reason.UNDECIDED),
        (30, 1, 0.019, Reason.COPIES),
        (30, 5, 0.019, Reason.COPIES),
        (29, 5, 0.0, Reason.TOO_FEW),
    ],
)
def test_thirty_forecasts_that_do_not_overlap_are_needed_but_copies_are_known_sooner(
    n: int, horizon: int, distance: float, reason: Reason
) -> None:
    assert reason_of(horizon, n=n, distance=distance) is reason


def test_where_no_move_could_be_scaled_that_is_said() -> None:
    assert reason_of(skill=float("nan")) is Reason.NO_MOVES


def test_among_many_tried_what_is_not_outstanding_is_neither_skilled_nor_spoilt() -> None:
    skilled, spoilt = CASES[Reason.INFORMATIVE], CASES[Reason.MISCALIBRATED]
    assert reason_of(adjusted=0.049, **skilled) is Reason.INFORMATIVE
    assert reason_of(adjusted=0.05, **skilled) is Reason.UNDECIDED
    assert reason_of(adjusted=0.05, **spoilt) is Reason.ECHO_SHAPE
    assert reason_of(adjusted=0.05, **spoilt, p_anti=0.001, filter_r2=0.1) is Reason.CONTRARY


@pytest.mark.parametrize(
    ("verdict", "e_value", "promoted"),
    [
        (Verdict.SKILLED, 20.0, True),
        (Verdict.SKILLED, 19.9, False),
        (Verdict.ECHO, 1e6, False),
    ],
)
def test_promotion_takes_both_the_verdict_and_evidence_for_all_time(
    verdict: Verdict, e_value: float, promoted: bool
) -> None:
    assert is_promoted(verdict, replace(INNOCENT, e_value=e_value)) is promoted


def test_p_values_are_adjusted_among_series_of_one_horizon() -> None:
    p_values = np.array([0.01, 0.04, 0.03, 0.5, 0.04, np.nan])
    horizons = np.array([1, 1, 1, 1, 2, 2])
    np.testing.assert_allclose(
        adjust_by_horizon(p_values, horizons), [0.04, 0.16 / 3, 0.16 / 3, 0.5, 0.08, 1.0]
    )


@given(p_values=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_adjusting_follows_the_procedure_of_benjamini_and_hochberg(p_values: list[float]) -> None:
    m = len(p_values)
    order = sorted(range(m), key=lambda place: p_values[place])
    expected, smallest = [0.0] * m, 1.0
    for rank in range(m, 0, -1):
        place = order[rank - 1]
        smallest = min(smallest, p_values[place] * m / rank)
        expected[place] = smallest
    adjusted = adjust_by_horizon(np.array(p_values), np.ones(m, dtype=np.int64))
    np.testing.assert_allclose(adjusted, expected, atol=1e-12)
