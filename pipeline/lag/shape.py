"""Is a series of forecasts made of prices that were known already, and how old are they?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.lag.market import HISTORY, Market, around_median
from pipeline.lag.means import cosine
from pipeline.lag.predictions import ROUNDING, Predictions
from pipeline.types import FloatArray

RECENT_RETURNS = 5
AVERAGED_SESSIONS = (10, 20)
REGRESSORS = 2 + RECENT_RETURNS + len(AVERAGED_SESSIONS)
RIDGE = 1e-9
FARTHEST = 1.0
"""How far, in typical moves, forecasts may lie from a filter of known prices and still have its shape."""
LEAST_TRACKING = 0.5


@dataclass(frozen=True, eq=False)
class Shape:
    """What a regression of the predicted changes on known prices says, (m,) each.

    `p_value` that they lie as far from a filter of known prices as a typical move; `tracking` the weight of
    the price level in them, 1 for anything that follows the price; `mean_lag_sessions` the mean age of the
    prices that they are made of; `filter_r2` the share of their variance that known prices explain, adjusted
    for the number of regressors: about 0 for noise, and as often below.
    """

    p_value: FloatArray
    tracking: FloatArray
    mean_lag_sessions: FloatArray
    filter_r2: FloatArray


def shape(predictions: Predictions) -> Shape:
    """Regress the scaled predictions, ten at least, on the price level, five returns and two averages."""
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
    nearness = np.abs(residuals) - FARTHEST * np.abs(around_median(market.scaled_moves))
    p_value = np.where(tracking < LEAST_TRACKING, 1.0, cosine(nearness, market.horizon).p_lower())
    return Shape(p_value, tracking, _mean_lag(in_units), _explained(scaled, residuals))


def recent_returns(market: Market, count: int) -> FloatArray:
    """(m, n, count): the returns that led to each origin, the newest first."""
    n = market.origins
    return np.stack([market.returns[:, HISTORY - 1 - k : HISTORY - 1 - k + n] for k in range(count)], axis=2)


def means_to_origin(values: FloatArray, width: int, origins: int) -> FloatArray:
    """(m, n): mean of `values` (m, 21 + n + h) over `width` sessions up to and including each origin."""
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=1)
    return np.asarray(windows[:, HISTORY - width + 1 : HISTORY - width + 1 + origins].mean(axis=2))


def _design(market: Market) -> FloatArray:
    """(m, n, 9): a constant, the level, the recent returns and the gaps to the averages, all scaled."""
    n = market.origins
    level = market.log_prices[:, HISTORY : HISTORY + n]
    gaps = [level - means_to_origin(market.log_prices, width, n) for width in AVERAGED_SESSIONS]
    columns = [np.ones_like(level), level - level.mean(axis=1, keepdims=True)]
    returns = recent_returns(market, RECENT_RETURNS)
    stacked = np.concatenate([np.stack(columns, axis=2), returns, np.stack(gaps, axis=2)], axis=2)
    return np.asarray(stacked * market.per_scale[:, :, None])


def _least_squares(design: FloatArray, values: FloatArray) -> FloatArray:
    """(m, k): coefficients of (m, n) values on an (m, n, k) design of unit columns, with a trace of ridge."""
    n, k = design.shape[1:]
    transposed = design.transpose(0, 2, 1)
    gram = transposed @ design + RIDGE * n * np.eye(k)
    return np.asarray(np.linalg.solve(gram, transposed @ values[:, :, None])[:, :, 0])


def _mean_lag(coefficients: FloatArray) -> FloatArray:
    """(m,): a weight -1 on a return takes it out again, so that the price before it remains."""
    returns = coefficients[:, 2 : 2 + RECENT_RETURNS].sum(axis=1)
    ages = (np.array(AVERAGED_SESSIONS) - 1.0) / 2.0
    # Not a matrix product: on some processors its last bits depend on how many rows it has.
    averages = (coefficients[:, 2 + RECENT_RETURNS :] * ages).sum(axis=1)
    return np.asarray(0.0 - returns - averages)


def _explained(scaled: FloatArray, residuals: FloatArray) -> FloatArray:
    spread = scaled.var(axis=1)
    unexplained = np.mean(residuals**2, axis=1)
    share = np.divide(unexplained, spread, out=np.zeros_like(spread), where=spread > ROUNDING**2)
    return np.asarray(1.0 - share)
