"""How much better than the last value again, how surely, and how much could have been seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from pipeline.lag.means import mean_test
from pipeline.lag.predictions import Predictions
from pipeline.types import BoolArray, FloatArray

SMALLEST_SKILL = 0.02
"""The smallest skill worth the name."""
LEVEL = 0.05
DETECTION = 6.18
"""(z_0.05 + z_0.20)^2: the R2 seen with 80% power is this times h/n."""


@dataclass(frozen=True, eq=False)
class Skill:
    """The material facts of m series, (m,) each; NaN where no move could be scaled.

    `skill` is 1 - MSE / MSE of persistence on drift-free scaled log changes, with its 95% interval;
    `as_issued` the same with the drift; `size` that of the predicted moves in actual ones; `slope` the
    Mincer-Zarnowitz slope of moves on predictions, above 1/2 beats persistence (NaN without predictions);
    `p_no_skill` of a skill of 2% or more; `p_worse` and `p_better` than persistence as issued.
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
    def is_idle(self) -> BoolArray:
        """(m,): the predicted moves claim nothing, and hold no skill worth the name.

        Predictions of size s hold a skill of 2s - s^2 at most, so that small ones alone exclude nothing.
        """
        return np.asarray((self.size**2 < SMALLEST_SKILL / 4.0) & (self.skill < SMALLEST_SKILL))


def measure_skill(predictions: Predictions) -> Skill:
    """Skill with its interval and tests, on log errors scaled by the volatility known at the origin.

    The mean test of `p_worse` and `p_better` is Diebold and Mariano's (1995) on the scaled errors.
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
    """The probability that the information test sees a skill of 2% in n predictions of this `size`.

    Of a series judged alone: among others tried, the adjusted p-value sees less.
    A skill of 2% at size s is a correlation of (0.02 + s^2) / (2 s) with the moves.
    """
    correlation = 1.0 if size == 0.0 else min((SMALLEST_SKILL + size**2) / (2.0 * size), 1.0)
    return float(ndtr(ndtri(LEVEL) + correlation * np.sqrt(n / horizon)))


def minimum_detectable_r2(n: int, horizon: int) -> float:
    """The R2 that the information test sees with 80% power in n forecasts judged alone; above 1: none."""
    return DETECTION * horizon / n


def _ratio(over: FloatArray, under: FloatArray) -> FloatArray:
    return np.divide(over, under, out=np.full_like(under, np.nan), where=under > 0.0)
