"""The steps of the daily job, each a plain function of a `Job` and an asset, each its own transactions.

A step that cannot do its work for an asset raises an `AssetError`, or reports a `Failure` for one of the
asset's models; what other assets and models have stored stays.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import tenacity

from pipeline.adjust import adjusted
from pipeline.ask import asking_from
from pipeline.calendars import TradingCalendar, utc_moment
from pipeline.combine import blocks
from pipeline.combine import combine as combine_members
from pipeline.errors import AssetError, PricecastError, SourceError, TransientSourceError
from pipeline.features import closes_on
from pipeline.intervals import PastErrors, conformal_bands
from pipeline.job import Job, Outcome
from pipeline.lag import judge_records
from pipeline.models import ENSEMBLES, configure
from pipeline.models.base import EnsembleParameters, ModelConfig
from pipeline.reconcile import reconcile, restatement
from pipeline.score import measure
from pipeline.score import score as score_forecasts
from pipeline.settings import AssetSettings
from pipeline.store import Connection, read, read_known, read_past, reading, write, write_prices, writing
from pipeline.timings import timed
from pipeline.types import (
    Bars,
    DateArray,
    Failure,
    Features,
    ForecastBlock,
    ForecastKind,
    IngestSummary,
    PriceChanges,
    RawPrices,
    Restatement,
    SeriesKey,
    TrackRecord,
    Work,
)
from pipeline.validate import require_bars, validate
from pipeline.workers import Pending

MOST_CONTRADICTING = 3
"""More bars than this that contradict stored ones are no slip, but another history."""


def first_due(job: Job, asset: AssetSettings) -> date:
    """The first session that the source has to be asked for."""
    with reading(job.store) as connection:
        asked = read_known.asked(connection, asset.symbol)
    calendar, settings = job.calendar(asset), job.settings.download
    return asking_from(
        asked, calendar, job.newest_settled(asset), settings.overlap_sessions, settings.history_start
    )


def whole_history(job: Job, _asset: AssetSettings) -> date:
    """The first session of the history, in place of `first_due`: everything is compared anew."""
    return job.settings.download.history_start


@timed(Work.LOAD)
def download(job: Job, asset: AssetSettings, start: date) -> RawPrices:
    """Ask the source once. Raises as `PriceSource.download` does."""
    return job.source.download(asset, start, job.as_of)


def download_patiently(job: Job, asset: AssetSettings, start: date) -> RawPrices:
    """`download`, asking again with exponential back-off and jitter after a transient error.

    A rate limit is raised at once: it is the whole batch that has to wait (`courtesy.py`).
    """
    patience = job.settings.download
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientSourceError),
        stop=tenacity.stop_after_attempt(patience.tries),
        wait=tenacity.wait_exponential_jitter(
            multiplier=patience.backoff_seconds, jitter=min(1.0, patience.backoff_seconds)
        ),
        reraise=True,
    )
    return retrying(download, job, asset, start)


@timed(Work.STORE)
def ingest(job: Job, asset: AssetSettings, raw: RawPrices) -> IngestSummary | Restatement:
    """Validate what was downloaded, compare it with what is stored, and store what has changed.

    Rejected rows are stored with their reasons. Where a part of the history shows that all of it is given in
    other units, nothing is stored, and the Restatement says so: ask from the start of the history. Raises
    SourceError, once everything is stored, when no row may be believed, or many contradict stored ones.
    """
    with writing(job.store) as connection:
        with timed(Work.LOAD):
            known = read_known.known_prices(connection, asset.symbol)
            prices = validate(raw, asset, job.calendar(asset), job.as_of, known.decided)
        restated = restatement(prices, known) if raw.start > job.settings.download.history_start else None
        if restated is not None:
            return restated
        changes = reconcile(prices, known, job.started_at)
        summary = write_prices.store_changes(connection, changes, raw.start, job.run_id, job.started_at)
    require_bars(prices, raw, asset)
    _require_agreement(changes, raw, asset)
    return summary


def _require_agreement(changes: PriceChanges, raw: RawPrices, asset: AssetSettings) -> None:
    if changes.n_contradicting > MOST_CONTRADICTING:
        raise SourceError(
            asset.symbol,
            f"{changes.n_contradicting} bars of {raw.origin} contradict the stored ones, which stay: "
            f"{changes.rejected[-1].reason}",
            "See 'pricecast quarantine list'; release the rows if they are right.",
        )


@timed(Work.STORE)
def backtest(job: Job, asset: AssetSettings, due: Sequence[Pending]) -> Outcome:
    """Wait for the walk-forward forecasts that are due, and store them, as far as they go."""
    count, failures = 0, []
    for pending in due:
        try:
            count += _store_backtest(job, asset, pending)
            ended_by = pending.result.backtest_error
        except PricecastError as error:
            ended_by = error
        if ended_by is not None:
            failures.append(_failure(asset, pending, ended_by))
    return Outcome(count, tuple(failures))


@timed(Work.STORE)
def score(job: Job, asset: AssetSettings) -> Outcome:
    """Score every forecast of the asset whose target has settled."""
    with writing(job.store) as connection:
        pending = read.pending_forecasts(connection, asset.symbol, job.newest_settled(asset))
        scores = score_forecasts(pending)
        return Outcome(write.store_scores(connection, scores, job.run_id, job.started_at))


@timed(Work.STORE)
def issue(job: Job, asset: AssetSettings, due: Sequence[Pending]) -> Outcome:
    """Wait for the live forecasts that are due, and store them; what is issued already stays."""
    _require_newest_bar(job, asset)
    count, failures = 0, []
    for pending in due:
        try:
            count += _store_live(job, asset, pending)
        except PricecastError as error:
            failures.append(_failure(asset, pending, error))
    return Outcome(count, tuple(failures))


@timed(Work.STORE)
def combine(job: Job, asset: AssetSettings) -> Outcome:
    """The forecasts of every ensemble, from what its members have issued: past origins as a backtest."""
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
    return Outcome(count, tuple(failures))


def _store_ensemble(job: Job, asset: AssetSettings, config: ModelConfig, made_of: EnsembleParameters) -> int:
    newest, key = job.newest_settled(asset), (asset.symbol, config.name, config.config_hash)
    with reading(job.store) as connection:
        has_backtest = job.settings.backtest.origins == 0 or read.has_forecasts(
            connection, *key, ForecastKind.BACKTEST
        )
        has_newest = read.has_live_origin(connection, *key, newest)
        if has_backtest and has_newest:
            return 0
        issued_live = read_past.live_origins(connection, *key)
        members = read_past.member_forecasts(connection, asset.symbol, made_of.members, config.ahead, newest)
    if len(members.origin_dates) == 0 or members.origin_dates[-1] != newest:
        raise AssetError(
            asset.symbol,
            f"{config.name} has no forecast from {newest} of all its members",
            "See why one of them failed, or take it out of ensemble.members.",
        )
    is_live = members.origin_dates == newest
    is_past = ~np.isin(members.origin_dates, [*issued_live, newest])
    combination = combine_members(members, made_of.weighting)
    due: list[ForecastBlock] = []
    if not has_backtest:
        due += blocks(combination, is_past, config, asset.symbol, ForecastKind.BACKTEST)
    if not has_newest:
        due += blocks(combination, is_live, config, asset.symbol, ForecastKind.LIVE)
    with writing(job.store) as connection:
        return sum(_store_block(job, connection, asset, block, combination.past_errors()) for block in due)


@timed(Work.JUDGE)
def judge(job: Job, assets: Sequence[AssetSettings]) -> Outcome:
    """Metrics of every series of the assets, and verdicts; both written where they have changed.

    Every configured asset is judged with them: skill has to stand out among all that is tried, however the
    schedule splits it into runs.
    """
    others = [asset for asset in job.settings.assets if asset not in assets]
    with reading(job.store) as connection:
        own = [found for asset in assets for found in _records(job, connection, asset)]
        beside = [found for asset in others for found in _records(job, connection, asset)]
    metrics = [value for record, _ in own for value in measure(record)]
    verdicts = judge_records([*own, *beside])
    with timed(Work.STORE), writing(job.store) as connection:
        write.store_metrics(connection, metrics, job.run_id, job.as_of, job.started_at)
        return Outcome(write.store_verdicts(connection, verdicts, job.run_id, job.as_of, job.started_at))


def _records(job: Job, connection: Connection, asset: AssetSettings) -> list[tuple[TrackRecord, Bars]]:
    newest = job.newest_settled(asset)
    prices = read.prices(connection, asset.symbol, newest)
    records = read.track_records(connection, asset.symbol, newest)
    return [(record, adjusted(prices, record.adjustment)) for record in records]


def prune(job: Job) -> Outcome:
    """Drop the weights of superseded fits that are older than the settings keep."""
    before = job.started_at - timedelta(days=job.settings.keep_weights_days)
    with writing(job.store) as connection:
        return Outcome(write.prune_weights(connection, before))


def _failure(asset: AssetSettings, pending: Pending, error: PricecastError) -> Failure:
    return Failure(asset.symbol, pending.assignment.config.name, str(error))


def _store_backtest(job: Job, asset: AssetSettings, pending: Pending) -> int:
    blocks_due = pending.result.backtests
    own = [block for block in blocks_due if block.fit.kind is ForecastKind.BACKTEST]
    if not own:
        return 0
    errors = tuple(_own_errors(own, pending.assignment.features))
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


def _is_late(target_dates: DateArray, calendar: TradingCalendar, made_at: datetime) -> npt.NDArray[np.bool_]:
    settled = calendar.settled_at(target_dates.ravel()).reshape(target_dates.shape)
    return settled <= utc_moment(made_at)


def has_newest_bar(job: Job, asset: AssetSettings) -> bool:
    """Is the bar of the newest settled session stored?"""
    return _newest_bar(job, asset) == job.newest_settled(asset)


def _newest_bar(job: Job, asset: AssetSettings) -> np.datetime64 | None:
    with reading(job.store) as connection:
        return read.newest_session(connection, asset.symbol, job.newest_settled(asset))


def _require_newest_bar(job: Job, asset: AssetSettings) -> None:
    expected, newest = job.newest_settled(asset), _newest_bar(job, asset)
    if newest != expected:
        raise AssetError(
            asset.symbol,
            f"no live forecast: the session of {expected} has settled, "
            f"but the newest usable bar is {newest or 'none'}",
            "Supply the missing bars and run again, or ask for an earlier moment with --as-of.",
        )


def _own_errors(blocks: Sequence[ForecastBlock], features: Features) -> Iterator[PastErrors]:
    """The errors of a backtest by its own prices, on the price basis of each origin as when it is scored."""
    origin_dates = np.concatenate([block.origin_dates for block in blocks])
    basis = closes_on(origin_dates, features.session_dates, features.basis)
    target_dates = np.concatenate([block.target_dates for block in blocks])
    closes = np.concatenate([block.closes for block in blocks])
    for horizon_dates, horizon_closes in zip(target_dates.T, closes.T, strict=True):
        actual = basis * closes_on(horizon_dates, features.session_dates, features.closes)
        errors = np.abs(np.log(horizon_closes / actual))
        known = np.isfinite(errors)
        yield PastErrors(horizon_dates[known], errors[known])


def _stored_errors(
    job: Job, connection: Connection, asset: AssetSettings, config: ModelConfig
) -> tuple[PastErrors, ...]:
    keys = [SeriesKey(asset.symbol, config.name, config.config_hash, horizon) for horizon in config.ahead]
    newest, window = job.newest_settled(asset), job.settings.intervals.window
    return tuple(PastErrors(*read_past.recent_errors(connection, key, newest, window)) for key in keys)
