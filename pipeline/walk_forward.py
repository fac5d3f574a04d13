"""Forecasts at a series of origins, with the model fitted anew as time passes.

A live forecast is a walk-forward of one origin: the same code issues both. Pure functions of an `Assignment`,
so that any process can work on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipeline.calendars import TradingCalendar
from pipeline.errors import HistoryError, PricecastError
from pipeline.forecast import forecast_closes
from pipeline.models.base import ModelConfig
from pipeline.timings import timed
from pipeline.train import Fit, train
from pipeline.types import Features, ForecastBlock, ForecastKind, IntArray, Windows, Work
from pipeline.window import make_windows, select


@dataclass(frozen=True, eq=False)
class WarmStart:
    """How re-fits may go on from earlier weights; `before` is empty where there are none yet.

    A re-fit `audit_days` or more after `last_audit` (NaT: never) is audited: a fit that starts anew forecasts
    the same origins beside it.
    """

    before: bytes
    last_audit: np.datetime64
    audit_days: int

    def is_audit_due(self, origin: np.datetime64) -> bool:
        is_first = bool(np.isnat(self.last_audit))
        return is_first or bool(origin - self.last_audit >= np.timedelta64(self.audit_days, "D"))


@dataclass(frozen=True, eq=False)
class Assignment:
    """What one model of one asset has to forecast, with all that it takes.

    `backtest_origins` 0 asks for no backtest; a live forecast is asked for where `is_live`. `warm_start` is
    None where every fit starts anew.
    """

    features: Features
    config: ModelConfig
    calendar: TradingCalendar
    backtest_origins: int
    refit_every: int
    is_live: bool
    warm_start: WarmStart | None = None


@dataclass(frozen=True, eq=False)
class Forecasted:
    """The blocks of an assignment in order of time, audits behind what they audit.

    `error` says why the live forecast is missing, None where it is not.
    """

    backtests: tuple[ForecastBlock, ...]
    live: tuple[ForecastBlock, ...]
    error: PricecastError | None = None


@timed(Work.TRANSFORM)
def forecast(assignment: Assignment) -> Forecasted:
    """Work on the assignment: the same one gives the same forecasts bit for bit, in whatever process."""
    windows = make_windows(assignment.features, assignment.config.time_steps, assignment.config.horizons)
    chain = _Chain(assignment, windows, assignment.warm_start)
    backtests = tuple(_backtest(chain))
    if not assignment.is_live:
        return Forecasted(backtests, ())
    try:
        live = tuple(chain.blocks(_newest_origin(assignment, windows), ForecastKind.LIVE))
    except PricecastError as error:
        return Forecasted(backtests, (), error)
    return Forecasted(backtests, live)


@dataclass
class _Chain:
    """Fits in order of time, each of which may start from the weights of the one before."""

    assignment: Assignment
    windows: Windows
    warm_start: WarmStart | None

    def blocks(self, origins: IntArray, kind: ForecastKind) -> Iterator[ForecastBlock]:
        """The block of these origins, and the block of its audit where one is due."""
        task, warm = self.assignment, self.warm_start
        at_origins = select(self.windows, origins)
        first = int(at_origins.rows[0])
        if warm is None:
            yield self._block(at_origins, train(task.features, self.windows, first, task.config), kind)
            return
        fit = train(task.features, self.windows, first, task.config, warm.before)
        yield self._block(at_origins, fit, kind)
        origin = task.features.session_dates[first]
        is_audited = bool(warm.before) and warm.is_audit_due(origin)
        if is_audited:
            anew = train(task.features, self.windows, first, task.config)
            yield self._block(at_origins, anew, ForecastKind.AUDIT)
        last_audit = origin if is_audited else warm.last_audit
        self.warm_start = replace(warm, before=fit.model.to_bytes(), last_audit=last_audit)

    @timed(Work.FORECAST)
    def _block(self, at_origins: Windows, fit: Fit, kind: ForecastKind) -> ForecastBlock:
        features = self.assignment.features
        last_closes = features.closes[at_origins.rows]
        origin_dates = features.session_dates[at_origins.rows]
        return ForecastBlock(
            fit=fit.record(kind),
            origin_dates=origin_dates,
            last_closes=last_closes,
            target_dates=self.assignment.calendar.target_dates(origin_dates, fit.config.horizons),
            closes=forecast_closes(fit, at_origins, last_closes),
        )


def _backtest(chain: _Chain) -> Iterator[ForecastBlock]:
    """Forecasts from the last usable origins before the newest session, in order of time.

    The model is fitted at the first origin of every `refit_every` and serves the rest of them. Origins too
    early to have a whole training set are left out.
    """
    task = chain.assignment
    before_newest = np.flatnonzero(chain.windows.rows < len(task.features.session_dates) - 1)
    chosen = before_newest[max(0, len(before_newest) - task.backtest_origins) :]
    for first in range(0, len(chosen) if task.backtest_origins else 0, task.refit_every):
        try:
            yield from chain.blocks(chosen[first : first + task.refit_every], ForecastKind.BACKTEST)
        except HistoryError:
            continue


def _newest_origin(assignment: Assignment, windows: Windows) -> IntArray:
    """The position of the newest session's window; HistoryError when no whole window ends there."""
    features, config = assignment.features, assignment.config
    newest = len(features.session_dates) - 1
    if len(windows) == 0 or windows.rows[-1] != newest:
        raise HistoryError(
            features.symbol,
            f"{config.name} needs {config.time_steps} consecutive sessions up to "
            f"{features.session_dates[newest]}, and {_unbroken(features)} are there{_unknown(features)}",
            "Supply the missing sessions or leads, lower transform.time_steps, "
            "or set transform.bridge_gaps = true.",
        )
    return np.array([len(windows) - 1])


def _unbroken(features: Features) -> int:
    known = np.isfinite(features.values).all(axis=1) & (features.segments == features.segments[-1])
    return int(np.cumprod(known[::-1]).sum())


def _unknown(features: Features) -> str:
    newest = np.isnan(features.values[-1])
    missing = [name for name, is_unknown in zip(features.names, newest, strict=True) if is_unknown]
    return f" ({', '.join(missing)} unknown there)" if missing else ""
