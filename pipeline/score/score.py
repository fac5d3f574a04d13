"""Score forecasts whose target has settled, and compute the metrics of track records."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipeline.score.metrics import METRICS, Outcomes
from pipeline.types import Bands, ForecastKind, MetricValue, PendingForecasts, Scores, TrackRecord


def score_forecasts(pending: PendingForecasts) -> Scores:
    """Compute the errors of pending forecasts, on the price basis of each forecast's origin.

    A split after the origin changes the units of both settled closes alike. Their ratio, applied to the close
    that was known at the origin, gives the actual price on the basis of the forecast.
    """
    change = pending.target_closes / pending.origin_closes
    unrevised = pending.origin_closes == pending.last_closes
    actual = np.where(unrevised, pending.target_closes, pending.last_closes * change)
    return Scores(
        forecast_ids=pending.forecast_ids,
        actual_closes=actual,
        errors=pending.forecast_closes - actual,
        naive_errors=pending.last_closes - actual,
    )


def measure(record: TrackRecord) -> Iterator[MetricValue]:
    """Compute every metric of a track record for live and backtest forecasts, where there are any."""
    for kind, chosen in ((ForecastKind.LIVE, record.is_live), (ForecastKind.BACKTEST, ~record.is_live)):
        n = int(chosen.sum())
        if n:
            outcomes = _outcomes(record, chosen)
            for name, metric in METRICS.items():
                yield MetricValue(record.key, kind, name, metric(outcomes), n)


def _outcomes(record: TrackRecord, chosen: npt.NDArray[np.bool_]) -> Outcomes:
    """Select the outcomes of a record where `chosen` (m,) is true."""
    bands = record.bands
    return Outcomes(
        horizon=record.key.horizon,
        last=record.last_closes[chosen],
        forecast=record.forecast_closes[chosen],
        actual=record.actual_closes[chosen],
        naive_maes=record.naive_maes[chosen],
        bands=Bands(
            bands.lower_80[chosen],
            bands.upper_80[chosen],
            bands.lower_95[chosen],
            bands.upper_95[chosen],
        ),
    )
