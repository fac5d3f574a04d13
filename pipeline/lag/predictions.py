"""Forecasts as predicted changes, in units of the volatility known when they were made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.lag.market import HISTORY, Market
from pipeline.types import FloatArray

ROUNDING = 1e-9
"""Changes smaller than this, in units of volatility, are what arithmetic leaves of none."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predicted log changes (m, n) of a market; `scaled` as issued, `centred` without their drift so far.

    Centred: less the mean of the changes predicted up to and including each origin, so that persistence with
    any constant drift predicts nothing.
    """

    market: Market
    changes: FloatArray
    scaled: FloatArray
    centred: FloatArray


def predict(market: Market, log_forecasts: FloatArray) -> Predictions:
    """The predicted changes of (m, n) log forecasts, in order; ValueError unless all are finite."""
    if not np.isfinite(log_forecasts).all():
        raise ValueError("a forecast is no finite number")
    n = market.origins
    changes = log_forecasts - market.log_prices[:, HISTORY : HISTORY + n]
    drift = np.cumsum(changes, axis=1) / np.arange(1, n + 1)
    centred = (changes - drift) * market.per_scale
    centred = np.where(np.abs(centred) < ROUNDING, 0.0, centred)
    return Predictions(market, changes, changes * market.per_scale, centred)
