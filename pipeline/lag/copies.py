"""Compare a series of forecasts with naive rules and find the nearest of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.lag.market import HISTORY, Market
from pipeline.lag.predictions import ROUNDING, Predictions
from pipeline.lag.shape import means_to_origin
from pipeline.types import BoolArray, FloatArray, IntArray

LAGS = range(6)
AVERAGES = (2, 3, 5, 7, 10, 20)
RULES = (
    *("y(t)" if lag == 0 else f"y(t-{lag})" for lag in LAGS),
    *(f"MA{width}" for width in AVERAGES),
    "last change again",
)
COPY_DISTANCE = 0.02
"""Forecasts nearer than this to a naive rule, as a share of a typical move, are copies of it."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Index in RULES of the nearest rule (m,), and the distance to it (m,) as a share of a typical move."""

    nearest: IntArray
    distance: FloatArray

    @property
    def is_copy(self) -> BoolArray:
        """(m,): whether the nearest rule is so near that the forecasts are a copy of it."""
        return np.asarray(self.distance < COPY_DISTANCE)


def nearest_rules(predictions: Predictions) -> Copies:
    """Find the naive rule nearest to each of m series of forecasts, and its distance.

    The distance is the mean absolute difference between the predicted changes of the series and of the rule,
    after removing a constant drift, divided by the mean absolute deviation of the moves from their median;
    all in units of the volatility known at the origin. NaN where all moves are equal.
    """
    market = predictions.market
    distances = np.stack([_distance(predictions, change) for change in _rule_changes(market)])
    typical = market.typical_move
    nearest = np.argmin(distances, axis=0)
    distances = np.divide(distances, typical, out=np.full_like(distances, np.nan), where=typical > ROUNDING)
    return Copies(nearest, distances[nearest, np.arange(len(nearest))])


def _rule_changes(market: Market) -> Iterator[FloatArray]:
    """Yield the log changes (m, n) that each rule predicts, in the order of RULES."""
    n = market.origins
    level = market.log_prices[:, HISTORY : HISTORY + n]
    for lag in LAGS:
        yield market.log_prices[:, HISTORY - lag : HISTORY - lag + n] - level
    prices = np.exp(market.log_prices - market.log_prices[:, :1])
    for width in AVERAGES:
        yield np.log(means_to_origin(prices, width, n)) + market.log_prices[:, :1] - level
    yield market.returns[:, HISTORY - 1 : HISTORY - 1 + n]


def _distance(predictions: Predictions, change: FloatArray) -> FloatArray:
    """Compute the mean absolute scaled difference (m,) from the (m, n) changes of a rule, less a drift."""
    difference = predictions.changes - change
    weights = predictions.market.per_scale**2
    totals = weights.sum(axis=1)
    drift = np.divide(
        np.sum(weights * difference, axis=1), totals, out=np.zeros_like(totals), where=totals > 0.0
    )
    return np.asarray(np.mean(np.abs(difference - drift[:, None]) * predictions.market.per_scale, axis=1))
