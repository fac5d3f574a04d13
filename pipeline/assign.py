"""What is to be forecast: reads the store, and hands each model of an asset all that it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from pipeline.adjust import adjusted
from pipeline.calendars import TradingCalendar
from pipeline.errors import HistoryError, PricecastError
from pipeline.features import LeadCloses, build_features, closes_on, known_closes, segments
from pipeline.job import Job, Moment
from pipeline.models import configure
from pipeline.models.base import EnsembleParameters, LstmParameters, ModelConfig
from pipeline.settings import AssetSettings
from pipeline.store import Connection, read, read_past, reading
from pipeline.timings import timed
from pipeline.types import DateArray, Failure, Features, ForecastKind, Prices, Work
from pipeline.walk_forward import Assignment, WarmStart
from pipeline.warm_audit import is_warm_worse


@dataclass(frozen=True, eq=False)
class Due:
    """The forecasts of one asset that are not issued yet, and the models that cannot be asked for any."""

    assignments: tuple[Assignment, ...]
    failures: tuple[Failure, ...] = ()


@timed(Work.LOAD)
def assign(job: Job, asset: AssetSettings) -> Due:
    """A backtest of every model that has none, and a live forecast where the newest session has none.

    Ensembles are left to `steps.combine`: they need what the others forecast.

    No live forecast is asked for while the newest settled session has no bar.
    """
    assignments, failures = [], []
    with reading(job.store) as connection:
        history = read_history(job, asset, partial(read.prices, connection))
        for name in job.settings.models:
            try:
                config = configure(job.settings, asset, name)
                if not isinstance(config.parameters, EnsembleParameters):
                    assignments.append(_assignment(job, connection, history, config))
            except PricecastError as error:
                failures.append(Failure(asset.symbol, name, str(error)))
    return Due(tuple(one for one in assignments if one is not None), tuple(failures))


@dataclass(frozen=True, eq=False)
class History:
    """The prices of an asset, and of the assets that its forecasts need beside it, each read once."""

    asset: AssetSettings
    calendar: TradingCalendar
    newest: np.datetime64
    prices: Prices
    settled_at: DateArray
    """(n,) when each bar was settled."""
    beside: Sequence[tuple[AssetSettings, TradingCalendar, np.datetime64, Prices]]


def read_history(
    moment: Moment, asset: AssetSettings, prices_of: Callable[[str, np.datetime64], Prices]
) -> History:
    """Everything that was settled at the moment, of what `prices_of` gives of a symbol through a session."""
    newest, calendar = moment.newest_settled(asset), moment.calendar(asset)
    prices = prices_of(asset.symbol, newest)
    beside = []
    for symbol in moment.settings.beside(asset):
        lead = moment.settings.asset(symbol)
        through = moment.newest_settled(lead)
        beside.append((lead, moment.calendar(lead), through, prices_of(symbol, through)))
    settled_at = calendar.settled_at(prices.bars.session_dates)
    return History(asset, calendar, newest, prices, settled_at, beside)


def _assignment(job: Job, connection: Connection, history: History, config: ModelConfig) -> Assignment | None:
    symbol, plan = history.asset.symbol, job.settings.backtest
    has_backtest = plan.origins == 0 or read.has_forecasts(
        connection, symbol, config.name, config.config_hash, ForecastKind.BACKTEST
    )
    sessions = history.prices.bars.session_dates
    has_newest = len(sessions) > 0 and sessions[-1] == history.newest
    is_live = has_newest and not read.has_live_origin(
        connection, symbol, config.name, config.config_hash, history.newest
    )
    if has_backtest and not is_live:
        return None
    return Assignment(
        features=features_of(history, config),
        config=config,
        calendar=history.calendar,
        backtest_origins=0 if has_backtest else plan.origins,
        refit_every=plan.refit_every,
        is_live=is_live,
        warm_start=_warm_start(connection, history, config),
    )


def _warm_start(connection: Connection, history: History, config: ModelConfig) -> WarmStart | None:
    """How fits go on from earlier ones; None where none do, or where audits found that to be worse."""
    parameters = config.parameters
    if not isinstance(parameters, LstmParameters) or parameters.warm_epochs == 0:
        return None
    key = (history.asset.symbol, config.name, config.config_hash)
    if is_warm_worse(read_past.audited_errors(connection, *key, history.newest), config.horizons):
        return None
    return WarmStart(
        before=read_past.weights_before(connection, *key, history.newest),
        last_audit=read_past.last_audit(connection, *key, history.newest),
        audit_days=parameters.audit_days,
    )


@timed(Work.TRANSFORM)
def features_of(history: History, config: ModelConfig) -> Features:
    """What the model sees of the history; HistoryError where prices are lacking."""
    traded = history.prices.bars
    if len(traded) == 0:
        raise HistoryError(history.asset.symbol, "no price bars are stored", "Run the download for it first.")
    bars = adjusted(history.prices, config.adjust)
    expected = history.calendar.sessions(bars.session_dates[0], bars.session_dates[-1])
    numbers = segments(bars.session_dates, bars.session_dates if config.bridge_gaps else expected)
    known = {one[0].symbol: one for one in history.beside}
    wanted = [symbol for symbol in config.leads if not config.chooses_leads or len(known[symbol][-1].bars)]
    leads = [_closes_of(history, config, *known[symbol]) for symbol in wanted]
    spreads = [_closes_of(history, config, *known[symbol]) for symbol in config.spreads]
    features = build_features(bars, numbers, config.features, config.difference, leads, spreads)
    return replace(features, traded_closes=traded.close)


def _closes_of(
    history: History,
    config: ModelConfig,
    lead: AssetSettings,
    calendar: TradingCalendar,
    newest: np.datetime64,
    prices: Prices,
) -> LeadCloses:
    bars = adjusted(prices, config.adjust)
    if len(bars) == 0:
        asset = history.asset.symbol
        raise HistoryError(
            asset,
            f"{lead.symbol}, which {config.name} looks at, has no prices",
            f"Make {lead.symbol} available at the source, "
            f"or take it out of the leads and spreads of {asset}.",
        )
    expected = calendar.sessions(bars.session_dates[0], newest)
    dates = bars.session_dates if config.bridge_gaps else expected
    closes = closes_on(dates, bars.session_dates, bars.close)
    return known_closes(lead.symbol, closes, calendar.settled_at(dates), history.settled_at)
