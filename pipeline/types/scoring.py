"""Forecasts beside what came true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.types.arrays import DateArray, FloatArray, IntArray
from pipeline.types.learning import Bands, ForecastKind
from pipeline.types.prices import Adjustment


@dataclass(frozen=True, eq=False)
class PendingForecasts:
    """Stored forecasts whose target has a settled bar and that have no current score, (m,) each.

    `origin_closes` and `target_closes` are the newest revisions, on today's price basis;
    `last_closes` are what the forecast knew, on the basis of its origin. Where its fit is adjusted for
    dividends, so are `origin_closes` and `target_closes`.
    """

    forecast_ids: IntArray
    last_closes: FloatArray
    origin_closes: FloatArray
    target_closes: FloatArray
    forecast_closes: FloatArray


@dataclass(frozen=True, eq=False)
class Scores:
    """Scored forecasts, (m,) each. Prices are in the basis of the forecast's origin."""

    forecast_ids: IntArray
    actual_closes: FloatArray
    errors: FloatArray
    """Forecast minus actual."""
    naive_errors: FloatArray
    """Last close minus actual."""


@dataclass(frozen=True, eq=False)
class AuditedErrors:
    """Log errors (m,) of forecasts of equal origin and horizon: of the audited fit, and of the one anew."""

    origin_dates: DateArray
    warm: FloatArray
    anew: FloatArray


@dataclass(frozen=True)
class SeriesKey:
    """One series of forecasts: what is scored and judged together."""

    symbol: str
    model: str
    config_hash: str
    horizon: int


@dataclass(frozen=True, eq=False)
class TrackRecord:
    """The scored as-issued forecasts of one series, (m,) each, ordered by origin date.

    `is_live` tells live from backtest. Bands are NaN where none was issued. `adjustment` is what its fits,
    and so its actual closes, are adjusted for.
    """

    key: SeriesKey
    origin_dates: DateArray
    target_dates: DateArray
    is_live: npt.NDArray[np.bool_]
    last_closes: FloatArray
    forecast_closes: FloatArray
    actual_closes: FloatArray
    naive_maes: FloatArray
    bands: Bands
    adjustment: Adjustment = Adjustment.SPLITS

    def __len__(self) -> int:
        return len(self.origin_dates)


@dataclass(frozen=True)
class MetricValue:
    """One metric of one series and kind of forecast. NaN where it is undefined."""

    key: SeriesKey
    kind: ForecastKind
    metric: str
    value: float
    n: int
