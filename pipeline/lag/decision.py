"""From evidence to a verdict: the first rule that holds."""

from __future__ import annotations

from enum import Enum

import numpy as np
from scipy.stats import false_discovery_control

from pipeline.lag.copies import COPY_DISTANCE
from pipeline.lag.skill import LEVEL, SMALLEST_SKILL
from pipeline.types import Evidence, FloatArray, IntArray, Verdict

FEWEST = 30
"""Forecasts that do not overlap."""
STRICT_LEVEL = 0.01
"""Of the convictions: echo and shape."""
CONTRARY_LEVEL = 0.005
"""Of what contradicts the look of the forecasts: moves that go the other way, information in an echo."""
MOSTLY = 0.5
ENOUGH_POWER = 0.8
PROMOTION = 20.0


class Reason(Enum):
    """Why a verdict is what it is, in the order in which the reasons are tried."""

    COPIES = ("copies", Verdict.ECHO)
    TOO_FEW = ("too few", Verdict.INSUFFICIENT)
    NO_MOVES = ("no moves", Verdict.INSUFFICIENT)
    INFORMATIVE = ("informative", Verdict.SKILLED)
    CONTRARY = ("contrary", Verdict.WORSE)
    SPOILT = ("informative but spoilt", Verdict.NO_SKILL)
    ECHO = ("echo", Verdict.ECHO)
    ECHO_SHAPE = ("echo's shape", Verdict.SUSPECT_ECHO)
    LOSING = ("losing", Verdict.WORSE)
    WITHOUT_SKILL = ("without skill", Verdict.NO_SKILL)
    UNDECIDED = ("undecided", Verdict.INSUFFICIENT)

    @property
    def verdict(self) -> Verdict:
        return self.value[1]


def decide(evidence: Evidence, horizon: int, p_skill_adjusted: float) -> Reason:
    """Why, and so which, verdict; `p_skill_adjusted` is `p_skill` itself for a series judged alone.

    At least 30 copies of a naive rule are an echo whatever the tests say, unless they are skilled.
    """
    e = evidence
    enough = e.n / horizon >= FEWEST
    claims = e.size**2 >= SMALLEST_SKILL / 4.0
    has_shape = e.p_shape < STRICT_LEVEL
    is_informative = p_skill_adjusted < LEVEL
    gains = e.skill > 0.0 and e.skill_as_issued > 0.0
    is_skilled = enough and is_informative and gains and (claims or e.skill >= SMALLEST_SKILL)
    rules = {
        Reason.COPIES: is_copy(e) and e.n >= FEWEST and not is_skilled,
        Reason.TOO_FEW: not enough,
        Reason.NO_MOVES: np.isnan(e.skill),
        Reason.INFORMATIVE: is_skilled,
        Reason.CONTRARY: e.p_anti < CONTRARY_LEVEL and e.filter_r2 < MOSTLY and claims,
        Reason.SPOILT: is_informative and e.p_skill < CONTRARY_LEVEL and has_shape and claims,
        Reason.ECHO: e.p_echo < STRICT_LEVEL,
        Reason.ECHO_SHAPE: has_shape,
        Reason.LOSING: e.p_worse < LEVEL,
        Reason.WITHOUT_SKILL: e.p_no_skill < LEVEL or e.power >= ENOUGH_POWER,
        Reason.UNDECIDED: True,
    }
    return next(reason for reason, holds in rules.items() if holds)


def is_copy(evidence: Evidence) -> bool:
    """So near to a naive rule that the forecasts are that rule."""
    return evidence.distance < COPY_DISTANCE


def is_promoted(verdict: Verdict, evidence: Evidence) -> bool:
    """Skilled, and skilled beyond the chance of looking every day since the first forecast."""
    return verdict is Verdict.SKILLED and evidence.e_value >= PROMOTION


def adjust_by_horizon(p_values: FloatArray, horizons: IntArray) -> FloatArray:
    """Benjamini-Hochberg (1995) adjusted p-values (m,) among the series of one horizon; NaN counts as 1."""
    certain = np.nan_to_num(p_values, nan=1.0)
    adjusted = np.ones_like(certain)
    for horizon in np.unique(horizons):
        same = horizons == horizon
        adjusted[same] = false_discovery_control(certain[same])
    return adjusted
