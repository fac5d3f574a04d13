"""Write a judgement as one sentence. The sentences are stored with the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

from pipeline.lag.decision import MAJORITY_SHARE, MIN_FORECASTS, Reason, is_copy
from pipeline.lag.skill import LEVEL, POWER_FACTOR
from pipeline.types import Evidence

SMALLEST_P = 1e-300
"""Smaller p-values are written as below this one."""
NEAR_LAST_PRICE = 0.1
"""Distance from persistence, as a share of a typical move, below which forecasts hardly differ from it."""
MIN_REPORTED_DRIFT = 0.05
"""Smallest difference between the skills with and without drift for which both are written."""
MAX_PERCENT_WITH_DIGITS = 1e5
"""Percentage from which only the order of magnitude is written."""
NARROW_INTERVAL = 20.0
"""Width in percentage points below which an interval is written with one decimal."""


def write_sentence(
    reason: Reason, evidence: Evidence, horizon: int, p_skill_adjusted: float, drift: float
) -> str:
    """Write the verdict, its reason, and the skill with its confidence interval as one sentence.

    `drift` is the mean of the predicted log changes.
    """
    e = evidence
    if reason is Reason.TOO_FEW:
        return f"{reason.verdict}: {_too_few(e.n, horizon)}"
    if reason is Reason.NO_MOVES:
        return f"{reason.verdict}: no move that could be scaled: the price stood still before every move"
    chances: Mapping[Reason, float] = {
        Reason.INFORMATIVE: p_skill_adjusted,
        Reason.CONTRARY: e.p_anti,
        Reason.MISCALIBRATED: p_skill_adjusted,
        Reason.ECHO: e.p_echo,
        Reason.LOSING: e.p_worse,
    }
    chance = f" ({p_value_phrase(chances[reason])})" if reason in chances else ""
    return f"{reason.verdict}{chance}: {_why(reason, e, horizon, drift)}; skill {skill_text(e)}"


def p_value_phrase(p_value: float) -> str:
    """Format a p-value for a sentence.

    >>> p_value_phrase(0.0312), p_value_phrase(1.3e-12), p_value_phrase(0.0)
    ('p = 0.031', 'p = 1e-12', 'p < 1e-300')
    """
    if p_value < SMALLEST_P:
        return f"p < {SMALLEST_P:.0e}"
    return f"p = {p_value:.3f}" if p_value >= 0.001 else f"p = {p_value:.0e}"


def skill_text(evidence: Evidence) -> str:
    """Format the skill in percent with its 95% interval, rounded to the precision of the interval.

    The skill as issued is added where the forecasts' drift changes it by more than `MIN_REPORTED_DRIFT`.
    """
    e = evidence
    ends = (100.0 * e.skill_low, 100.0 * e.skill_high)
    digits = 1 if ends[1] - ends[0] < NARROW_INTERVAL else 0
    issued = (
        f", {_percent(e.skill_as_issued)} as issued"
        if abs(e.skill_as_issued - e.skill) > MIN_REPORTED_DRIFT
        else ""
    )
    return f"{_percent(e.skill)} [{_rounded(ends[0], digits)}, {_rounded(ends[1], digits)}]{issued}"


def describe_echo(evidence: Evidence) -> str:
    """Describe from the evidence which known prices a series of forecasts repeats."""
    e = evidence
    if is_copy(e):
        return RULE_WORDS.get(e.nearest_naive, "the last price again")
    if e.nearest_naive == "y(t)" and e.distance < NEAR_LAST_PRICE:
        return "the last price, hardly changed"
    if e.filter_r2 < MAJORITY_SHARE:
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
    """Write the reason of a verdict as a clause."""
    words: Mapping[Reason, Callable[[], str]] = {
        Reason.INFORMATIVE: lambda: "the predicted changes tell of the moves",
        Reason.CONTRARY: lambda: "the moves go against the predicted changes",
        Reason.MISCALIBRATED: lambda: _miscalibrated(e, drift),
        Reason.COPIES: lambda: f"it is {describe_echo(e)}",
        Reason.ECHO: lambda: describe_echo(e),
        Reason.ECHO_SHAPE: lambda: f"shaped like {describe_echo(e)}, but a skill of 2% is not excluded yet",
        Reason.LOSING: lambda: "loses to the last price",
        Reason.WITHOUT_SKILL: lambda: _without_skill(e),
        Reason.UNDECIDED: lambda: _undecided(e, horizon),
    }
    return words[reason]()


def _too_few(n: int, horizon: int) -> str:
    """Write how many forecasts there are and how many are needed."""
    overlapping = "" if horizon == 1 else f" {horizon} sessions ahead, which overlap"
    needed = MIN_FORECASTS * horizon
    return f"{n} forecast{'' if n == 1 else 's'}{overlapping}; {needed} are needed"


def _miscalibrated(e: Evidence, drift: float) -> str:
    """Write what costs informative forecasts their skill: their drift, or the size of their changes."""
    if e.skill > 0.0:
        return (
            f"informative, but its drift costs more than its information gains: "
            f"subtract {100.0 * drift:+.2g}% from its changes"
        )
    if e.slope > 0.0:
        return f"informative but over-reacting, multiply its changes by {e.slope:.2f}"
    return "informative, but its largest changes go against the moves"


def _without_skill(e: Evidence) -> str:
    """Write why a skill of 2% is excluded: by its p-value, or by the power of the test."""
    if e.p_no_skill < LEVEL:
        return f"a skill of 2% is excluded ({p_value_phrase(e.p_no_skill)})"
    return f"a skill of 2% would have been seen in {_rounded(100 * e.power, 0)}% of such records judged alone"


def _undecided(e: Evidence, horizon: int) -> str:
    """Write the power of the test so far, and the number of forecasts for a power of 80%."""
    needed = ceil(POWER_FACTOR * horizon / 0.02)
    return (
        f"a skill of 2% would have been seen in only {_rounded(100 * e.power, 0)}% of such records judged "
        f"alone; wait for some {needed} forecasts"
    )


def _percent(share: float) -> str:
    """Format a share as a signed percentage with a sensible number of digits."""
    percent = 100.0 * share
    if abs(percent) < 100.0:
        return f"{round(percent, 1) + 0.0:+.1f}%"
    return f"{percent:+,.0f}%" if abs(percent) < MAX_PERCENT_WITH_DIGITS else f"{percent:+.0e}%"


def _rounded(value: float, digits: int) -> str:
    """Format a number with `digits` decimals; a huge one by its order of magnitude."""
    return (
        f"{round(value, digits) + 0.0:,.{digits}f}"
        if abs(value) < MAX_PERCENT_WITH_DIGITS
        else f"{value:.0e}"
    )
