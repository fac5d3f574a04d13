"""Walk-forward forecasting: forecasts from a series of origins, with regular re-fits of the model.

A live forecast is a walk-forward with a single origin, issued by the same code as a backtest. All functions
are pure functions of an `Assignment`, so that it can be computed in any process.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pipeline.calendars import TradingCalendar
from pipeline.errors import HistoryError, PricecastError
from pipeline.learn.forecast import forecast_closes
from pipeline.learn.lead_lag import (
    choose_leads,
    lead_lags,
    leads_known_in_window,
    with_used_leads,
    without_leads,
)
from pipeline.learn.train import Fit, train, training_rows
from pipeline.learn.window import last_horizon_only, make_windows, select
from pipeline.models.base import ModelConfig
from pipeline.timings import timed
from pipeline.types import Features, ForecastBlock, ForecastKind, IntArray, LeadLag, Target, Windows, Work


@dataclass(frozen=True, eq=False)
class WarmStart:
    """How re-fits start from earlier weights; `start_weights` is empty if there are none yet.

    A re-fit is audited if its origin lies `audit_days` or more after the last audited one (NaT: none): a cold
    fit forecasts the same origins in addition.
    """

    start_weights: bytes
    last_audit: np.datetime64
    audit_days: int

    def is_audit_due(self, origin: np.datetime64) -> bool:
        """Check whether a re-fit at `origin` is to be audited."""
        is_first = bool(np.isnat(self.last_audit))
        return is_first or bool(origin - self.last_audit >= np.timedelta64(self.audit_days, "D"))


@dataclass(frozen=True, eq=False)
class Assignment:
    """The forecasts due for one model and asset, with all inputs.

    `backtest_origins` is 0 for no backtest; `is_live` requests a live forecast. `warm_start` is None if every
    fit is cold.
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
    """The blocks of an assignment in time order, each audit after the block that it audits.

    The errors explain why the rest of the backtest, or the live forecast, is missing; None if nothing is.
    """

    backtests: tuple[ForecastBlock, ...]
    live: tuple[ForecastBlock, ...]
    backtest_error: PricecastError | None = None
    live_error: PricecastError | None = None


@timed(Work.TRANSFORM)
def forecast(assignment: Assignment) -> Forecasted:
    """Compute the forecasts of an assignment; bit for bit reproducible in any process."""
    warm = assignment.warm_start
    # A backtest may not start from the weights of a live fit, which was trained on prices after its origins.
    has_weights = warm is not None and bool(warm.start_weights)
    chain = _Chain(assignment, None if has_weights else warm)
    backtests, backtest_error = _collect_until_error(_backtest(chain))
    if not assignment.is_live:
        return Forecasted(backtests, (), backtest_error)
    if has_weights:
        chain = _Chain(assignment, warm)
    newest = np.array([len(assignment.features.session_dates) - 1])
    live, live_error = _collect_until_error(chain.blocks(newest, ForecastKind.LIVE))
    return Forecasted(backtests, live, backtest_error, live_error)


def _collect_until_error(
    blocks: Iterator[ForecastBlock],
) -> tuple[tuple[ForecastBlock, ...], PricecastError | None]:
    """Collect blocks until an error, and return both."""
    issued: list[ForecastBlock] = []
    try:
        issued.extend(blocks)
    except PricecastError as error:
        return tuple(issued), error
    return tuple(issued), None


@dataclass(frozen=True, eq=False)
class _FitInputs:
    """The inputs of the fits of a block: the features with the leads used, and their windows."""

    features: Features
    windows: Windows
    lead_lags: tuple[LeadLag, ...]


