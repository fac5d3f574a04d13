"""Forecasts compared with actual closes: errors, track records and metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.types.arrays import DateArray, FloatArray, IntArray
from pipeline.types.learning import Bands, ForecastKind
from pipeline.types.prices import Adjustment


@dataclass(frozen=True, eq=False)
class PendingForecasts:
    """Stored forecasts that have to be scored, as (m,) arrays: their origin and target have stored bars.

    `origin_closes` and `target_closes` are the newest revisions, on today's price basis, adjusted for
    dividends where the forecast's fit is. `last_closes` are the origins' closes as known when the forecasts
    were issued, on the price basis of the origin.
    """

    forecast_ids: IntArray
    last_closes: FloatArray
    origin_closes: FloatArray
    target_closes: FloatArray
    forecast_closes: FloatArray


@dataclass(frozen=True, eq=False)
class Scores:
    """Scored forecasts as (m,) arrays; prices are on the price basis of the forecast's origin."""

    forecast_ids: IntArray
    actual_closes: FloatArray
    errors: FloatArray
    """Forecast minus actual."""
    naive_errors: FloatArray
    """Last close minus actual."""


@dataclass(frozen=True, eq=False)
class AuditedErrors:
    """Log errors (m,) of warm fits and of the cold fits that audit them, paired by origin and horizon."""

    origin_dates: DateArray
    warm: FloatArray
    cold: FloatArray


@dataclass(frozen=True)
class SeriesKey:
    """The key of one series of forecasts, which is scored and judged as a whole."""

    symbol: str
    model: str
    config_hash: str
    horizon: int


@dataclass(frozen=True, eq=False)
class TrackRecord:
    """The scored live and backtest forecasts of one series, as (m,) arrays sorted by origin date.

    `is_live` is False for a backtest forecast. Bands are NaN where none was issued. `adjustment` is what the
    fits, and so the actual closes, are adjusted for.
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
    """The value of one metric of one series and kind, from `n` forecasts; NaN where undefined."""

    key: SeriesKey
    kind: ForecastKind
    metric: str
    value: float
    n: int
