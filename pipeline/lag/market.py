"""What the tests need of the prices alone: the volatility known at each origin, and the moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from pipeline.types import FloatArray

HISTORY = 21
"""Sessions of price history needed before the first origin."""
DECAY = 0.94
"""Decay factor per session of the exponentially weighted averages (RiskMetrics 1996, daily data)."""
VARIANCE_FLOOR = 0.05
"""Lower bound of the variance, as a share of the expanding median of the variances."""


@dataclass(frozen=True, eq=False)
class Market:
    """The prices of m series with n origins each at horizon h, and the returns and volatilities from them.

    `log_prices` (m, 21 + n + h): 21 sessions of history, the n origins, the h sessions after the last one;
    `returns` (m, 20 + n + h): the log returns between them. `per_sigma` (m, n + h - 1): the inverse of the
    volatility known before each return after an origin, 0 as long as the price has never changed.
    `per_scale` (m, n): that inverse at each origin, divided by the square root of h. `moves` (m, n): log
    changes from origin to target. `scaled_moves` (m, n): `moves` times `per_scale`.
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
        """(m,): mean absolute deviation of the scaled moves from their median, the unit of distances."""
        return np.asarray(np.mean(np.abs(around_median(self.scaled_moves)), axis=1))


def build_market(log_prices: FloatArray, horizon: int) -> Market:
    """Compute the market of (m, 21 + n + h) log prices; ValueError unless n >= 1 and all are finite."""
    if not np.isfinite(log_prices).all():
        raise ValueError("every price must be a finite positive number")
    origins = log_prices.shape[1] - HISTORY - horizon
    if origins < 1:
        raise ValueError(
            f"{log_prices.shape[1]} prices are too few for {HISTORY} sessions of history, "
            f"an origin and horizon {horizon}"
        )
    returns = np.diff(log_prices, axis=1)
    known = np.sqrt(variances(returns))[:, HISTORY - 1 : HISTORY - 1 + origins + horizon - 1]
    per_sigma = np.divide(1.0, known, out=np.zeros_like(known), where=known > 0.0)
    per_scale = per_sigma[:, :origins] / np.sqrt(horizon)
    first = log_prices[:, HISTORY : HISTORY + origins]
    moves = log_prices[:, HISTORY + horizon : HISTORY + horizon + origins] - first
    return Market(horizon, log_prices, returns, per_sigma, per_scale, moves, moves * per_scale)


def variances(returns: FloatArray) -> FloatArray:
    """Estimate the variance (m, k) known after each of (m, k) returns, k at least 21.

    The exponentially weighted mean of the squared returns, started at the mean of the first 21 of them and
    bounded below by 5% of the running median of its own values.
    """
    squares = returns**2
    start = squares[:, :HISTORY].mean(axis=1, keepdims=True)
    later, _ = lfilter([1.0 - DECAY], [1.0, -DECAY], squares[:, 1:], axis=1, zi=DECAY * start)
    running = np.concatenate([start, later], axis=1)
    median = pd.DataFrame(running.T).expanding().median().to_numpy().T
    return np.asarray(np.maximum(running, VARIANCE_FLOOR * median))


def around_median(values: FloatArray) -> FloatArray:
    """Subtract each row's median from (m, n) values."""
    return np.asarray(values - np.median(values, axis=1, keepdims=True))
