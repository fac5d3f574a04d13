"""The verdict on a series of forecasts, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.types.arrays import FloatArray
from pipeline.types.scoring import SeriesKey


class Verdict(StrEnum):
    """The verdict on a series of forecasts; `lag.decision` holds the rules."""

    SKILLED = "SKILLED"
    ECHO = "ECHO"
    SUSPECT_ECHO = "SUSPECT_ECHO"
    NO_SKILL = "NO_SKILL"
    WORSE = "WORSE"
    INSUFFICIENT = "INSUFFICIENT"


@dataclass(frozen=True, eq=False)
class Trial:
    """One series of n forecasts to be judged: consecutive sessions, in log prices on one price basis.

    `log_prices` (21 + n + h,) are 21 sessions of history, the n origins and the h sessions after the last of
    them; `log_forecasts` (n,) are for h sessions after each origin. All finite, n at least 1.
    """

    horizon: int
    log_prices: FloatArray
    log_forecasts: FloatArray

    def __len__(self) -> int:
        return len(self.log_forecasts)


@dataclass(frozen=True)
class Evidence:
    """The statistics and tests of one series of n forecasts. NaN where undefined.

    A *move* is the realised log change from origin to target. Skills and sizes are of log changes in units of
    the volatility known at the origin. All p-values are one-sided. The modules of `lag` give the definition
    and source of each test.
    """

    n: int
    skill: float
    """1 - MSE / MSE of persistence, with any constant drift removed; NaN where no move could be scaled."""
    skill_low: float
    skill_high: float
    """Upper end of the 95% interval of `skill`; `skill_low` is the lower end."""
    skill_as_issued: float
    """The same skill with the forecasts' drift included."""
    size: float
    """Root mean square of the predicted changes, relative to that of the moves."""
    slope: float
    """Mincer-Zarnowitz slope of the moves on the predicted changes: their optimal scaling factor."""
    p_skill: float
    """p-value of the null hypothesis that the predicted changes carry no information about the moves.

    The larger of two p-values, with and without the market's mean return; small means skill.
    """
    p_anti: float
    """p-value of the null hypothesis that moves do not go against predictions; small means they do."""
    p_shape: float
    """p-value of the null hypothesis that the forecasts are no filter of known prices.

    Small means that they are one.
    """
    p_no_skill: float
    """p-value of the null hypothesis that the skill is 2% or more; small means it is excluded.

    0 for a copy of a naive rule, and for predicted changes too small to reach a skill of 2%.
    """
    p_echo: float
    """p-value of the null hypothesis that the forecasts are no filter of known prices or have a skill of 2%.

    The larger of `p_shape` and `p_no_skill`; small means an echo.
    """
    p_worse: float
    """p-value of the null hypothesis that the forecasts as issued are no worse than persistence.

    Small means they are worse.
    """
    p_better: float
    """p-value of the null hypothesis that the forecasts as issued are no better than persistence.

    Small means they are better.
    """
    dm_p_value: float
    """p-value of the null hypothesis that the forecasts are no better than persistence; small means better.

    The classical Diebold-Mariano test on squared log errors; reported only, no verdict depends on it.
    """
    hit_rate: float
    """Share of predicted changes with the sign of the move, where both have a sign."""
    p_direction: float
    """p-value of the null hypothesis that predicted and realised directions are independent.

    By Pesaran and Timmermann (1992); small means the directions agree more often than by chance.
    """
    nearest_naive: str
    """The naive rule nearest to the forecasts, by its name in `lag.copies.RULES`."""
    distance: float
    """Distance from the nearest naive rule in typical moves; below 0.02 the forecasts are a copy of it."""
    tracking: float
    """Weight of the price level in the forecasts: 1 if they follow the price, 0 if they are constant."""
    mean_lag_sessions: float
    """Mean age of the prices that the forecasts are made of."""
    filter_r2: float
    """Adjusted R2 of the predicted changes on known prices.

    About 0 for noise, where it is negative as often as positive.
    """
    power: float
    """Power of the information test against a skill of 2%, for a series judged alone."""
    min_detectable_r2: float
    """The R2 that the information test detects with 80% power in a series judged alone."""
    e_value: float
    """e-value of skill since the first forecast, valid at any stopping time; large means skill.

    Valid if returns are symmetric about their mean, given the past (see `lag.information`).
    """


@dataclass(frozen=True)
class Judgement:
    """The verdict on one series, its evidence, and the sentence shown to the user."""

    verdict: Verdict
    evidence: Evidence
    p_skill_adjusted: float
    """`p_skill` adjusted for all series judged together; `p_skill` itself for a series judged alone."""
    is_promoted: bool
    """Whether the verdict is SKILLED and the e-value, which allows for daily looks, has reached 20."""
    sentence: str


@dataclass(frozen=True)
class LagVerdict:
    """The judgement on a stored series, and the forecasts it rests on, live and backtest together."""

    key: SeriesKey
    first_origin: np.datetime64
    last_origin: np.datetime64
    n_live: int
    n_left_out: int
    """Scored forecasts outside the longest stretch without a missing session."""
    judgement: Judgement
