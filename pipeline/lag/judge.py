"""Judge trials: each alone, or together with the others it was selected from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.lag.decision import adjust_by_horizon, decide, is_promoted
from pipeline.lag.examine import examine
from pipeline.lag.market import HISTORY
from pipeline.lag.sentence import write_sentence
from pipeline.types import Evidence, Judgement, Trial


def judge_alone(trials: Sequence[Trial]) -> tuple[Judgement, ...]:
    """Judge each trial as if it were the only one; one judgement per trial, in their order."""
    return tuple(
        _judgement(evidence, trial, evidence.p_skill)
        for trial, evidence in zip(trials, examine(trials), strict=True)
    )


def judge_together(trials: Sequence[Trial]) -> tuple[Judgement, ...]:
    """Judge trials together, adjusting for multiple testing; one judgement per trial, in their order.

    `p_skill` is adjusted over all trials of the same horizon by Benjamini and Hochberg (1995), which holds
    the false discovery rate at 5%.
    """
    found = examine(trials)
    p_values = np.array([evidence.p_skill for evidence in found], dtype=np.float64)
    horizons = np.array([trial.horizon for trial in trials], dtype=np.int64)
    adjusted = adjust_by_horizon(p_values, horizons)
    return tuple(
        _judgement(evidence, trial, float(p_value))
        for trial, evidence, p_value in zip(trials, found, adjusted, strict=True)
    )


def _judgement(evidence: Evidence, trial: Trial, p_skill_adjusted: float) -> Judgement:
    """Decide the verdict on a trial from its evidence, and write its sentence."""
    reason = decide(evidence, trial.horizon, p_skill_adjusted)
    last = trial.log_prices[HISTORY : HISTORY + len(trial)]
    drift = float(np.mean(trial.log_forecasts - last))
    return Judgement(
        verdict=reason.verdict,
        evidence=evidence,
        p_skill_adjusted=p_skill_adjusted,
        is_promoted=is_promoted(reason.verdict, evidence),
        sentence=write_sentence(reason, evidence, trial.horizon, p_skill_adjusted, drift),
    )
