"""What a series of forecasts is worth, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.types.arrays import FloatArray
from pipeline.types.scoring import SeriesKey


class Verdict(StrEnum):
    """What a series of forecasts is worth (see `lag.decision`)."""

    SKILLED = "SKILLED"
    ECHO = "ECHO"
    SUSPECT_ECHO = "SUSPECT_ECHO"
    NO_SKILL = "NO_SKILL"
    WORSE = "WORSE"
    INSUFFICIENT = "INSUFFICIENT"


@dataclass(frozen=True, eq=False)
class Trial:
    """One series as it is judged: consecutive sessions, in log prices on one price basis.

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
    """What the parts of the lag test found in one series of n forecasts. NaN where undefined.

    Skills and sizes are of log changes in units of the volatility known at the origin; p-values are
    one-sided; see the modules of `lag` for each part's definition and source.
    """

    n: int
    skill: float
    """1 - MSE / MSE of persistence, free of any constant drift; NaN where no move could be scaled."""
    skill_low: float
    skill_high: float
    """Ends of the 95% interval of `skill`."""
    skill_as_issued: float
    """The same, the forecasts' drift included."""
    size: float
    """Of the predicted moves, relative to the actual ones."""
    slope: float
    """Mincer-Zarnowitz slope of moves on predictions: what to multiply the predictions by."""
    p_skill: float
    """That the predicted changes say nothing about the moves, the market's drift apart."""
    p_anti: float
    """That the moves do not go against the predictions."""
    p_shape: float
    """That the forecasts are no filter of prices already known."""
    p_no_skill: float
    """That the skill is 2% or more; 0 for a copy, and for changes too small to hold or claim it."""
    p_echo: float
    """Of the verdict ECHO: the larger of `p_shape` and `p_no_skill`."""
    p_worse: float
    """That the forecasts, as issued, are no worse than persistence."""
    p_better: float
    """That they are no better."""
    dm_p_value: float
    """The classical Diebold-Mariano test on squared log errors; shown, and decides nothing."""
    hit_rate: float
    p_direction: float
    """That the predicted directions say nothing about the actual ones (Pesaran and Timmermann 1992)."""
    nearest_naive: str
    distance: float
    """From the nearest naive rule, in typical moves; below 2% the forecasts are that rule."""
    tracking: float
    """Weight of the price level in the forecasts: 1 follows the price, 0 stands still."""
    mean_lag_sessions: float
    """Mean age of the prices that the forecasts are made of."""
    filter_r2: float
    """Share of the variance of the predicted changes that prices already known explain.

    Adjusted for the regressors, so that it is about 0 for noise, and as often below.
    """
    power: float
    """Probability that a skill of 2% would have been seen in a series judged alone."""
    min_detectable_r2: float
    """The R2 that would have been seen with 80% probability in a series judged alone."""
    e_value: float
    """Evidence of skill since the first forecast, valid whenever one looks.

    As long as returns are symmetric about their mean, given the past (see `lag.information`).
    """


@dataclass(frozen=True)
class Judgement:
    """The verdict on one series, what decided it, and the sentence a person reads."""

    verdict: Verdict
    evidence: Evidence
    p_skill_adjusted: float
    """`p_skill` adjusted for all series judged together; `p_skill` itself when judged alone."""
    is_promoted: bool
    """Skilled, and beyond the chance of looking every day."""
    sentence: str


@dataclass(frozen=True)
class LagVerdict:
    """The judgement on a stored series: which forecasts it rests on, live and backtest together."""

    key: SeriesKey
    first_origin: np.datetime64
    last_origin: np.datetime64
    n_live: int
    n_left_out: int
    """Scored forecasts outside the longest stretch without a missing session."""
    judgement: Judgement
