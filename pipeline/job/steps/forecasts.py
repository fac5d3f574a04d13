"""Steps that store the forecasts of an asset's models."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pipeline.calendars import TradingCalendar, utc_moment
from pipeline.errors import AssetError, PricecastError
from pipeline.job.context import Job, StepResult
from pipeline.job.due import has_backtest
from pipeline.job.steps.prices import newest_bar
from pipeline.job.workers import Pending
from pipeline.learn.combine import AlreadyIssued, combine_members, due_blocks
from pipeline.learn.intervals import PastErrors, backtest_errors, conformal_bands
from pipeline.models import ENSEMBLES, configure
from pipeline.models.base import EnsembleParameters, ModelConfig
from pipeline.settings import AssetSettings
from pipeline.store import Connection, read_past, reading, write, writing
from pipeline.timings import timed
from pipeline.types import BoolArray, DateArray, Failure, ForecastBlock, ForecastKind, SeriesKey, Work


@timed(Work.STORE)
def backtest(job: Job, asset: AssetSettings, assigned: Sequence[Pending]) -> StepResult:
    """Wait for the assigned walk-forward forecasts and store those that were made."""
    count, failures = 0, []
    for pending in assigned:
        try:
            count += _store_backtest(job, asset, pending)
            ended_by = pending.result.backtest_error
        except PricecastError as error:
            ended_by = error
        if ended_by is not None:
            failures.append(_failure(asset, pending, ended_by))
    return StepResult(count, tuple(failures))


@timed(Work.STORE)
def issue(job: Job, asset: AssetSettings, assigned: Sequence[Pending]) -> StepResult:
    """Wait for the assigned live forecasts and store them; stored forecasts are never changed."""
    _require_newest_bar(job, asset)
    count, failures = 0, []
    for pending in assigned:
        try:
            count += _store_live(job, asset, pending)
        except PricecastError as error:
            failures.append(_failure(asset, pending, error))
    return StepResult(count, tuple(failures))


@timed(Work.STORE)
def combine(job: Job, asset: AssetSettings) -> StepResult:
    """Make and store the due forecasts of every ensemble from those of its members."""
    count, failures = 0, []
    for name in job.settings.models:
        if name not in ENSEMBLES:
            continue
        try:
            config = configure(job.settings, asset, name)
            if isinstance(config.parameters, EnsembleParameters):
                count += _store_ensemble(job, asset, config, config.parameters)
        except PricecastError as error:
            failures.append(Failure(asset.symbol, name, str(error)))
    return StepResult(count, tuple(failures))


def prune_weights(job: Job) -> StepResult:
    """Delete the weights of superseded fits that are older than `keep_weights_days`."""
    before = job.started_at - timedelta(days=job.settings.keep_weights_days)
    with writing(job.store) as connection:
        return StepResult(write.prune_weights(connection, before))


def _store_ensemble(job: Job, asset: AssetSettings, config: ModelConfig, made_of: EnsembleParameters) -> int:
    newest, key = job.newest_settled(asset), (asset.symbol, config.name, config.config_hash)
    with reading(job.store) as connection:
        has_one = has_backtest(job, connection, asset.symbol, config)
        issued = AlreadyIssued(has_one, read_past.live_origins(connection, *key))
        if issued.is_complete(newest):
            return 0
        members = read_past.member_forecasts(connection, asset.symbol, made_of.members, config.ahead, newest)
    combination = combine_members(members, made_of.weighting)
    blocks = due_blocks(combination, config, asset.symbol, newest, issued)
    with writing(job.store) as connection:
        errors = combination.past_errors()
        return sum(_store_block(job, connection, asset, block, errors) for block in blocks)


def _failure(asset: AssetSettings, pending: Pending, error: PricecastError) -> Failure:
    return Failure(asset.symbol, pending.assignment.config.name, str(error))


def _store_backtest(job: Job, asset: AssetSettings, pending: Pending) -> int:
    blocks_due = pending.result.backtests
    own = [block for block in blocks_due if block.fit.kind is ForecastKind.BACKTEST]
    if not own:
        return 0
    errors = tuple(backtest_errors(own, pending.assignment.features))
    with writing(job.store) as connection:
        return sum(_store_block(job, connection, asset, block, errors) for block in blocks_due)


def _store_live(job: Job, asset: AssetSettings, pending: Pending) -> int:
    if not pending.assignment.is_live:
        return 0
    forecasted = pending.result
    if not forecasted.live and forecasted.live_error is not None:
        raise forecasted.live_error
    with reading(job.store) as connection:
        errors = _stored_errors(job, connection, asset, pending.assignment.config)
    with writing(job.store) as connection:
        return sum(_store_block(job, connection, asset, block, errors) for block in forecasted.live)


def _store_block(
    job: Job,
    connection: Connection,
    asset: AssetSettings,
    block: ForecastBlock,
    errors: Sequence[PastErrors],
) -> int:
    bands = conformal_bands(block.origin_dates, block.closes, errors, job.settings.intervals.window)
    is_late = _is_late(block.target_dates, job.calendar(asset), job.started_at)
    return write.store_forecasts(connection, block, bands, is_late, job.run_id, job.started_at)


def _is_late(target_dates: DateArray, calendar: TradingCalendar, made_at: datetime) -> BoolArray:
    settled = calendar.settled_at(target_dates.ravel()).reshape(target_dates.shape)
    return settled <= utc_moment(made_at)


def _require_newest_bar(job: Job, asset: AssetSettings) -> None:
    expected, newest = job.newest_settled(asset), newest_bar(job, asset)
    if newest != expected:
        raise AssetError(
            asset.symbol,
            f"no live forecast: the session of {expected} has settled, "
            f"but the newest usable bar is {newest or 'none'}",
            "Supply the missing bars and run again, or ask for an earlier moment with --as-of.",
        )


def _stored_errors(
    job: Job, connection: Connection, asset: AssetSettings, config: ModelConfig
) -> tuple[PastErrors, ...]:
    keys = [SeriesKey(asset.symbol, config.name, config.config_hash, horizon) for horizon in config.ahead]
    newest, window = job.newest_settled(asset), job.settings.intervals.window
    return tuple(PastErrors(*read_past.recent_errors(connection, key, newest, window)) for key in keys)