@dataclass
class _Chain:
    """Fits in time order, each of which may start from the weights of the previous one."""

    assignment: Assignment
    warm_start: WarmStart | None

    @cached_property
    def windows(self) -> Windows:
        """The windows of the features, without the leads if each fit chooses its own."""
        features, config = self.assignment.features, self.assignment.config
        return _windows(without_leads(features) if config.chooses_leads else features, config)

    def blocks(self, rows: IntArray, kind: ForecastKind) -> Iterator[ForecastBlock]:
        """Fit at the first of the rows, and forecast from all of them; again by a cold fit for an audit."""
        inputs = self._fit_inputs(int(rows[0]))
        at_origins = select(inputs.windows, np.flatnonzero(np.isin(inputs.windows.rows, rows)))
        if len(at_origins) == 0:
            raise _no_window(inputs.features, self.assignment.config, int(rows[-1]))
        warm = self.warm_start
        if warm is None:
            yield self._block(at_origins, self._fit(inputs, rows), kind)
            return
        fit = self._fit(inputs, rows, warm.start_weights)
        yield self._block(at_origins, fit, kind)
        origin = inputs.features.session_dates[rows[0]]
        is_audited = bool(warm.start_weights) and warm.is_audit_due(origin)
        if is_audited:
            yield self._block(at_origins, self._fit(inputs, rows), ForecastKind.AUDIT)
        last_audit = inputs.features.session_dates[rows[-1]] if is_audited else warm.last_audit
        self.warm_start = replace(warm, start_weights=fit.model.to_bytes(), last_audit=last_audit)

    def _fit_inputs(self, origin_row: int) -> _FitInputs:
        """Measure the leads, and select those used, for a fit at `origin_row`."""
        features, config = self.assignment.features, self.assignment.config
        rows = training_rows(self.windows, origin_row, config)
        measured = lead_lags(features, rows, config.horizons, config.difference)
        if not config.chooses_leads:
            return _FitInputs(features, self.windows, measured)
        measured = choose_leads(measured, leads_known_in_window(features, origin_row, config.time_steps))
        seen = with_used_leads(features, measured)
        return _FitInputs(seen, _windows(seen, config), measured)

    def _fit(self, inputs: _FitInputs, rows: IntArray, start_weights: bytes = b"") -> Fit:
        """Fit the model on what was known at the session of the first of the rows."""
        config = self.assignment.config
        return train(inputs.features, inputs.windows, int(rows[0]), config, start_weights, inputs.lead_lags)

    @timed(Work.FORECAST)
    def _block(self, at_origins: Windows, fit: Fit, kind: ForecastKind) -> ForecastBlock:
        """Forecast from the origins of the windows by a fit."""
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
    """Forecast from the last usable origins before the newest session, in time order.

    The model is fitted at every `refit_every`-th origin and used until the next fit. Origins with too little
    history for a fit are left out.
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
    """Build the windows of the features with the configured targets."""
    windows = make_windows(features, config.time_steps, config.horizons)
    return last_horizon_only(windows, config.difference) if config.target is Target.LAST else windows


def _no_window(features: Features, config: ModelConfig, row: int) -> HistoryError:
    """Build the error for a missing window at the origin `row`."""
    return HistoryError(
        features.symbol,
        f"{config.name} needs {config.time_steps} consecutive sessions up to {features.session_dates[row]}, "
        f"but has {_consecutive_sessions(features, row)}{_unknown_features(features, row)}",
        "Supply the missing sessions or leads, lower transform.time_steps, "
        "or set transform.bridge_gaps = true.",
    )


def _consecutive_sessions(features: Features, row: int) -> int:
    """Count the consecutive sessions with known features up to `row`."""
    known = np.isfinite(features.values).all(axis=1) & (features.segments == features.segments[row])
    return int(np.cumprod(known[row::-1]).sum())


def _unknown_features(features: Features, row: int) -> str:
    """List the features that are unknown at `row`, in parentheses; empty if there are none."""
    is_nan = np.isnan(features.values[row])
    missing = [name for name, is_unknown in zip(features.names, is_nan, strict=True) if is_unknown]
    return f" ({', '.join(missing)} unknown at that session)" if missing else ""
