"""Differencing and its exact inverse.

Levels of prices wander; their changes do not, and a model of changes cannot score by repeating the level.
"""

import numpy as np

from pipeline.types import Differencing, FloatArray


def difference(levels: FloatArray, method: Differencing) -> FloatArray:
    """Changes of (n,) levels as (n,) values, each beside the session that ends it.

    `log` gives log(x[i] / x[i-1]) and needs positive levels, `simple` gives x[i] - x[i-1]; both start with
    NaN. `none` gives the levels themselves.
    """
    if method is Differencing.NONE:
        return levels.copy()
    base = np.log(levels) if method is Differencing.LOG else levels
    return np.concatenate([np.full(min(1, len(base)), np.nan), np.diff(base)])


def rebase(changes: FloatArray, factor: FloatArray, method: Differencing) -> FloatArray:
    """The changes (..., H) of levels `factor` (...) times as high; log changes are the same at any height.

    undifference(rebase(c, f), x * f) equals undifference(c, x) * f within float error.
    """
    return changes.copy() if method is Differencing.LOG else changes * factor[..., None]


def undifference(changes: FloatArray, start: FloatArray, method: Differencing) -> FloatArray:
    """Levels (..., H) that follow `start` (...) when it changes by `changes` (..., H) step by step.

    The inverse of `difference`: undifference(difference(x)[1:], x[0]) equals x[1:] within float error.
    With `none` the changes are levels already and `start` is not used.
    """
    if method is Differencing.NONE:
        return changes.copy()
    moved = np.cumsum(changes, axis=-1)
    first = np.asarray(start, dtype=np.float64)[..., None]
    return first * np.exp(moved) if method is Differencing.LOG else first + moved
