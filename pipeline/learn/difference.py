"""Differencing and its exact inverse.

Price levels are non-stationary, their changes are nearly stationary; and a model of changes cannot look
accurate by repeating the level.
"""

import numpy as np

from pipeline.types import Differencing, FloatArray


def difference(levels: FloatArray, method: Differencing) -> FloatArray:
    """Difference (n,) levels into (n,) changes, each in the row of the session that ends it.

    `log` gives log(x[i] / x[i-1]) and needs positive levels, `simple` gives x[i] - x[i-1]; both start with
    NaN. `none` gives the levels themselves.
    """
    if method is Differencing.NONE:
        return levels.copy()
    base = np.log(levels) if method is Differencing.LOG else levels
    return np.concatenate([np.full(min(1, len(base)), np.nan), np.diff(base)])


def rebase(changes: FloatArray, factor: FloatArray, method: Differencing) -> FloatArray:
    """Convert changes (..., H) to those of levels multiplied by `factor` (...); log changes stay the same.

    undifference(rebase(c, f), x * f) equals undifference(c, x) * f within float error.
    """
    return changes.copy() if method is Differencing.LOG else changes * factor[..., None]


def undifference(changes: FloatArray, start: FloatArray, method: Differencing) -> FloatArray:
    """Cumulate `changes` (..., H) from the level `start` (...) to levels (..., H).

    The inverse of `difference`: undifference(difference(x)[1:], x[0]) equals x[1:] within float error.
    With `none` the changes are levels already, and `start` is not used.
    """
    if method is Differencing.NONE:
        return changes.copy()
    cumulated = np.cumsum(changes, axis=-1)
    first = np.asarray(start, dtype=np.float64)[..., None]
    return first * np.exp(cumulated) if method is Differencing.LOG else first + cumulated
