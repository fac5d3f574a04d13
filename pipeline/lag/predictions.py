"""Forecasts as predicted log changes, in units of the volatility known at their origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.lag.market import HISTORY, Market
from pipeline.types import FloatArray

ROUNDING = 1e-9
"""Changes smaller than this, in units of volatility, are rounding errors of a change of 0."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predicted log changes (m, n) of a market: `changes`, and `scaled` and `centred` in units of volatility.

    `scaled` are the changes as issued. `centred` are the changes less the mean of those predicted up to and
    including each origin, so that persistence with any constant drift predicts no change.
    """

    market: Market
    changes: FloatArray
    scaled: FloatArray
    centred: FloatArray


def predict(market: Market, log_forecasts: FloatArray) -> Predictions:
    """Compute the predicted changes of (m, n) log forecasts in time order; ValueError unless all finite."""
    if not np.isfinite(log_forecasts).all():
        raise ValueError("every forecast must be a finite positive number")
    n = market.origins
    changes = log_forecasts - market.log_prices[:, HISTORY : HISTORY + n]
    drift = np.cumsum(changes, axis=1) / np.arange(1, n + 1)
    centred = (changes - drift) * market.per_scale
    centred = np.where(np.abs(centred) < ROUNDING, 0.0, centred)
    return Predictions(market, changes, changes * market.per_scale, centred)
