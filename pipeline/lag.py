"""A first lag judgement: does a series of forecasts have skill, or does it echo what was known?

The verdict rests on the Diebold-Mariano test against persistence (adjusted by Benjamini and Hochberg 1995
over all series judged together at one horizon) and on the distance to the nearest naive rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from pipeline.metrics import Outcomes, dm_p_value, skill
from pipeline.types import FloatArray, LagVerdict, TrackRecord, Verdict

SIGNIFICANCE = 0.05
FEWEST_INDEPENDENT = 30
MATERIAL_SKILL = 0.02
ECHO_DISTANCE = 0.25
SUSPECT_DISTANCE = 0.5
LAGS = range(6)
AVERAGES = (2, 3, 5, 7, 10, 20)


@dataclass(frozen=True)
class NearestRule:
    """The naive rule that a series resembles most; `distance` is in units of the typical move."""

    name: str
    distance: float
    mean_lag_sessions: float


def judge(records: Sequence[TrackRecord]) -> tuple[LagVerdict, ...]:
    """One verdict a track record, in their order; each record has at least one forecast."""
    evidence = [_outcomes(record) for record in records]
    p_values = np.array([dm_p_value(outcomes) for outcomes in evidence])
    horizons = np.array([record.key.horizon for record in records])
    adjusted = adjust_by_horizon(p_values, horizons)
    return tuple(
        _verdict(record, outcomes, float(p), float(q))
        for record, outcomes, p, q in zip(records, evidence, p_values, adjusted, strict=True)
    )


def adjust_by_horizon(p_values: FloatArray, horizons: FloatArray) -> FloatArray:
    """Benjamini-Hochberg adjusted p-values (m,) among the series of the same horizon; NaN counts as 1."""
    certain = np.nan_to_num(p_values, nan=1.0)
    adjusted = np.ones_like(certain)
    for horizon in np.unique(horizons):
        same = horizons == horizon
        adjusted[same] = false_discovery_control(certain[same])
    return adjusted


def nearest_rule(last: FloatArray, forecast: FloatArray, actual: FloatArray) -> NearestRule:
    """The naive rule nearest to the (m,) forecasts of consecutive origins.

    Distance is the mean absolute difference of the predicted changes, their mean taken out, over the mean
    absolute deviation of the actual changes from their median. NaN for fewer than 21 origins or no moves.
    """
    moves = np.log(actual / last)
    typical = float(np.mean(np.abs(moves - np.median(moves))))
    if len(last) <= max(AVERAGES) or typical == 0.0:
        return NearestRule("none", float("nan"), float("nan"))
    predicted = np.log(forecast / last)
    candidates = [
        NearestRule(name, _distance(predicted, change) / typical, lag)
        for name, (change, lag) in _naive_changes(last).items()
    ]
    return min(candidates, key=lambda rule: rule.distance)


def _naive_changes(last: FloatArray) -> Mapping[str, tuple[FloatArray, float]]:
    """Predicted log change (m,) of each rule and its mean age in sessions; NaN where history is short."""
    rules = {f"y(t-{lag})" if lag else "y(t)": (_delayed(last, lag), float(lag)) for lag in LAGS}
    rules |= {f"MA{width}": (_averaged(last, width), (width - 1) / 2.0) for width in AVERAGES}
    return {name: (np.log(prices / last), lag) for name, (prices, lag) in rules.items()}


def _delayed(last: FloatArray, lag: int) -> FloatArray:
    return np.concatenate([np.full(lag, np.nan), last[: len(last) - lag]])


def _averaged(last: FloatArray, width: int) -> FloatArray:
    means = np.convolve(last, np.ones(width) / width, mode="valid")
    return np.concatenate([np.full(width - 1, np.nan), means])


def _distance(predicted: FloatArray, change: FloatArray) -> float:
    difference = (predicted - change)[np.isfinite(change)]
    return float(np.mean(np.abs(difference - difference.mean())))


def _outcomes(record: TrackRecord) -> Outcomes:
    return Outcomes(
        record.key.horizon,
        record.last_closes,
        record.forecast_closes,
        record.actual_closes,
        record.naive_maes,
        record.bands,
    )


def _verdict(record: TrackRecord, outcomes: Outcomes, p_value: float, adjusted: float) -> LagVerdict:
    rule = nearest_rule(outcomes.last, outcomes.forecast, outcomes.actual)
    gain = skill(outcomes)
    verdict = _decide(len(record) / record.key.horizon, gain, p_value, adjusted, rule.distance)
    return LagVerdict(
        key=record.key,
        verdict=verdict,
        n=len(record),
        skill=gain,
        dm_p_value=p_value,
        p_echo=float("nan"),
        nearest_naive=rule.name,
        distance=rule.distance,
        mean_lag_sessions=rule.mean_lag_sessions,
        is_promoted=False,
        sentence=_sentence(verdict, gain, p_value, rule),
    )


def _decide(independent: float, gain: float, p_value: float, adjusted: float, distance: float) -> Verdict:
    if independent < FEWEST_INDEPENDENT:
        return Verdict.INSUFFICIENT
    if adjusted < SIGNIFICANCE and gain > 0.0:
        return Verdict.SKILLED
    if distance < ECHO_DISTANCE and not gain > MATERIAL_SKILL:
        return Verdict.ECHO
    if distance < SUSPECT_DISTANCE and not gain > MATERIAL_SKILL:
        return Verdict.SUSPECT_ECHO
    return Verdict.WORSE if p_value > 1.0 - SIGNIFICANCE else Verdict.NO_SKILL


def _sentence(verdict: Verdict, gain: float, p_value: float, rule: NearestRule) -> str:
    chance = "" if np.isnan(p_value) else f" (p = {p_value:.2g})"
    nearest = "" if np.isnan(rule.distance) else f"; nearest to {rule.name}, {rule.distance:.2f} moves away"
    return f"{verdict}: skill {gain:+.1%} against the last value{chance}{nearest}"
