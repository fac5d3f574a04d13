"""The naive rules, and which of them a series of forecasts resembles most."""

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


@dataclass(frozen=True, eq=False)
class Copies:
    """The place in RULES of the nearest rule (m,), and the distance to it (m,) in typical moves."""

    nearest: IntArray
    distance: FloatArray

    @property
    def is_copy(self) -> BoolArray:
        """(m,): so near that it is that rule."""
        return np.asarray(self.distance < COPY_DISTANCE)


def nearest_rules(predictions: Predictions) -> Copies:
    """The nearest naive rule of each series; at an undefined distance where all moves are the same.

    Distance: the mean absolute difference of the predicted changes, a constant drift taken out, over the mean
    absolute deviation of the moves from their median, all in units of the volatility known at the origin.
    """
    market = predictions.market
    distances = np.stack([_distance(predictions, change) for change in _rule_changes(market)])
    typical = market.typical_move
    nearest = np.argmin(distances, axis=0)
    distances = np.divide(distances, typical, out=np.full_like(distances, np.nan), where=typical > ROUNDING)
    return Copies(nearest, distances[nearest, np.arange(len(nearest))])


def _rule_changes(market: Market) -> Iterator[FloatArray]:
    """(m, n) of each rule in the order of RULES: the log change that it predicts."""
    n = market.origins
    level = market.log_prices[:, HISTORY : HISTORY + n]
    for lag in LAGS:
        yield market.log_prices[:, HISTORY - lag : HISTORY - lag + n] - level
    prices = np.exp(market.log_prices - market.log_prices[:, :1])
    for width in AVERAGES:
        yield np.log(means_to_origin(prices, width, n)) + market.log_prices[:, :1] - level
    yield market.returns[:, HISTORY - 1 : HISTORY - 1 + n]


def _distance(predictions: Predictions, change: FloatArray) -> FloatArray:
    difference = predictions.changes - change
    weights = predictions.market.per_scale**2
    totals = weights.sum(axis=1)
    drift = np.divide(
        np.sum(weights * difference, axis=1), totals, out=np.zeros_like(totals), where=totals > 0.0
    )
    return np.asarray(np.mean(np.abs(difference - drift[:, None]) * predictions.market.per_scale, axis=1))
