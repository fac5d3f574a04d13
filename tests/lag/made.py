"""Trials made for tests: random walks and what one may say of them."""

import numpy as np

from pipeline.lag.market import HISTORY, Market, build_market
from pipeline.lag.predictions import Predictions, predict
from pipeline.types import FloatArray, Trial

DAILY = 0.03


def walk(n: int = 300, horizon: int = 1, seed: int = 5) -> FloatArray:
    """Log prices (21 + n + h,)."""
    rng = np.random.default_rng(seed)
    return 4.6 + np.cumsum(rng.normal(0.0, DAILY, HISTORY + n + horizon))


def trial(changes: FloatArray, log_prices: FloatArray, horizon: int = 1) -> Trial:
    n = len(log_prices) - HISTORY - horizon
    return Trial(horizon, log_prices, log_prices[HISTORY : HISTORY + n] + changes)


def moves_of(log_prices: FloatArray, horizon: int = 1) -> FloatArray:
    n = len(log_prices) - HISTORY - horizon
    return log_prices[HISTORY + horizon :][:n] - log_prices[HISTORY:][:n]


def older(log_prices: FloatArray, lag: int, horizon: int = 1) -> Trial:
    """The price `lag` sessions before each origin, again."""
    n = len(log_prices) - HISTORY - horizon
    return Trial(horizon, log_prices, log_prices[HISTORY - lag : HISTORY - lag + n])


def noisy(share: float, n: int = 300, horizon: int = 1, seed: int = 5) -> Trial:
    """The last price, give or take noise of a `share` of a typical session's move."""
    noise = np.random.default_rng(seed + 1).normal(0.0, share * DAILY, n)
    return trial(noise, walk(n, horizon, seed), horizon)


def knowing(r2: float, n: int = 300, horizon: int = 1, seed: int = 5) -> Trial:
    """A forecast that knows a share `r2` of each move's variance."""
    prices = walk(n, horizon, seed)
    unknown = np.sqrt(r2 * (1.0 - r2) * horizon) * DAILY * np.random.default_rng(seed + 1).normal(size=n)
    return trial(r2 * moves_of(prices, horizon) + unknown, prices, horizon)


def hinting(size: float, correlation: float, n: int = 250, seed: int = 5) -> Trial:
    """Changes of a small `size`, in typical moves, of a known correlation with the moves."""
    prices = walk(n, 1, seed)
    noise = DAILY * np.random.default_rng(seed + 1).normal(size=n)
    return trial(size * (correlation * moves_of(prices) + np.sqrt(1 - correlation**2) * noise), prices)


def in_a_drift(one: Trial, drift: float = 0.2) -> Trial:
    """The same forecasts, relative to prices that rise by a share of a typical move each session."""
    risen = drift * DAILY * np.arange(len(one.log_prices))
    n = len(one)
    return Trial(one.horizon, one.log_prices + risen, one.log_forecasts + risen[HISTORY : HISTORY + n])


def market_of(*trials: Trial) -> Market:
    return build_market(np.stack([one.log_prices for one in trials]), trials[0].horizon)


def predictions_of(*trials: Trial) -> Predictions:
    return predict(market_of(*trials), np.stack([one.log_forecasts for one in trials]))
