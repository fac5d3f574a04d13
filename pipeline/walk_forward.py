"""Forecasts at a series of origins, with the model fitted anew as time passes.

A live forecast is a walk-forward of one origin: the same code issues both.
"""

from collections.abc import Iterator

import numpy as np

from pipeline.calendars import TradingCalendar
from pipeline.errors import HistoryError
from pipeline.forecast import forecast_closes
from pipeline.models.base import ModelConfig
from pipeline.train import train
from pipeline.types import Features, ForecastBlock, ForecastKind, IntArray, Windows
from pipeline.window import make_windows, select


def live_block(features: Features, config: ModelConfig, calendar: TradingCalendar) -> ForecastBlock:
    """The forecasts from the newest session; HistoryError when no whole window ends there."""
    windows = make_windows(features, config.time_steps, config.horizons)
    newest = len(features.session_dates) - 1
    if len(windows) == 0 or windows.rows[-1] != newest:
        raise HistoryError(
            features.symbol,
            f"{config.name} needs {config.time_steps} consecutive sessions up to "
            f"{features.session_dates[newest]}, and {_unbroken(features)} are there{_unknown(features)}",
            "Supply the missing sessions or leads, lower transform.time_steps, "
            "or set transform.bridge_gaps = true.",
        )
    origins = np.array([len(windows) - 1])
    return _block(features, windows, origins, config, calendar, ForecastKind.LIVE)


def backtest_blocks(
    features: Features, config: ModelConfig, calendar: TradingCalendar, origins: int, refit_every: int
) -> Iterator[ForecastBlock]:
    """Forecasts from the last `origins` usable origins before the newest session, in order of time.

    The model is fitted at the first origin of every `refit_every` and serves the rest of them. Origins too
    early to have a whole training set are left out.
    """
    windows = make_windows(features, config.time_steps, config.horizons)
    before_newest = np.flatnonzero(windows.rows < len(features.session_dates) - 1)
    chosen = before_newest[max(0, len(before_newest) - origins) :]
    for first in range(0, len(chosen), refit_every):
        try:
            yield _block(
                features,
                windows,
                chosen[first : first + refit_every],
                config,
                calendar,
                ForecastKind.BACKTEST,
            )
        except HistoryError:
            continue


def _block(
    features: Features,
    windows: Windows,
    origins: IntArray,
    config: ModelConfig,
    calendar: TradingCalendar,
    kind: ForecastKind,
) -> ForecastBlock:
    at_origins = select(windows, origins)
    fit = train(features, windows, int(at_origins.rows[0]), config)
    last_closes = features.closes[at_origins.rows]
    origin_dates = features.session_dates[at_origins.rows]
    return ForecastBlock(
        fit=fit.record(kind),
        origin_dates=origin_dates,
        last_closes=last_closes,
        target_dates=calendar.target_dates(origin_dates, config.horizons),
        closes=forecast_closes(fit, at_origins, last_closes),
    )


def _unbroken(features: Features) -> int:
    known = np.isfinite(features.values).all(axis=1) & (features.segments == features.segments[-1])
    return int(np.cumprod(known[::-1]).sum())


def _unknown(features: Features) -> str:
    newest = np.isnan(features.values[-1])
    missing = [name for name, is_unknown in zip(features.names, newest, strict=True) if is_unknown]
    return f" ({', '.join(missing)} unknown there)" if missing else ""
