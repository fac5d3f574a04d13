"""Compute the evidence on trials: all tests, batched over trials of the same length and horizon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from pipeline.lag.copies import RULES, Copies, nearest_rules
from pipeline.lag.decision import MIN_FORECASTS
from pipeline.lag.information import Information, information_test
from pipeline.lag.market import build_market
from pipeline.lag.predictions import Predictions, predict
from pipeline.lag.shape import Shape, shape
from pipeline.lag.skill import Skill, measure_skill, minimum_detectable_r2, power
from pipeline.score.metrics import diebold_mariano_p, direction_p, share_of_directions
from pipeline.types import Evidence, Trial

BATCH = 250
"""Number of trials examined at once, which bounds memory."""


def examine(trials: Sequence[Trial]) -> tuple[Evidence, ...]:
    """Compute the evidence on each trial, in their order; all NaN for fewer than 30 forecasts."""
    by_size: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, trial in enumerate(trials):
        by_size[len(trial), trial.horizon].append(place)
    found: dict[int, Evidence] = {}
    for (n, horizon), places in by_size.items():
        for start in range(0, len(places), BATCH):
            batch = places[start : start + BATCH]
            if n < MIN_FORECASTS:
                found.update((place, _undefined_evidence(n)) for place in batch)
                continue
            market = build_market(np.stack([trials[place].log_prices for place in batch]), horizon)
            forecasts = np.stack([trials[place].log_forecasts for place in batch])
            found.update(zip(batch, examine_batch(predict(market, forecasts)), strict=True))
    return tuple(found[place] for place in range(len(trials)))


def examine_batch(predictions: Predictions) -> Iterator[Evidence]:
    """Compute the evidence on each series of one batch, in order."""
    parts = _Parts(
        predictions,
        information_test(predictions),
        shape(predictions),
        nearest_rules(predictions),
        measure_skill(predictions),
    )
    return (_evidence(parts, row) for row in range(len(predictions.changes)))


@dataclass(frozen=True, eq=False)
class _Parts:
    """The results of all tests of the same m series, in the same order."""

    predictions: Predictions
    information: Information
    shape: Shape
    copies: Copies
    skill: Skill


def _evidence(parts: _Parts, row: int) -> Evidence:
    """Collect the evidence on one series from the results of the tests."""
    market, skill, form = parts.predictions.market, parts.skill, parts.shape
    n, horizon = market.origins, market.horizon
    moves, changes = market.moves[row], parts.predictions.changes[row]
    is_negligible = bool(parts.copies.is_copy[row] or skill.is_negligible[row])
    p_shape, p_no_skill = float(form.p_value[row]), 0.0 if is_negligible else float(skill.p_no_skill[row])
    return Evidence(
        n=n,
        skill=float(skill.skill[row]),
        skill_low=float(skill.low[row]),
        skill_high=float(skill.high[row]),
        skill_as_issued=float(skill.as_issued[row]),
        size=float(skill.size[row]),
        slope=float(skill.slope[row]),
        p_skill=float(parts.information.p_skill[row]),
        p_anti=float(parts.information.p_anti[row]),
        p_shape=p_shape,
        p_no_skill=p_no_skill,
        p_echo=max(p_shape, p_no_skill),
        p_worse=float(skill.p_worse[row]),
        p_better=float(skill.p_better[row]),
        dm_p_value=diebold_mariano_p(moves, changes, horizon),
        hit_rate=share_of_directions(moves, changes),
        p_direction=direction_p(moves, changes),
        nearest_naive=RULES[int(parts.copies.nearest[row])],
        distance=float(parts.copies.distance[row]),
        tracking=float(form.tracking[row]),
        mean_lag_sessions=float(form.mean_lag_sessions[row]),
        filter_r2=float(form.filter_r2[row]),
        power=power(float(skill.size[row]), n, horizon),
        min_detectable_r2=minimum_detectable_r2(n, horizon),
        e_value=float(parts.information.e_value[row]),
    )


def _undefined_evidence(n: int) -> Evidence:
    """Build the evidence on a series of fewer than 30 forecasts: NaN for every statistic."""
    undefined = {field.name: float("nan") for field in fields(Evidence) if field.type == "float"}
    return Evidence(n=n, nearest_naive="none", **undefined)
