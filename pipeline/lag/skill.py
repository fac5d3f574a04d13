"""Skill against persistence: estimate, confidence interval, tests, and the power of the tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from pipeline.lag.means import mean_test
from pipeline.lag.predictions import Predictions
from pipeline.types import BoolArray, FloatArray

SMALLEST_SKILL = 0.02
"""The smallest skill of practical interest, which NO_SKILL and ECHO must exclude."""
LEVEL = 0.05
"""Significance level of the tests of skill."""
POWER_FACTOR = 6.18
"""(z_0.05 + z_0.20)^2: the R2 detected with 80% power is this times h / n."""


@dataclass(frozen=True, eq=False)
class Skill:
    """The skill of m series, (m,) each; NaN where no move could be scaled.

    `skill`: 1 - MSE / MSE of persistence on scaled log changes without drift; `low` and `high`: its 95%
    interval; `as_issued`: the same with the drift. `size`: root mean square of the predicted changes over
    that of the moves. `slope`: Mincer-Zarnowitz slope of moves on predictions, above 1/2 where they beat
    persistence (NaN without predicted changes). `p_no_skill`: p-value of the null hypothesis that the skill
    is 2% or more. `p_worse`, `p_better`: p-values of the null hypotheses that the forecasts as issued are no
    worse, and no better, than persistence.
    """

    skill: FloatArray
    low: FloatArray
    high: FloatArray
    as_issued: FloatArray
    size: FloatArray
    slope: FloatArray
    p_no_skill: FloatArray
    p_worse: FloatArray
    p_better: FloatArray

    @property
    def is_negligible(self) -> BoolArray:
        """(m,): whether the predicted changes are too small to matter and their skill is below 2%.

        Predictions of size s have a skill of at most 2s - s^2, so a small size alone excludes nothing.
        """
        return np.asarray((self.size**2 < SMALLEST_SKILL / 4.0) & (self.skill < SMALLEST_SKILL))


def measure_skill(predictions: Predictions) -> Skill:
    """Measure the skill of m series, with interval and tests, on errors in units of known volatility.

    `p_worse` and `p_better` are those of Diebold and Mariano's (1995) test on the scaled log errors.
    """
    u, v, raw = predictions.market.scaled_moves, predictions.centred, predictions.scaled
    h = predictions.market.horizon
    gains, moves = 2.0 * u * v - v**2, np.mean(u**2, axis=1)
    skill = _ratio(gains.mean(axis=1), moves)
    half = _ratio(mean_test(gains - skill[:, None] * u**2, h).half_width(), moves)
    issued = 2.0 * u * raw - raw**2
    advantage = mean_test(issued, h)
    return Skill(
        skill=skill,
        low=skill - half,
        high=skill + half,
        as_issued=_ratio(issued.mean(axis=1), moves),
        size=np.sqrt(_ratio(np.mean(v**2, axis=1), moves)),
        slope=_ratio(np.mean(u * v, axis=1), np.mean(v**2, axis=1)),
        p_no_skill=mean_test(gains - SMALLEST_SKILL * u**2, h).p_lower(),
        p_worse=advantage.p_lower(),
        p_better=advantage.p_upper(),
    )


def power(size: float, n: int, horizon: int) -> float:
    """Compute the power of the information test against a skill of 2% for n predictions of this `size`.

    It holds for a series judged alone; adjusted for multiple testing, the power is lower. A skill of 2% at
    size s corresponds to a correlation of (0.02 + s^2) / (2 s) with the moves.
    """
    correlation = 1.0 if size == 0.0 else min((SMALLEST_SKILL + size**2) / (2.0 * size), 1.0)
    return float(ndtr(ndtri(LEVEL) + correlation * np.sqrt(n / horizon)))


def minimum_detectable_r2(n: int, horizon: int) -> float:
    """Compute the R2 that the information test detects with 80% power in n forecasts judged alone.

    Above 1, no R2 can be detected.
    """
    return POWER_FACTOR * horizon / n


def _ratio(over: FloatArray, under: FloatArray) -> FloatArray:
    """Divide (m,) by (m,) values; NaN where the divisor is not positive."""
    return np.divide(over, under, out=np.full_like(under, np.nan), where=under > 0.0)
