"""Turn evidence into a verdict: an ordered list of rules, of which the first that holds decides."""

from __future__ import annotations

from enum import Enum

import numpy as np
from scipy.stats import false_discovery_control

from pipeline.lag.copies import COPY_DISTANCE
from pipeline.lag.skill import LEVEL, SMALLEST_SKILL
from pipeline.types import Evidence, FloatArray, IntArray, Verdict

MIN_FORECASTS = 30
"""Fewest forecasts with non-overlapping horizons (n / horizon) for a verdict other than INSUFFICIENT."""
STRICT_LEVEL = 0.01
"""Significance level of `p_echo` and `p_shape`."""
CONTRARY_LEVEL = 0.005
"""Significance level of `p_anti`, and of `p_skill` for forecasts that have the shape of an echo.

Stricter than `STRICT_LEVEL`, because these findings contradict the others.
"""
MAJORITY_SHARE = 0.5
"""Share of the predicted changes' variance from which known prices explain most of it."""
SUFFICIENT_POWER = 0.8
"""Power from which a test that found no skill counts as evidence of no skill."""
PROMOTION_E_VALUE = 20.0
"""The e-value at which a skilled series is promoted: a false-promotion rate of at most 1/20."""


class Reason(Enum):
    """The reason for a verdict, in the order in which the reasons are tried."""

    COPIES = ("copies", Verdict.ECHO)
    TOO_FEW = ("too few", Verdict.INSUFFICIENT)
    NO_MOVES = ("no moves", Verdict.INSUFFICIENT)
    INFORMATIVE = ("informative", Verdict.SKILLED)
    CONTRARY = ("contrary", Verdict.WORSE)
    MISCALIBRATED = ("informative but miscalibrated", Verdict.NO_SKILL)
    ECHO = ("echo", Verdict.ECHO)
    ECHO_SHAPE = ("echo's shape", Verdict.SUSPECT_ECHO)
    LOSING = ("losing", Verdict.WORSE)
    WITHOUT_SKILL = ("without skill", Verdict.NO_SKILL)
    UNDECIDED = ("undecided", Verdict.INSUFFICIENT)

    @property
    def verdict(self) -> Verdict:
        return self.value[1]


def decide(evidence: Evidence, horizon: int, p_skill_adjusted: float) -> Reason:
    """Choose the reason, and with it the verdict, from the evidence on one series.

    `p_skill_adjusted` is `p_skill` adjusted for the series judged together, or `p_skill` itself for a series
    judged alone. At least 30 forecasts that copy a naive rule are an ECHO whatever the other tests find,
    unless they are SKILLED.
    """
    e = evidence
    enough = e.n / horizon >= MIN_FORECASTS
    claims = e.size**2 >= SMALLEST_SKILL / 4.0
    has_shape = e.p_shape < STRICT_LEVEL
    is_informative = p_skill_adjusted < LEVEL
    gains = e.skill > 0.0 and e.skill_as_issued > 0.0
    is_skilled = enough and is_informative and gains and (claims or e.skill >= SMALLEST_SKILL)
    rules = {
        Reason.COPIES: is_copy(e) and e.n >= MIN_FORECASTS and not is_skilled,
        Reason.TOO_FEW: not enough,
        Reason.NO_MOVES: np.isnan(e.skill),
        Reason.INFORMATIVE: is_skilled,
        Reason.CONTRARY: e.p_anti < CONTRARY_LEVEL and e.filter_r2 < MAJORITY_SHARE and claims,
        Reason.MISCALIBRATED: is_informative and e.p_skill < CONTRARY_LEVEL and has_shape and claims,
        Reason.ECHO: e.p_echo < STRICT_LEVEL,
        Reason.ECHO_SHAPE: has_shape,
        Reason.LOSING: e.p_worse < LEVEL,
        Reason.WITHOUT_SKILL: e.p_no_skill < LEVEL or e.power >= SUFFICIENT_POWER,
        Reason.UNDECIDED: True,
    }
    return next(reason for reason, holds in rules.items() if holds)


def is_copy(evidence: Evidence) -> bool:
    """Decide from the evidence whether the forecasts are a copy of a naive rule."""
    return evidence.distance < COPY_DISTANCE


def is_promoted(verdict: Verdict, evidence: Evidence) -> bool:
    """Decide whether a series is promoted: SKILLED, and its e-value has reached `PROMOTION_E_VALUE`.

    The e-value, unlike a p-value, may be looked at after every new forecast (see `information.e_paths`).
    """
    return verdict is Verdict.SKILLED and evidence.e_value >= PROMOTION_E_VALUE


def adjust_by_horizon(p_values: FloatArray, horizons: IntArray) -> FloatArray:
    """Adjust (m,) p-values by Benjamini and Hochberg (1995) within each horizon; NaN counts as 1."""
    certain = np.nan_to_num(p_values, nan=1.0)
    adjusted = np.ones_like(certain)
    for horizon in np.unique(horizons):
        same = horizons == horizon
        adjusted[same] = false_discovery_control(certain[same])
    return adjusted
