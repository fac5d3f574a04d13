"""A judgement in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

from pipeline.lag.decision import FEWEST, MOSTLY, Reason, is_copy
from pipeline.lag.skill import DETECTION, LEVEL
from pipeline.types import Evidence

SMALLEST_P = 1e-300
NEARBY = 0.1
"""Of a typical move: so near to the last price that nobody would tell them apart."""
DRIFT = 0.05
"""Difference of skills from which the forecasts' drift is worth a word."""
ABSURD = 1e5
"""Percent from which digits tell nothing."""
NARROW = 20.0
"""Percentage points: a narrower interval is told with a decimal."""


def write_sentence(
    reason: Reason, evidence: Evidence, horizon: int, p_skill_adjusted: float, drift: float
) -> str:
    """The verdict, why, and the skill with its interval; `drift` is the mean of the predicted log changes."""
    e = evidence
    if reason is Reason.TOO_FEW:
        return f"{reason.verdict}: {_too_few(e.n, horizon)}"
    if reason is Reason.NO_MOVES:
        return f"{reason.verdict}: no move that could be scaled: the price stood still before every move"
    chances: Mapping[Reason, float] = {
        Reason.INFORMATIVE: p_skill_adjusted,
        Reason.CONTRARY: e.p_anti,
        Reason.SPOILT: p_skill_adjusted,
        Reason.ECHO: e.p_echo,
        Reason.LOSING: e.p_worse,
    }
    chance = f" ({chance_text(chances[reason])})" if reason in chances else ""
    return f"{reason.verdict}{chance}: {_why(reason, e, horizon, drift)}; skill {skill_text(e)}"


def chance_text(p_value: float) -> str:
    """A p-value in a sentence.

    >>> chance_text(0.0312), chance_text(1.3e-12), chance_text(0.0)
    ('p = 0.031', 'p = 1e-12', 'p < 1e-300')
    """
    if p_value < SMALLEST_P:
        return f"p < {SMALLEST_P:.0e}"
    return f"p = {p_value:.3f}" if p_value >= 0.001 else f"p = {p_value:.0e}"


def skill_text(evidence: Evidence) -> str:
    """Skill in percent with its 95% interval, to as many digits as the interval is worth.

    Where the forecasts' drift makes a difference, the skill as issued is told beside it.
    """
    e = evidence
    ends = (100.0 * e.skill_low, 100.0 * e.skill_high)
    digits = 1 if ends[1] - ends[0] < NARROW else 0
    issued = f", {_percent(e.skill_as_issued)} as issued" if abs(e.skill_as_issued - e.skill) > DRIFT else ""
    return f"{_percent(e.skill)} [{_rounded(ends[0], digits)}, {_rounded(ends[1], digits)}]{issued}"


def made_of(evidence: Evidence) -> str:
    """What a series of forecasts repeats, in words."""
    e = evidence
    if is_copy(e):
        return RULE_WORDS.get(e.nearest_naive, "the last price again")
    if e.nearest_naive == "y(t)" and e.distance < NEARBY:
        return "the last price, hardly changed"
    if e.filter_r2 < MOSTLY:
        return "the last price, give or take noise"
    if e.mean_lag_sessions >= 0.5:
        return f"a {e.mean_lag_sessions:.1f}-session-old average of the price"
    if e.mean_lag_sessions <= -0.5:
        return "the last changes carried on"
    return "a blend of prices already known"


RULE_WORDS: Mapping[str, str] = {
    "y(t)": "the last price again",
    "y(t-1)": "the price of one session before",
    **{f"y(t-{lag})": f"the price of {lag} sessions before" for lag in range(2, 6)},
    **{f"MA{width}": f"the average price of {width} sessions" for width in (2, 3, 5, 7, 10, 20)},
    "last change again": "the last price with its last change again",
}


def _why(reason: Reason, e: Evidence, horizon: int, drift: float) -> str:
    words: Mapping[Reason, Callable[[], str]] = {
        Reason.INFORMATIVE: lambda: "the predicted changes tell of the moves",
        Reason.CONTRARY: lambda: "the moves go against the predicted changes",
        Reason.SPOILT: lambda: _spoilt(e, drift),
        Reason.COPIES: lambda: f"it is {made_of(e)}",
        Reason.ECHO: lambda: made_of(e),
        Reason.ECHO_SHAPE: lambda: f"shaped like {made_of(e)}, but a skill of 2% is not excluded yet",
        Reason.LOSING: lambda: "loses to the last price",
        Reason.WITHOUT_SKILL: lambda: _without_skill(e),
        Reason.UNDECIDED: lambda: _undecided(e, horizon),
    }
    return words[reason]()


def _too_few(n: int, horizon: int) -> str:
    overlapping = "" if horizon == 1 else f" {horizon} sessions ahead, which overlap"
    needed = FEWEST * horizon
    return f"{n} forecast{'' if n == 1 else 's'}{overlapping}; {needed} are needed"


def _spoilt(e: Evidence, drift: float) -> str:
    """What costs informative forecasts their gain: their drift, or the size of their changes."""
    if e.skill > 0.0:
        return (
            f"informative, but its drift costs more than it knows: take {100.0 * drift:+.2g}% off its changes"
        )
    if e.slope > 0.0:
        return f"informative but over-reacting, multiply its changes by {e.slope:.2f}"
    return "informative, but its largest changes go against the moves"


def _without_skill(e: Evidence) -> str:
    if e.p_no_skill < LEVEL:
        return f"a skill of 2% is excluded ({chance_text(e.p_no_skill)})"
    return f"a skill of 2% would have been seen in {_rounded(100 * e.power, 0)}% of such records judged alone"


def _undecided(e: Evidence, horizon: int) -> str:
    needed = ceil(DETECTION * horizon / 0.02)
    return (
        f"a skill of 2% would have been seen in only {_rounded(100 * e.power, 0)}% of such records judged "
        f"alone; wait for some {needed} forecasts"
    )


def _percent(share: float) -> str:
    percent = 100.0 * share
    if abs(percent) < 100.0:
        return f"{round(percent, 1) + 0.0:+.1f}%"
    return f"{percent:+,.0f}%" if abs(percent) < ABSURD else f"{percent:+.0e}%"


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:,.{digits}f}" if abs(value) < ABSURD else f"{value:.0e}"
