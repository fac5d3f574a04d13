"""A simulated market with known data-generating processes, to test whether models and verdicts find them.

Each asset's path is drawn from its first session on, from its own random streams, so that a later `as_of`
appends rows and changes none. Log returns have no drift. The values within a session (open, high, low,
volume) are drawn independently of all later returns.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from pipeline.calendars import utc_moment
from pipeline.errors import SourceError
from pipeline.settings import CONTINUOUS_CALENDAR, AssetSettings, Settings
from pipeline.types import RAW_COLUMNS, CheckResult, FloatArray, RawPrices

FIRST_SESSION = np.datetime64("2020-12-01", "D")
DAILY_SD = 0.02
LEAD_WEIGHT = 0.35
AR_WEIGHT = 0.3

SIMULATED_ASSETS: tuple[AssetSettings, ...] = (
    AssetSettings(symbol="SIM-WALK", calendar=CONTINUOUS_CALENDAR),
    AssetSettings(symbol="SIM-TREND", calendar=CONTINUOUS_CALENDAR),
    AssetSettings(symbol="SIM-LEAD", calendar=CONTINUOUS_CALENDAR),
    AssetSettings(symbol="SIM-FOLLOW", calendar=CONTINUOUS_CALENDAR, leads=("SIM-LEAD",)),
)

TRUTHS: Mapping[str, str] = {
    "SIM-WALK": "nothing to learn",
    "SIM-TREND": "30% of today's return comes again tomorrow",
    "SIM-LEAD": "nothing to learn",
    "SIM-FOLLOW": "35% of today's SIM-LEAD return comes tomorrow",
}
"""The predictable part of each asset's return, in a phrase."""


def with_simulated_assets(settings: Settings) -> Settings:
    """Replace the assets in the settings by SIMULATED_ASSETS, unless some of these are listed already."""
    if any(settings.is_listed(asset.symbol) for asset in SIMULATED_ASSETS):
        return settings
    return settings.model_copy(update={"assets": SIMULATED_ASSETS})


@dataclass(frozen=True)
class _Streams:
    """One asset's random streams, separate so that the number of draws from one does not affect another."""

    returns: np.random.Generator
    opens: np.random.Generator
    ranges: np.random.Generator
    volumes: np.random.Generator


class SimulatedSource:
    """A price source of the four SIMULATED_ASSETS, determined by `seed`, with a row for each UTC day.

    Rows run from FIRST_SESSION to the UTC date of `as_of`, without dividends and splits.
    """

    name = "simulated"

    def __init__(self, seed: int = 7) -> None:
        self._seed = seed

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        """Simulate the rows as `PriceSource.download`; SourceError for another symbol or an empty range."""
        if asset.symbol not in TRUTHS:
            raise SourceError(
                asset.symbol, "the simulated market has no such asset", f"Use one of: {', '.join(TRUTHS)}."
            )
        today = utc_moment(as_of).astype("datetime64[D]")
        first = max(FIRST_SESSION, np.datetime64(start, "D"))
        if today < first:
            raise SourceError(
                asset.symbol,
                f"the simulated market has no session from {first} to {today}",
                f"Set --as-of to a date from {FIRST_SESSION} on, and not before download.history_start.",
            )
        dates = np.arange(FIRST_SESSION, today + np.timedelta64(1, "D"))
        rows = self._rows(asset.symbol, len(dates))
        rows["session_date"] = dates.astype("datetime64[s]")
        rows["date_text"] = dates.astype(str)
        wanted = rows.loc[dates >= first, list(RAW_COLUMNS)].reset_index(drop=True)
        return RawPrices(asset.symbol, self.name, wanted, start)

    def check(self, symbols: Collection[str]) -> CheckResult:
        """Report that the source needs nothing."""
        return CheckResult("source", ok=True, message=self.name)

    def _rows(self, symbol: str, n: int) -> pd.DataFrame:
        """Simulate the first n rows of a symbol, without dates."""
        streams = self._streams(symbol)
        closes = 100.0 * np.exp(np.cumsum(self._returns(symbol, n)))
        before = np.concatenate(([100.0], closes[:-1]))
        opens = before * np.exp(0.1 * DAILY_SD * streams.opens.standard_normal(n))
        wicks = np.exp(0.3 * DAILY_SD * np.abs(streams.ranges.standard_normal((n, 2))))
        return pd.DataFrame(
            {
                "open": opens,
                "high": np.maximum(opens, closes) * wicks[:, 0],
                "low": np.minimum(opens, closes) / wicks[:, 1],
                "close": closes,
                "adj_close": closes,
                "volume": np.ceil(1e6 * streams.volumes.lognormal(0.0, 0.3, n)),
                "dividend": np.nan,
                "split_ratio": np.nan,
            }
        )

    def _returns(self, symbol: str, n: int) -> FloatArray:
        """Simulate the first n log returns of a symbol."""
        own = _PROCESSES[symbol](self._streams(symbol).returns, n)
        if symbol != "SIM-FOLLOW":
            return own
        lead = self._returns("SIM-LEAD", n)
        return own + LEAD_WEIGHT * np.concatenate(([0.0], lead[:-1]))

    def _streams(self, symbol: str) -> _Streams:
        """Create the random streams of a symbol at their start."""
        place = list(TRUTHS).index(symbol)
        child = np.random.SeedSequence(self._seed).spawn(len(TRUTHS))[place]
        return _Streams(*(np.random.default_rng(sequence) for sequence in child.spawn(4)))


def _garch(stream: np.random.Generator, n: int) -> FloatArray:
    """Simulate n returns of a GARCH(1,1) with Student-t shocks: volatility clusters, no predictable sign."""
    alpha, beta, freedom, variance = 0.10, 0.88, 4.5, 0.03**2
    shocks = stream.standard_t(freedom, n) * np.sqrt((freedom - 2.0) / freedom)
    returns = np.empty(n)
    now = variance
    for row in range(n):
        returns[row] = np.sqrt(now) * shocks[row]
        now = (1.0 - alpha - beta) * variance + alpha * returns[row] ** 2 + beta * now
    return returns


def _autoregressive(stream: np.random.Generator, n: int) -> FloatArray:
    """Simulate n returns of an AR(1): each explains AR_WEIGHT**2 = 9% of the variance of the next."""
    shocks = math.sqrt(1.0 - AR_WEIGHT**2) * _noise(stream, n)
    returns = np.empty(n)
    last = 0.0
    for row in range(n):
        last = AR_WEIGHT * last + shocks[row]
        returns[row] = last
    return returns


def _noise(stream: np.random.Generator, n: int) -> FloatArray:
    """Simulate n independent normal returns."""
    return DAILY_SD * stream.standard_normal(n)


def _follower_noise(stream: np.random.Generator, n: int) -> FloatArray:
    """Simulate the n returns of SIM-FOLLOW that SIM-LEAD does not explain.

    The total return has standard deviation DAILY_SD, so the previous return of SIM-LEAD explains
    LEAD_WEIGHT**2 = 12% of its variance: the largest R2 possible at horizon 1. At longer horizons it is 0.
    """
    return math.sqrt(1.0 - LEAD_WEIGHT**2) * _noise(stream, n)


_PROCESSES: Mapping[str, Callable[[np.random.Generator, int], FloatArray]] = {
    "SIM-WALK": _garch,
    "SIM-TREND": _autoregressive,
    "SIM-LEAD": _noise,
    "SIM-FOLLOW": _follower_noise,
}
