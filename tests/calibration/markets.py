"""Simulated markets in which nothing but their drift, or exactly so much more, can be known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.lag.market import HISTORY
from pipeline.types import FloatArray

DAILY = 0.03
"""Standard deviation of a session's log change."""
EARLIER = 500
"""Returns before the judged series, for forecasters that learn."""
ARCH, GARCH, DEGREES = 0.10, 0.88, 4.5
GAMMA = 0.5
"""Shape of the gamma law; its skewness is 2 over the root."""


@dataclass(frozen=True, eq=False)
class Simulated:
    """m paths: log prices (m, 500 + 21 + n + h), and the expected variance of the return that leads to each
    of their sessions but the first (m, 500 + 20 + n + h).
    """

    horizon: int
    log_prices: FloatArray
    expected_variances: FloatArray

    @property
    def judged(self) -> FloatArray:
        """(m, 21 + n + h): what a judge sees."""
        return self.log_prices[:, EARLIER:]

    @property
    def first(self) -> int:
        """The place of the first origin in `log_prices`."""
        return EARLIER + HISTORY

    @property
    def origins(self) -> int:
        return self.log_prices.shape[1] - self.first - self.horizon

    def known(self, lag: int = 0) -> FloatArray:
        """(m, n): the log price `lag` sessions before each origin."""
        start = self.first - lag
        return self.log_prices[:, start : start + self.origins]

    def moves(self) -> FloatArray:
        """(m, n): what comes."""
        start = self.first + self.horizon
        return self.log_prices[:, start : start + self.origins] - self.known()

    def move_deviations(self) -> FloatArray:
        """(m, n): standard deviation of each move as known at its origin."""
        next_variance = self.expected_variances[:, self.first : self.first + self.origins]
        unconditional, persistence = DAILY**2, ARCH + GARCH
        decay = (1.0 - persistence**self.horizon) / (1.0 - persistence)
        is_constant = np.ptp(self.expected_variances) == 0.0
        total = unconditional * self.horizon + (next_variance - unconditional) * (0 if is_constant else decay)
        return np.sqrt(total)


Market = Callable[[np.random.Generator, int, int, int], Simulated]
"""From a generator: so many paths, with so many origins, for a horizon."""


def random_walk(rng: np.random.Generator, m: int, n: int, horizon: int) -> Simulated:
    """Gaussian, of constant volatility."""
    steps = EARLIER + HISTORY + n + horizon - 1
    return _paths(horizon, DAILY * rng.standard_normal((m, steps)), np.full((m, steps), DAILY**2))


def garch(rng: np.random.Generator, m: int, n: int, horizon: int) -> Simulated:
    """GARCH(1,1) with Student innovations of unit variance, from the unconditional variance on."""
    steps = EARLIER + HISTORY + n + horizon - 1
    shocks = rng.standard_t(DEGREES, (steps, m)) * np.sqrt((DEGREES - 2.0) / DEGREES)
    returns, expected = np.empty((steps, m)), np.empty((steps, m))
    variance = np.full(m, DAILY**2)
    for step in range(steps):
        expected[step] = variance
        returns[step] = np.sqrt(variance) * shocks[step]
        variance = (1.0 - ARCH - GARCH) * DAILY**2 + ARCH * returns[step] ** 2 + GARCH * variance
    return _paths(horizon, returns.T, expected.T)


def drifting(drift: float) -> Market:
    """The random walk with a mean return of a share `drift` of its deviation."""

    def market(rng: np.random.Generator, m: int, n: int, horizon: int) -> Simulated:
        steps = EARLIER + HISTORY + n + horizon - 1
        returns = DAILY * (drift + rng.standard_normal((m, steps)))
        return _paths(horizon, returns, np.full((m, steps), DAILY**2))

    return market


def skewed(rng: np.random.Generator, m: int, n: int, horizon: int) -> Simulated:
    """Independent returns of mean 0 and skewness -2.8: many small rises, few deep falls."""
    steps = EARLIER + HISTORY + n + horizon - 1
    shocks = (GAMMA - rng.gamma(GAMMA, 1.0, (m, steps))) / np.sqrt(GAMMA)
    return _paths(horizon, DAILY * shocks, np.full((m, steps), DAILY**2))


MARKETS: Mapping[str, Market] = {
    "RW": random_walk,
    "GARCH-t": garch,
    "drift 5%": drifting(0.05),
    "drift 10%": drifting(0.1),
    "skewed": skewed,
}
SPECIFIED = ("RW", "GARCH-t")
DRIFTING = ("drift 5%", "drift 10%")


def _paths(horizon: int, returns: FloatArray, expected: FloatArray) -> Simulated:
    start = np.zeros((len(returns), 1))
    return Simulated(horizon, np.concatenate([start, np.cumsum(returns, axis=1)], axis=1), expected)
