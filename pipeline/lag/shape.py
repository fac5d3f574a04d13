"""The shape test: are the forecasts a linear filter of prices already known, and how old are those prices?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.lag.market import HISTORY, Market, around_median
from pipeline.lag.means import cosine_test
from pipeline.lag.predictions import ROUNDING, Predictions
from pipeline.types import FloatArray

RECENT_RETURNS = 5
"""Number of the newest returns among the regressors."""
AVERAGED_SESSIONS = (10, 20)
"""Widths of the moving averages among the regressors."""
REGRESSORS = 2 + RECENT_RETURNS + len(AVERAGED_SESSIONS)
RIDGE_PENALTY = 1e-9
"""Keeps collinear regressors solvable without changing the fit visibly."""
MAX_FILTER_DISTANCE = 1.0
"""Largest mean distance from a filter of known prices, in typical moves, of forecasts with its shape."""
MIN_TRACKING = 0.5
"""Smallest weight of the price level in forecasts that count as following the price."""


@dataclass(frozen=True, eq=False)
class Shape:
    """The results of a regression of the predicted changes on known prices, (m,) each.

    `p_value`: p-value of the null hypothesis that the forecasts lie as far from a filter of known prices as a
    typical move is large. `tracking`: weight of the price level in the forecasts, 1 if they follow the price.
    `mean_lag_sessions`: mean age of the prices that the forecasts are made of. `filter_r2`: adjusted R2, the
    share of the predicted changes' variance that known prices explain; about 0 for noise, where it is
    negative as often as positive.
    """

    p_value: FloatArray
    tracking: FloatArray
    mean_lag_sessions: FloatArray
    filter_r2: FloatArray


def shape(predictions: Predictions) -> Shape:
    """Regress scaled predictions (at least 10 a series) on the price level, 5 returns and 2 averages."""
    market, scaled = predictions.market, predictions.scaled
    design = _design(market)
    sizes = np.sqrt(np.mean(design**2, axis=1, keepdims=True))
    design = np.divide(design, sizes, out=np.zeros_like(design), where=sizes > 0.0)
    coefficients = _least_squares(design, scaled)
    n = market.origins
    residuals = scaled - np.einsum("mnk,mk->mn", design, coefficients)
    residuals *= np.sqrt(n / (n - REGRESSORS))
    in_units = np.divide(coefficients, sizes[:, 0], out=np.zeros_like(coefficients), where=sizes[:, 0] > 0.0)
    tracking = 1.0 + in_units[:, 1]
    nearness = np.abs(residuals) - MAX_FILTER_DISTANCE * np.abs(around_median(market.scaled_moves))
    p_value = np.where(tracking < MIN_TRACKING, 1.0, cosine_test(nearness, market.horizon).p_lower())
    return Shape(p_value, tracking, _mean_lag(in_units), _explained(scaled, residuals))


def recent_returns(market: Market, count: int) -> FloatArray:
    """Select the `count` returns up to each origin as (m, n, count), the newest first."""
    n = market.origins
    return np.stack([market.returns[:, HISTORY - 1 - k : HISTORY - 1 - k + n] for k in range(count)], axis=2)


def means_to_origin(values: FloatArray, width: int, origins: int) -> FloatArray:
    """Average `values` (m, 21 + n + h) over `width` sessions up to and including each origin: (m, n)."""
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=1)
    return np.asarray(windows[:, HISTORY - width + 1 : HISTORY - width + 1 + origins].mean(axis=2))


def _design(market: Market) -> FloatArray:
    """Build the scaled (m, n, 9) regressors: constant, level, returns, distances from the averages."""
    n = market.origins
    level = market.log_prices[:, HISTORY : HISTORY + n]
    gaps = [level - means_to_origin(market.log_prices, width, n) for width in AVERAGED_SESSIONS]
    columns = [np.ones_like(level), level - level.mean(axis=1, keepdims=True)]
    returns = recent_returns(market, RECENT_RETURNS)
    stacked = np.concatenate([np.stack(columns, axis=2), returns, np.stack(gaps, axis=2)], axis=2)
    return np.asarray(stacked * market.per_scale[:, :, None])


def _least_squares(design: FloatArray, values: FloatArray) -> FloatArray:
    """Regress (m, n) values on (m, n, k) normalised regressors with a tiny ridge penalty: (m, k) weights."""
    n, k = design.shape[1:]
    transposed = design.transpose(0, 2, 1)
    gram = transposed @ design + RIDGE_PENALTY * n * np.eye(k)
    return np.asarray(np.linalg.solve(gram, transposed @ values[:, :, None])[:, :, 0])


def _mean_lag(coefficients: FloatArray) -> FloatArray:
    """Compute the mean age (m,) in sessions of the prices that the (m, 9) coefficients weight.

    A weight of -1 on a return removes it from the price level, which leaves the price one session earlier.
    """
    returns = coefficients[:, 2 : 2 + RECENT_RETURNS].sum(axis=1)
    ages = (np.array(AVERAGED_SESSIONS) - 1.0) / 2.0
    # Not a matrix product: on some processors its last bits depend on how many rows it has.
    averages = (coefficients[:, 2 + RECENT_RETURNS :] * ages).sum(axis=1)
    return np.asarray(0.0 - returns - averages)


def _explained(scaled: FloatArray, residuals: FloatArray) -> FloatArray:
    """Compute the share (m,) of the variance of (m, n) values that a regression explains."""
    spread = scaled.var(axis=1)
    unexplained = np.mean(residuals**2, axis=1)
    share = np.divide(unexplained, spread, out=np.zeros_like(spread), where=spread > ROUNDING**2)
    return np.asarray(1.0 - share)
