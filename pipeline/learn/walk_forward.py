"""Forecasts at a series of origins, with the model fitted anew as time passes.

A live forecast is a walk-forward of one origin: the same code issues both. Pure functions of an `Assignment`,
so that any process can work on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pipeline.calendars import TradingCalendar
from pipeline.errors import HistoryError, PricecastError
from pipeline.learn.forecast import forecast_closes
from pipeline.learn.lead_lag import chosen, known_through, lead_lags, only_used, without_leads
from pipeline.learn.train import Fit, train, training_rows
from pipeline.learn.window import last_alone, make_windows, select
from pipeline.models.base import ModelConfig
from pipeline.timings import timed
from pipeline.types import Features, ForecastBlock, ForecastKind, IntArray, LeadLag, Target, Windows, Work


@dataclass(frozen=True, eq=False)
class WarmStart:
    """How re-fits may go on from earlier weights; `before` is empty where there are none yet.

    A re-fit `audit_days` or more after the last audited origin (NaT: never) is audited: a fit that starts
    anew forecasts the same origins beside it.
    """

    start_weights: bytes
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

    The errors say why the rest of the backtest or the live forecast is missing, None where nothing is.
    """

    backtests: tuple[ForecastBlock, ...]
    live: tuple[ForecastBlock, ...]
    backtest_error: PricecastError | None = None
    live_error: PricecastError | None = None


@timed(Work.TRANSFORM)
def forecast(assignment: Assignment) -> Forecasted:
    """Work on the assignment: the same one gives the same forecasts bit for bit, in whatever process."""
    warm = assignment.warm_start
    # Weights of a live fit know what came after the origins of a backtest.
    is_ahead_of_backtest = warm is not None and bool(warm.start_weights) and assignment.backtest_origins > 0
    chain = _Chain(assignment, None if is_ahead_of_backtest else warm)
    backtests, backtest_error = _as_far_as_possible(_backtest(chain))
    if not assignment.is_live:
        return Forecasted(backtests, (), backtest_error)
    if is_ahead_of_backtest:
        chain = _Chain(assignment, warm)
    newest = np.array([len(assignment.features.session_dates) - 1])
    live, live_error = _as_far_as_possible(chain.blocks(newest, ForecastKind.LIVE))
    return Forecasted(backtests, live, backtest_error, live_error)


def _as_far_as_possible(
    blocks: Iterator[ForecastBlock],
) -> tuple[tuple[ForecastBlock, ...], PricecastError | None]:
    """The blocks up to an error, and the error."""
    issued: list[ForecastBlock] = []
    try:
        issued.extend(blocks)
    except PricecastError as error:
        return tuple(issued), error
    return tuple(issued), None


@dataclass(frozen=True, eq=False)
class _Sight:
    """What the fits of a block see: the features with the leads that are used, and their windows."""

    features: Features
    windows: Windows
    lead_lags: tuple[LeadLag, ...]


@dataclass
class _Chain:
    """Fits in order of time, each of which may start from the weights of the one before."""

    assignment: Assignment
    warm_start: WarmStart | None

    @cached_property
    def windows(self) -> Windows:
        """The windows of all features but leads that are yet to be chosen."""
        features, config = self.assignment.features, self.assignment.config
        return _windows(without_leads(features) if config.chooses_leads else features, config)

    def blocks(self, rows: IntArray, kind: ForecastKind) -> Iterator[ForecastBlock]:
        """The block of the origins at these rows, and the block of its audit where one is due."""
        sight = self._sight(int(rows[0]))
        at_origins = select(sight.windows, np.flatnonzero(np.isin(sight.windows.rows, rows)))
        if len(at_origins) == 0:
            raise _no_window(sight.features, self.assignment.config, int(rows[-1]))
        warm = self.warm_start
        if warm is None:
            yield self._block(at_origins, self._fit(sight, rows), kind)
            return
        fit = self._fit(sight, rows, warm.start_weights)
        yield self._block(at_origins, fit, kind)
        origin = sight.features.session_dates[rows[0]]
        is_audited = bool(warm.start_weights) and warm.is_audit_due(origin)
        if is_audited:
            yield self._block(at_origins, self._fit(sight, rows), ForecastKind.AUDIT)
        last_audit = sight.features.session_dates[rows[-1]] if is_audited else warm.last_audit
        self.warm_start = replace(warm, start_weights=fit.model.to_bytes(), last_audit=last_audit)

    def _sight(self, origin_row: int) -> _Sight:
        features, config = self.assignment.features, self.assignment.config
        rows = training_rows(self.windows, origin_row, config)
        measured = lead_lags(features, rows, config.horizons, config.difference)
        if not config.chooses_leads:
            return _Sight(features, self.windows, measured)
        measured = chosen(measured, known_through(features, origin_row, config.time_steps))
        seen = only_used(features, measured)
        return _Sight(seen, _windows(seen, config), measured)

    def _fit(self, sight: _Sight, rows: IntArray, start_weights: bytes = b"") -> Fit:
        config = self.assignment.config
        return train(sight.features, sight.windows, int(rows[0]), config, start_weights, sight.lead_lags)

    @timed(Work.FORECAST)
    def _block(self, at_origins: Windows, fit: Fit, kind: ForecastKind) -> ForecastBlock:
        features, ahead = self.assignment.features, np.array(fit.config.ahead)
        last_closes = features.traded_closes[at_origins.rows]
        origin_dates = features.session_dates[at_origins.rows]
        every_target = self.assignment.calendar.target_dates(origin_dates, fit.config.horizons)
        return ForecastBlock(
            fit=fit.record(kind),
            horizons=ahead,
            origin_dates=origin_dates,
            last_closes=last_closes,
            target_dates=every_target[:, ahead - 1],
            closes=forecast_closes(fit, at_origins, last_closes, features.basis[at_origins.rows]),
        )


def _backtest(chain: _Chain) -> Iterator[ForecastBlock]:
    """Forecasts from the last usable origins before the newest session, in order of time.

    The model is fitted at the first origin of every `refit_every` and serves the rest of them. Origins too
    early to have a whole training set are left out.
    """
    task = chain.assignment
    if task.backtest_origins == 0:
        return
    rows = chain.windows.rows
    usable = rows[rows < len(task.features.session_dates) - 1][-task.backtest_origins :]
    for first in range(0, len(usable), task.refit_every):
        try:
            yield from chain.blocks(usable[first : first + task.refit_every], ForecastKind.BACKTEST)
        except HistoryError:
            continue


def _windows(features: Features, config: ModelConfig) -> Windows:
    windows = make_windows(features, config.time_steps, config.horizons)
    return last_alone(windows, config.difference) if config.target is Target.LAST else windows


def _no_window(features: Features, config: ModelConfig, row: int) -> HistoryError:
    return HistoryError(
        features.symbol,
        f"{config.name} needs {config.time_steps} consecutive sessions up to "
        f"{features.session_dates[row]}, and {_unbroken(features, row)} are there{_unknown(features, row)}",
        "Supply the missing sessions or leads, lower transform.time_steps, "
        "or set transform.bridge_gaps = true.",
    )


def _unbroken(features: Features, row: int) -> int:
    known = np.isfinite(features.values).all(axis=1) & (features.segments == features.segments[row])
    return int(np.cumprod(known[row::-1]).sum())


def _unknown(features: Features, row: int) -> str:
    is_nan = np.isnan(features.values[row])
    missing = [name for name, is_unknown in zip(features.names, is_nan, strict=True) if is_unknown]
    return f" ({', '.join(missing)} unknown there)" if missing else ""
