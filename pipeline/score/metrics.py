"""Accuracy metrics, each a pure function of forecasts and actual prices.

Prices are in the asset's currency, on the price basis of the forecast's origin. Metrics relative to
persistence use the same origins. An undefined metric is NaN.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from statsmodels.stats.diagnostic import pesaran_timmermann
from statsmodels.tsa.stattools import diebold_mariano_test

from pipeline.types import Bands, FloatArray


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Scored forecasts of one horizon, (m,) each and m >= 1.

    `last` are the closes at the origins, `naive_maes` the scale of MASE: the mean absolute one-session change
    of the close over the training sessions.
    """

    horizon: int
    last: FloatArray
    forecast: FloatArray
    actual: FloatArray
    naive_maes: FloatArray
    bands: Bands


def mae(outcomes: Outcomes) -> float:
    """Compute the mean absolute error."""
    return float(np.mean(np.abs(outcomes.forecast - outcomes.actual)))


def rmse(outcomes: Outcomes) -> float:
    """Compute the root mean squared error."""
    return float(np.sqrt(np.mean((outcomes.forecast - outcomes.actual) ** 2)))


def mape(outcomes: Outcomes) -> float:
    """Compute the mean absolute percentage error, relative to the actual price."""
    return 100.0 * float(np.mean(np.abs(outcomes.forecast - outcomes.actual) / outcomes.actual))


def smape(outcomes: Outcomes) -> float:
    """Compute the mean absolute error in percent of the mean of forecast and actual (0 to 200)."""
    middle = (outcomes.forecast + outcomes.actual) / 2.0
    return 100.0 * float(np.mean(np.abs(outcomes.forecast - outcomes.actual) / middle))


def mase(outcomes: Outcomes) -> float:
    """Compute the MAE relative to the one-session naive MAE in training (Hyndman and Koehler 2006)."""
    if not (outcomes.naive_maes > 0.0).all():
        return float("nan")
    return float(np.mean(np.abs(outcomes.forecast - outcomes.actual) / outcomes.naive_maes))


def theil_u(outcomes: Outcomes) -> float:
    """Compute Theil's U2 (1966): root of the ratio of squared relative errors, forecast over persistence."""
    own = np.sum(((outcomes.forecast - outcomes.actual) / outcomes.last) ** 2)
    naive = np.sum(((outcomes.last - outcomes.actual) / outcomes.last) ** 2)
    return float(np.sqrt(own / naive)) if naive > 0.0 else float("nan")


def skill(outcomes: Outcomes) -> float:
    """Compute the skill, 1 - MSE / MSE of persistence on log prices; above 0 is better than persistence."""
    own = np.mean(np.log(outcomes.forecast / outcomes.actual) ** 2)
    naive = np.mean(np.log(outcomes.last / outcomes.actual) ** 2)
    return float(1.0 - own / naive) if naive > 0.0 else float("nan")


def hit_rate(outcomes: Outcomes) -> float:
    """Compute the share of predicted changes with the sign of the move, where both have a sign."""
    return share_of_directions(outcomes.actual - outcomes.last, outcomes.forecast - outcomes.last)


def coverage_80(outcomes: Outcomes) -> float:
    """Compute the share of actual prices inside the 80% band, where one was issued."""
    return _coverage(outcomes.actual, outcomes.bands.lower_80, outcomes.bands.upper_80)


def coverage_95(outcomes: Outcomes) -> float:
    """Compute the share of actual prices inside the 95% band, where one was issued."""
    return _coverage(outcomes.actual, outcomes.bands.lower_95, outcomes.bands.upper_95)


def dm_p_value(outcomes: Outcomes) -> float:
    """Compute the one-sided Diebold-Mariano p-value against persistence, on squared log errors."""
    moves = np.log(outcomes.actual / outcomes.last)
    return diebold_mariano_p(moves, np.log(outcomes.forecast / outcomes.last), outcomes.horizon)


def diebold_mariano_p(moves: FloatArray, changes: FloatArray, horizon: int) -> float:
    """Compute the p-value of the null hypothesis that (m,) predicted changes are no better than no change.

    The one-sided test of Diebold and Mariano (1995) on squared errors, with the small-sample correction of
    Harvey, Leybourne and Newbold (1997) and a Newey-West variance of horizon - 1 lags. NaN for fewer than
    max(10, 2 horizon) moves, and where the advantage is the same for all of them, such as when no change is
    predicted.
    """
    advantage = moves**2 - (moves - changes) ** 2
    if len(advantage) < max(10, 2 * horizon) or np.ptp(advantage) == 0.0:
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        test = diebold_mariano_test(
            moves, np.zeros_like(moves), changes, lags=horizon - 1, harvey_adj=True, horizon=horizon
        )
    two_sided = float(test.pvalue)
    return two_sided / 2.0 if float(test.statistic) > 0.0 else 1.0 - two_sided / 2.0


def share_of_directions(moves: FloatArray, changes: FloatArray) -> float:
    """Compute the share of equal signs among (m,) moves and predicted changes, where both have a sign."""
    predicted, came_true = np.sign(changes), np.sign(moves)
    signed = (predicted != 0.0) & (came_true != 0.0)
    return float(np.mean(predicted[signed] == came_true[signed])) if signed.any() else float("nan")


def direction_p(moves: FloatArray, changes: FloatArray) -> float:
    """Compute the p-value of the null hypothesis that predicted and realised directions are independent.

    The one-sided test of Pesaran and Timmermann (1992). NaN where it is undefined: when all predicted or all
    realised changes have the same direction, where no change counts as a fall. The test assumes independent
    moves, so its p-values are too small where moves overlap.
    """
    rises = (moves > 0.0, changes > 0.0)
    # The variance of equal signs is 0 up to rounding, and the test would divide by it.
    if any(up.all() or not up.any() for up in rises):
        return float("nan")
    try:
        return float(pesaran_timmermann(moves, changes, alternative="larger").pvalue)
    except ValueError:
        return float("nan")


METRICS: Mapping[str, Callable[[Outcomes], float]] = {
    "mae": mae,
    "rmse": rmse,
    "mape": mape,
    "smape": smape,
    "mase": mase,
    "theil_u": theil_u,
    "skill": skill,
    "hit_rate": hit_rate,
    "coverage_80": coverage_80,
    "coverage_95": coverage_95,
    "dm_p_value": dm_p_value,
}


def _coverage(actual: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
    """Compute the share of actual prices inside their band; NaN if no band was issued."""
    issued = np.isfinite(lower) & np.isfinite(upper)
    if not issued.any():
        return float("nan")
    return float(np.mean((actual[issued] >= lower[issued]) & (actual[issued] <= upper[issued])))
