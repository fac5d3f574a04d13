"""What a judgement needs of the prices alone: volatility known at each origin, and the moves that came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from pipeline.types import FloatArray

HISTORY = 21
"""Observations before the first origin."""
DECAY = 0.94
"""Of the running variances, a session (the value of RiskMetrics 1996 for daily data)."""
FLOOR = 0.05
"""Least variance, as a share of the expanding median of the variances."""


@dataclass(frozen=True, eq=False)
class Market:
    """The prices of m series under n origins each, and what follows from them.

    `log_prices` (m, 21 + n + h): 21 sessions of history, the n origins, the h sessions after the last one;
    `returns` (m, 20 + n + h) between them. `per_sigma` (m, n + h - 1): one over the volatility known before
    each return that follows an origin, 0 while the price has never moved. `per_scale` (m, n): the same over
    the square root of h, at each origin. `moves` (m, n): log changes from origin to target; `scaled_moves`
    in units of the volatility known at the origin.
    """

    horizon: int
    log_prices: FloatArray
    returns: FloatArray
    per_sigma: FloatArray
    per_scale: FloatArray
    moves: FloatArray
    scaled_moves: FloatArray

    @property
    def origins(self) -> int:
        return int(self.moves.shape[1])

    @property
    def typical_move(self) -> FloatArray:
        """(m,): mean absolute deviation of the scaled moves from their median."""
        return np.asarray(np.mean(np.abs(around_median(self.scaled_moves)), axis=1))


def observe(log_prices: FloatArray, horizon: int) -> Market:
    """The market of (m, 21 + n + h) log prices; ValueError unless n is at least 1 and all are finite."""
    if not np.isfinite(log_prices).all():
        raise ValueError("a price is no finite positive number")
    origins = log_prices.shape[1] - HISTORY - horizon
    if origins < 1:
        raise ValueError(
            f"{log_prices.shape[1]} prices leave no origin between history and horizon {horizon}"
        )
    returns = np.diff(log_prices, axis=1)
    known = np.sqrt(variances(returns))[:, HISTORY - 1 : HISTORY - 1 + origins + horizon - 1]
    per_sigma = np.divide(1.0, known, out=np.zeros_like(known), where=known > 0.0)
    per_scale = per_sigma[:, :origins] / np.sqrt(horizon)
    first = log_prices[:, HISTORY : HISTORY + origins]
    moves = log_prices[:, HISTORY + horizon : HISTORY + horizon + origins] - first
    return Market(horizon, log_prices, returns, per_sigma, per_scale, moves, moves * per_scale)


def variances(returns: FloatArray) -> FloatArray:
    """(m, k): the variance known after each of (m, k) returns, k at least 21.

    An exponentially weighted mean that starts at the mean of the first 21 squared returns, and never less
    than 5% of the median of its own values so far.
    """
    squares = returns**2
    start = squares[:, :HISTORY].mean(axis=1, keepdims=True)
    later, _ = lfilter([1.0 - DECAY], [1.0, -DECAY], squares[:, 1:], axis=1, zi=DECAY * start)
    running = np.concatenate([start, later], axis=1)
    median = pd.DataFrame(running.T).expanding().median().to_numpy().T
    return np.asarray(np.maximum(running, FLOOR * median))


def around_median(values: FloatArray) -> FloatArray:
    """(m, n) less each row's median."""
    return np.asarray(values - np.median(values, axis=1, keepdims=True))
