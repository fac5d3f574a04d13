"""The steps of the daily job, each a plain function of a `Job` and an asset, each its own transactions.

A step that cannot do its work for an asset raises an `AssetError`, or reports a `Failure` for one of the
asset's models; what other assets and models have stored stays.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import tenacity

from pipeline.calendars import TradingCalendar, trading_calendar, utc_moment
from pipeline.errors import AssetError, HistoryError, PricecastError, TransientSourceError
from pipeline.features import LeadCloses, build_features, closes_on, known_closes, segments
from pipeline.intervals import PastErrors, conformal_bands
from pipeline.lag import judge_records
from pipeline.models import configure
from pipeline.models.base import ModelConfig
from pipeline.score import measure
from pipeline.score import score as score_forecasts
from pipeline.settings import AssetSettings, Settings
from pipeline.sources.base import PriceSource
from pipeline.store import Connection, Engine, read, reading, write, writing
from pipeline.types import (
    Bars,
    DateArray,
    Failure,
    Features,
    ForecastBlock,
    ForecastKind,
    IngestSummary,
    RawPrices,
    SeriesKey,
    TrackRecord,
)
from pipeline.validate import validate
from pipeline.walk_forward import backtest_blocks, live_block


@dataclass(frozen=True, eq=False)
class Job:
    """One run of the daily job: what it may know (`as_of`) and when it really runs (`started_at`)."""

    run_id: int
    settings: Settings
    source: PriceSource
    store: Engine
    as_of: datetime
    started_at: datetime

    def calendar(self, asset: AssetSettings) -> TradingCalendar:
        return trading_calendar(asset.calendar, self.settings.settle_minutes(asset.calendar))

    def newest_settled(self, asset: AssetSettings) -> np.datetime64:
        return self.calendar(asset).last_settled(self.as_of)


@dataclass(frozen=True)
class Outcome:
    """How many rows a step stored, and which models it failed for."""

    count: int
    failures: tuple[Failure, ...] = ()


def download(job: Job, asset: AssetSettings) -> RawPrices:
    """Ask the source once. Raises SourceError, or TransientSourceError when asking again may help."""
    return job.source.download(asset, job.settings.download.history_start, job.as_of)


def download_patiently(job: Job, asset: AssetSettings) -> RawPrices:
    """`download`, asking again with exponential back-off and jitter after a transient error."""
    patience = job.settings.download
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientSourceError),
        stop=tenacity.stop_after_attempt(patience.tries),
        wait=tenacity.wait_exponential_jitter(multiplier=patience.backoff_seconds, jitter=1.0),
        reraise=True,
    )
    return retrying(download, job, asset)


def ingest(job: Job, asset: AssetSettings, raw: RawPrices) -> IngestSummary:
    """Validate what was downloaded and store it, rejected rows with their reasons."""
    prices = validate(raw, asset, job.calendar(asset), job.as_of)
    with writing(job.store) as connection:
        return write.store_prices(connection, prices, job.run_id, job.started_at)


def backtest(job: Job, asset: AssetSettings) -> Outcome:
    """Walk-forward forecasts of every model that has none under its present configuration."""
    return _for_each_model(job, asset, _backtest_model)


def score(job: Job, asset: AssetSettings) -> Outcome:
    """Score every forecast of the asset whose target has settled."""
    with writing(job.store) as connection:
        pending = read.pending_forecasts(connection, asset.symbol, job.newest_settled(asset))
        scores = score_forecasts(pending)
        return Outcome(write.store_scores(connection, scores, job.run_id, job.started_at))


def issue(job: Job, asset: AssetSettings) -> Outcome:
    """Live forecasts of every model from the newest settled session; what is issued already stays."""
    _require_newest_bar(job, asset)
    return _for_each_model(job, asset, _issue_model)


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
    with writing(job.store) as connection:
        write.store_metrics(connection, metrics, job.run_id, job.as_of, job.started_at)
        return Outcome(write.store_verdicts(connection, verdicts, job.run_id, job.as_of, job.started_at))


def _records(job: Job, connection: Connection, asset: AssetSettings) -> list[tuple[TrackRecord, Bars]]:
    newest = job.newest_settled(asset)
    bars = read.bars(connection, asset.symbol, newest)
    return [(record, bars) for record in read.track_records(connection, asset.symbol, newest)]


def prune(job: Job) -> Outcome:
    """Drop the weights of superseded fits that are older than the settings keep."""
    before = job.started_at - timedelta(days=job.settings.keep_weights_days)
    with writing(job.store) as connection:
        return Outcome(write.prune_weights(connection, before))


def _for_each_model(
    job: Job, asset: AssetSettings, step: Callable[[Job, AssetSettings, ModelConfig], int]
) -> Outcome:
    count, failures = 0, []
    for name in job.settings.models:
        try:
            count += step(job, asset, configure(job.settings, asset, name))
        except PricecastError as error:
            failures.append(Failure(asset.symbol, name, str(error)))
    return Outcome(count, tuple(failures))


def _backtest_model(job: Job, asset: AssetSettings, config: ModelConfig) -> int:
    plan = job.settings.backtest
    with reading(job.store) as connection:
        if plan.origins == 0 or read.has_forecasts(
            connection, asset.symbol, config.name, config.config_hash, ForecastKind.BACKTEST
        ):
            return 0
        features = _features(job, connection, asset, config)
    calendar = job.calendar(asset)
    blocks = list(backtest_blocks(features, config, calendar, plan.origins, plan.refit_every))
    if not blocks:
        return 0
    errors = tuple(_own_errors(blocks, features))
    with writing(job.store) as connection:
        return sum(_store_block(job, connection, block, errors, calendar) for block in blocks)


def _issue_model(job: Job, asset: AssetSettings, config: ModelConfig) -> int:
    newest = job.newest_settled(asset)
    with reading(job.store) as connection:
        if read.has_live_origin(connection, asset.symbol, config.name, config.config_hash, newest):
            return 0
        features = _features(job, connection, asset, config)
        errors = _stored_errors(connection, asset, config, newest)
    calendar = job.calendar(asset)
    block = live_block(features, config, calendar)
    with writing(job.store) as connection:
        return _store_block(job, connection, block, errors, calendar)


def _store_block(
    job: Job,
    connection: Connection,
    block: ForecastBlock,
    errors: Sequence[PastErrors],
    calendar: TradingCalendar,
) -> int:
    bands = conformal_bands(block.origin_dates, block.closes, errors, job.settings.intervals.window)
    is_late = _is_late(block.target_dates, calendar, job.started_at)
    return write.store_forecasts(connection, block, bands, is_late, job.run_id, job.started_at)


def _is_late(target_dates: DateArray, calendar: TradingCalendar, made_at: datetime) -> npt.NDArray[np.bool_]:
    settled = calendar.settled_at(target_dates.ravel()).reshape(target_dates.shape)
    return settled <= utc_moment(made_at)


def _features(job: Job, connection: Connection, asset: AssetSettings, config: ModelConfig) -> Features:
    bars = read.bars(connection, asset.symbol, job.newest_settled(asset))
    if len(bars) == 0:
        raise HistoryError(asset.symbol, "no price bars are stored", "Run the download for it first.")
    calendar = job.calendar(asset)
    expected = calendar.sessions(bars.session_dates[0], bars.session_dates[-1])
    numbers = segments(bars.session_dates, bars.session_dates if config.bridge_gaps else expected)
    moments = calendar.settled_at(bars.session_dates)
    leads = [_lead(job, connection, asset, lead, moments, config) for lead in config.leads]
    return build_features(bars, numbers, config.features, config.difference, leads)


def _lead(
    job: Job,
    connection: Connection,
    asset: AssetSettings,
    lead_symbol: str,
    moments: DateArray,
    config: ModelConfig,
) -> LeadCloses:
    lead = job.settings.asset(lead_symbol)
    newest = job.newest_settled(lead)
    bars = read.bars(connection, lead_symbol, newest)
    if len(bars) == 0:
        raise HistoryError(
            asset.symbol,
            f"its lead {lead_symbol} has no prices for {config.name}",
            f"Make {lead_symbol} available at the source, or take it out of the leads of {asset.symbol}.",
        )
    calendar = job.calendar(lead)
    expected = calendar.sessions(bars.session_dates[0], newest)
    dates = bars.session_dates if config.bridge_gaps else expected
    return known_closes(
        lead_symbol, closes_on(dates, bars.session_dates, bars.close), calendar.settled_at(dates), moments
    )


def _require_newest_bar(job: Job, asset: AssetSettings) -> None:
    expected = job.newest_settled(asset)
    with reading(job.store) as connection:
        stored = read.bars(connection, asset.symbol, expected).session_dates
    if len(stored) == 0 or stored[-1] != expected:
        newest = stored[-1] if len(stored) else "none"
        raise AssetError(
            asset.symbol,
            f"no live forecast: the session of {expected} has settled, but the newest usable bar is {newest}",
            "Supply the missing bars and run again, or ask for an earlier moment with --as-of.",
        )


def _own_errors(blocks: Sequence[ForecastBlock], features: Features) -> Iterator[PastErrors]:
    target_dates = np.concatenate([block.target_dates for block in blocks])
    closes = np.concatenate([block.closes for block in blocks])
    for horizon_dates, horizon_closes in zip(target_dates.T, closes.T, strict=True):
        actual = closes_on(horizon_dates, features.session_dates, features.closes)
        errors = np.abs(np.log(horizon_closes / actual))
        known = np.isfinite(errors)
        yield PastErrors(horizon_dates[known], errors[known])


def _stored_errors(
    connection: Connection, asset: AssetSettings, config: ModelConfig, through: np.datetime64
) -> tuple[PastErrors, ...]:
    keys = [
        SeriesKey(asset.symbol, config.name, config.config_hash, horizon)
        for horizon in range(1, config.horizons + 1)
    ]
    records = [read.track_record(connection, key, through) for key in keys]
    return tuple(
        PastErrors(record.target_dates, np.abs(np.log(record.forecast_closes / record.actual_closes)))
        for record in records
    )
