"""Find which forecasts of an asset are missing, and load the inputs of each model that has to make them."""

from dataclasses import dataclass
from functools import partial

from pipeline.errors import PricecastError
from pipeline.job.context import Job
from pipeline.learn.history import History, features_of, read_history
from pipeline.learn.walk_forward import Assignment, WarmStart
from pipeline.models import configure
from pipeline.models.base import EnsembleParameters, LstmParameters, ModelConfig
from pipeline.score.warm_audit import is_warm_worse
from pipeline.settings import AssetSettings
from pipeline.store import Connection, read, read_past, reading
from pipeline.timings import timed
from pipeline.types import Failure, ForecastKind, Work


@dataclass(frozen=True, eq=False)
class Due:
    """The work that is due for one asset, and the models that cannot be configured or lack inputs."""

    assignments: tuple[Assignment, ...]
    failures: tuple[Failure, ...] = ()


@timed(Work.LOAD)
def assign(job: Job, asset: AssetSettings) -> Due:
    """Find the missing forecasts of an asset and load each model's inputs.

    A model without a backtest gets one; a live forecast is due where the newest settled session has a bar
    and no live forecast. Ensembles are made by the step `combine`, from the forecasts of the others.
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


def has_backtest(job: Job, connection: Connection, symbol: str, config: ModelConfig) -> bool:
    """Does the model need no backtest, because it has one or because the settings ask for none?"""
    return job.settings.backtest.origins == 0 or read.has_forecasts(
        connection, symbol, config.name, config.config_hash, ForecastKind.BACKTEST
    )


def _assignment(job: Job, connection: Connection, history: History, config: ModelConfig) -> Assignment | None:
    own, plan = history.own, job.settings.backtest
    symbol = own.asset.symbol
    is_backtested = has_backtest(job, connection, symbol, config)
    sessions = own.prices.bars.session_dates
    has_newest = len(sessions) > 0 and sessions[-1] == own.newest
    is_live = has_newest and not read.has_live_origin(
        connection, symbol, config.name, config.config_hash, own.newest
    )
    if is_backtested and not is_live:
        return None
    return Assignment(
        features=features_of(history, config),
        config=config,
        calendar=own.calendar,
        backtest_origins=0 if is_backtested else plan.origins,
        refit_every=plan.refit_every,
        is_live=is_live,
        warm_start=_warm_start(connection, history, config),
    )


def _warm_start(connection: Connection, history: History, config: ModelConfig) -> WarmStart | None:
    """Load the weights to start from; None without warm starts, or if audits found them worse."""
    parameters = config.parameters
    if not isinstance(parameters, LstmParameters) or parameters.warm_epochs == 0:
        return None
    key, newest = (history.asset.symbol, config.name, config.config_hash), history.own.newest
    if is_warm_worse(read_past.audited_errors(connection, *key, newest), config.horizons):
        return None
    return WarmStart(
        start_weights=read_past.weights_before(connection, *key, newest),
        last_audit=read_past.last_audit(connection, *key, newest),
        audit_days=parameters.audit_days,
    )
