"""Forecasters whose worth is known: copies, noise, networks gone stale, and oracles of a given R2."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator

from pipeline.types import FloatArray
from tests.calibration.markets import DAILY, EARLIER, Simulated

Forecaster = Callable[[Simulated, Generator], FloatArray]
"""(m, n) predicted log changes of a simulated market."""
RIDGE = 25.0
"""Penalty of the ridge regression: a twentieth of its rows."""


def last_value(market: Simulated, rng: Generator) -> FloatArray:
    return np.zeros_like(market.known())


def with_drift(market: Simulated, rng: Generator) -> FloatArray:
    return np.full_like(market.known(), 0.1 * DAILY)


def noise(share: float) -> Forecaster:
    def forecast(market: Simulated, rng: Generator) -> FloatArray:
        return share * DAILY * rng.standard_normal(market.known().shape)

    return forecast


def older(lag: int) -> Forecaster:
    def forecast(market: Simulated, rng: Generator) -> FloatArray:
        return market.known(lag) - market.known()

    return forecast


def average(width: int) -> Forecaster:
    def forecast(market: Simulated, rng: Generator) -> FloatArray:
        return _log_average(market, width) - market.known()

    return forecast


def last_change(market: Simulated, rng: Generator) -> FloatArray:
    return market.known() - market.known(1)


def saturated_network(market: Simulated, rng: Generator) -> FloatArray:
    """An LSTM of levels whose output bends towards where it was trained, a little low and a little noisy."""
    start = market.known()[:, :1]
    eta = rng.standard_normal(market.known().shape)
    bent = 0.9 * _log_average(market, 3) + 0.1 * start - 0.3 * DAILY + 0.1 * DAILY * eta
    return bent - market.known()


def with_the_level(share: float) -> Forecaster:
    """A share of the distance from the mean of the 100 prices before the first origin; back to it, if < 0."""

    def forecast(market: Simulated, rng: Generator) -> FloatArray:
        before = market.log_prices[:, market.first - 100 : market.first].mean(axis=1, keepdims=True)
        return share * (market.known() - before)

    return forecast


def ramp(market: Simulated, rng: Generator) -> FloatArray:
    """Rises with time alone, to 0.4 deviations."""
    return np.tile(np.linspace(0.0, 0.4 * DAILY, market.origins), (len(market.log_prices), 1))


def stuck(market: Simulated, rng: Generator) -> FloatArray:
    return market.known()[:, :1] - market.known()


def oracle(r2: float) -> Forecaster:
    """Knows a share `r2` of each move's variance."""

    def forecast(market: Simulated, rng: Generator) -> FloatArray:
        moves = market.moves()
        unknown = np.sqrt(r2 * (1.0 - r2)) * market.move_deviations() * rng.standard_normal(moves.shape)
        return r2 * moves + unknown

    return forecast


def anti_oracle(r2: float) -> Forecaster:
    def forecast(market: Simulated, rng: Generator) -> FloatArray:
        return -oracle(r2)(market, rng)

    return forecast


def ridge_autoregression(market: Simulated, rng: Generator) -> FloatArray:
    """Five lags, fitted on the 500 returns before the judged series, columns of unit variance."""
    returns = np.diff(market.log_prices, axis=1)
    lags = 5
    forecasts = np.empty_like(market.known())
    for row, path in enumerate(returns):
        windows = np.lib.stride_tricks.sliding_window_view(path, lags)
        learnt, target = windows[: EARLIER - lags], path[lags:EARLIER]
        means, spread = learnt.mean(axis=0), learnt.std(axis=0)
        design = (learnt - means) / spread
        weights = np.linalg.solve(
            design.T @ design + RIDGE * np.eye(lags), design.T @ (target - target.mean())
        )
        seen = windows[market.first - lags : market.first - lags + market.origins]
        forecasts[row] = target.mean() + (seen - means) / spread @ weights
    return forecasts


def _log_average(market: Simulated, width: int) -> FloatArray:
    prices = np.stack([np.exp(market.known(lag) - market.known()) for lag in range(width)])
    return np.log(prices.mean(axis=0)) + market.known()


WITHOUT_SKILL: Mapping[str, Forecaster] = {
    "echo": last_value,
    "echo with drift": with_drift,
    "y(t-1)": older(1),
    "y(t-2)": older(2),
    "MA5": average(5),
    "last change": last_change,
    "noise 5%": noise(0.05),
    "noise 20%": noise(0.20),
    "noise 50%": noise(0.50),
    "saturated LSTM-like": saturated_network,
    "ridge-AR5": ridge_autoregression,
    "level reversion 2%": with_the_level(-0.02),
    "level pursuit 2%": with_the_level(0.02),
    "ramp": ramp,
    "wild noise 150%": noise(1.50),
    "stuck constant": stuck,
}
WITH_SKILL: Mapping[str, Forecaster] = {
    "oracle R2 = 1%": oracle(0.01),
    "oracle R2 = 2%": oracle(0.02),
    "oracle R2 = 5%": oracle(0.05),
    "anti-oracle 5%": anti_oracle(0.05),
}
FORECASTERS: Mapping[str, Forecaster] = {**WITHOUT_SKILL, **WITH_SKILL}
