"""The daily job: the steps in order, for every asset, whatever happens to one of them."""

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Protocol

import numpy as np

from pipeline import __version__, steps
from pipeline.assign import Due, assign
from pipeline.calendars import trading_calendar
from pipeline.clock import utc_now
from pipeline.courtesy import Courtesy
from pipeline.errors import PricecastError, UsageError
from pipeline.job import Job, Outcome
from pipeline.models import check_models
from pipeline.settings import AssetSettings, Settings
from pipeline.sources.base import PriceSource
from pipeline.store import Engine, write, writing
from pipeline.timings import timings
from pipeline.types import Failure, IngestSummary, RawPrices, Restatement, RunStatus, RunSummary
from pipeline.workers import Pending, Workers, open_workers

log = logging.getLogger(__name__)

ASSETS_AHEAD = 8
"""So many assets are handed to the workers before the first one's results are stored: enough to keep all of
them busy, and no more than memory holds for any number of assets."""


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps as plain functions, or decorated by a scheduler; what they do is the same.

    `workers` opens those who train between the steps.
    """

    first_due: Callable[[Job, AssetSettings], date] = steps.first_due
    download: Callable[[Job, AssetSettings, date], RawPrices] = steps.download_patiently
    ingest: Callable[[Job, AssetSettings, RawPrices], IngestSummary | Restatement] = steps.ingest
    assign: Callable[[Job, AssetSettings], Due] = assign
    backtest: Callable[[Job, AssetSettings, Sequence[Pending]], Outcome] = steps.backtest
    score: Callable[[Job, AssetSettings], Outcome] = steps.score
    issue: Callable[[Job, AssetSettings, Sequence[Pending]], Outcome] = steps.issue
    combine: Callable[[Job, AssetSettings], Outcome] = steps.combine
    judge: Callable[[Job, Sequence[AssetSettings]], Outcome] = steps.judge
    workers: Callable[[Settings], AbstractContextManager[Workers]] = open_workers


class Progress(Protocol):
    """Told the stage of the work, the asset in hand, and how many of the stage's pieces are done."""

    def __call__(self, stage: str, asset: str, done: int, total: int) -> None: ...


def silent(stage: str, asset: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Request:
    """What a run is asked for. `symbols` empty means every configured asset."""

    settings: Settings
    as_of: datetime
    symbols: tuple[str, ...] = ()
    command: str = "run"


@dataclass
class _Tally:
    """What a run has done so far; the one thing that changes while it goes on."""

    ingested: list[IngestSummary] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    served: set[str] = field(default_factory=set)
    """The symbols that came through the stage that is at work."""
    forecasts: int = 0
    scores: int = 0
    verdicts: int = 0


@dataclass(frozen=True, eq=False)
class _Run:
    """A job with how its steps are run, and what has come of them."""

    job: Job
    steps: Steps
    tally: _Tally
    progress: Progress
    courtesy: Courtesy


def run_daily(
    request: Request,
    source: PriceSource,
    store: Engine,
    run_steps: Steps | None = None,
    progress: Progress = silent,
    clock: Callable[[], datetime] = utc_now,
) -> RunSummary:
    """Download, store, forecast, score and judge, as of `request.as_of`; `clock` gives the wall clock.

    A failing asset or model is a `Failure` of the summary and leaves the others alone: the status is DONE
    without failures, DEGRADED with some, FAILED when no asset got through. An asset whose download fails is
    forecast all the same where its newest settled bar is stored already. Asked again without news, a run
    leaves no row but its own in `runs`. Raises ConfigError and UsageError before anything is written.
    """
    return _run(request, source, store, run_steps or Steps(), progress, clock, _whole_day)


def run_download(
    request: Request,
    source: PriceSource,
    store: Engine,
    run_steps: Steps | None = None,
    progress: Progress = silent,
    clock: Callable[[], datetime] = utc_now,
) -> RunSummary:
    """The first half of `run_daily`: prices are downloaded and stored, and nothing is forecast."""
    return _run(request, source, store, run_steps or Steps(), progress, clock, _prices)


def _run(
    request: Request,
    source: PriceSource,
    store: Engine,
    run_steps: Steps,
    progress: Progress,
    clock: Callable[[], datetime],
    work: Callable[[_Run, Sequence[AssetSettings], Sequence[AssetSettings]], None],
) -> RunSummary:
    check_models(request.settings)
    started_at = clock()
    check_as_of(request.as_of, started_at)
    assets, leads = selected_assets(request)
    check_calendars(request.settings, assets + leads)
    job = _start(request, source, store, assets + leads, started_at)
    tally = _Tally()
    courtesy = Courtesy(source.name, request.settings.download)
    try:
        work(_Run(job, run_steps, tally, progress, courtesy), assets, leads)
        summary = _summary(request, job, assets, tally)
    except BaseException:
        _finish(job, RunStatus.FAILED, tally, clock())
        raise
    _finish(job, summary.status, tally, clock())
    return summary


def check_as_of(as_of: datetime, now: datetime) -> None:
    """UsageError for a moment that has not come yet."""
    if as_of > now:
        raise UsageError(
            f"--as-of {as_of:%Y-%m-%d %H:%M} UTC lies in the future",
            f"Give a moment up to now ({now:%Y-%m-%d %H:%M} UTC), or leave --as-of out.",
        )


def check_calendars(settings: Settings, assets: Sequence[AssetSettings]) -> None:
    """ConfigError for an asset whose calendar does not exist."""
    for asset in assets:
        trading_calendar(asset.calendar, settings.settle_minutes(asset.calendar))


def selected_assets(
    request: Request,
) -> tuple[tuple[AssetSettings, ...], tuple[AssetSettings, ...]]:
    """The assets to forecast, and their leads that are only downloaded."""
    settings = request.settings
    symbols = request.symbols or tuple(asset.symbol for asset in settings.assets)
    if not symbols:
        raise UsageError("no assets to forecast", "Add [[assets]] to pricecast.toml, or give --symbols.")
    assets = tuple(settings.asset(symbol) for symbol in dict.fromkeys(symbols))
    lead_symbols = dict.fromkeys(lead for asset in assets for lead in settings.beside(asset))
    leads = tuple(settings.asset(symbol) for symbol in lead_symbols if symbol not in symbols)
    return assets, leads


def _start(
    request: Request,
    source: PriceSource,
    store: Engine,
    assets: Sequence[AssetSettings],
    started_at: datetime,
) -> Job:
    with writing(store) as connection:
        run_id = write.start_run(
            connection,
            command=request.command,
            source=source.name,
            as_of=request.as_of,
            started_at=started_at,
            code_version=__version__,
            settings_json=request.settings.model_dump_json(),
        )
        write.register_assets(connection, assets, run_id)
    return Job(request.settings, request.as_of, run_id, source, store, started_at)


def _whole_day(run: _Run, assets: Sequence[AssetSettings], leads: Sequence[AssetSettings]) -> None:
    _prices(run, assets, leads)
    up_to_date = [
        asset for asset in assets if asset.symbol in run.tally.served or steps.has_newest_bar(run.job, asset)
    ]
    run.tally.served.clear()
    _forecast_all(run, up_to_date)
    run.progress("verdicts", "", 0, 1)
    run.tally.verdicts = run.steps.judge(run.job, assets).count
    steps.prune(run.job)
    run.progress("verdicts", "", 1, 1)


def _prices(run: _Run, assets: Sequence[AssetSettings], leads: Sequence[AssetSettings]) -> None:
    for done, asset in enumerate((*leads, *assets)):
        run.progress("prices", asset.symbol, done, len(leads) + len(assets))
        if _contained(asset, partial(_ingest, run, asset), run.tally):
            run.tally.served.add(asset.symbol)
    run.progress("prices", "", len(leads) + len(assets), len(leads) + len(assets))


def _ingest(run: _Run, asset: AssetSettings) -> None:
    found = run.steps.ingest(run.job, asset, _downloaded(run, asset, run.steps.first_due(run.job, asset)))
    if isinstance(found, Restatement):
        log.info("%s: %s; asking for the whole history", found.symbol, found.why)
        whole = _downloaded(run, asset, run.job.settings.download.history_start)
        found = run.steps.ingest(run.job, asset, whole)
    if isinstance(found, IngestSummary):
        run.tally.ingested.append(found)


def _downloaded(run: _Run, asset: AssetSettings, start: date) -> RawPrices:
    return run.courtesy.ask(asset.symbol, lambda: run.steps.download(run.job, asset, start))


def _forecast_all(run: _Run, assets: Sequence[AssetSettings]) -> None:
    """Assets are handed out some ahead of the one whose results are stored, always in their order."""
    handed_out: deque[tuple[AssetSettings, list[Pending]]] = deque()
    done = 0

    def store_next() -> None:
        nonlocal done
        asset, pending = handed_out.popleft()
        run.progress("forecasts", asset.symbol, done, len(assets))
        if _contained(asset, lambda: _store(run, asset, pending), run.tally):
            run.tally.served.add(asset.symbol)
        done += 1

    with run.steps.workers(run.job.settings) as workers:
        for asset in assets:
            handed_out.append((asset, _handed_out(run, asset, workers)))
            if len(handed_out) > ASSETS_AHEAD:
                store_next()
        while handed_out:
            store_next()
    run.progress("forecasts", "", len(assets), len(assets))


def _handed_out(run: _Run, asset: AssetSettings, workers: Workers) -> list[Pending]:
    pending: list[Pending] = []

    def hand_out() -> None:
        due = run.steps.assign(run.job, asset)
        run.tally.failures.extend(due.failures)
        pending.extend(workers.submit(assignment) for assignment in due.assignments)

    _contained(asset, hand_out, run.tally)
    return pending


def _store(run: _Run, asset: AssetSettings, pending: Sequence[Pending]) -> None:
    job, tally = run.job, run.tally
    issued = run.steps.backtest(job, asset, pending)
    tally.forecasts += issued.count
    tally.failures.extend(issued.failures)
    tally.scores += run.steps.score(job, asset).count
    live = run.steps.issue(job, asset, pending)
    tally.forecasts += live.count
    tally.failures.extend(failure for failure in live.failures if failure not in issued.failures)
    combined = run.steps.combine(job, asset)
    tally.forecasts += combined.count
    tally.failures.extend(combined.failures)
    if combined.count:
        tally.scores += run.steps.score(job, asset).count


def _contained(asset: AssetSettings, work: Callable[[], None], tally: _Tally) -> bool:
    """Do the work; a failure is noted and stays this asset's own."""
    try:
        work()
    except PricecastError as error:
        tally.failures.append(Failure(asset.symbol, "", str(error)))
        return False
    except Exception as error:
        # One asset's defect must not cost the others their day.
        log.exception("unexpected failure of %s", asset.symbol)
        message = f"{asset.symbol}: unexpected {type(error).__name__}: {error}\n  Run again with --debug."
        tally.failures.append(Failure(asset.symbol, "", message))
        return False
    return True


def _summary(request: Request, job: Job, assets: Sequence[AssetSettings], tally: _Tally) -> RunSummary:
    return RunSummary(
        run_id=job.run_id,
        as_of=job.as_of,
        status=_status(assets, tally),
        ingested=tuple(tally.ingested),
        failures=tuple(tally.failures),
        notes=(*_notes(request, assets), *_incomplete(request.settings, tally.ingested)),
        n_forecasts=tally.forecasts,
        n_scores=tally.scores,
        n_verdicts=tally.verdicts,
        timings=timings(),
    )


def _status(assets: Sequence[AssetSettings], tally: _Tally) -> RunStatus:
    if not tally.failures:
        return RunStatus.DONE
    is_any_served = any(asset.symbol in tally.served for asset in assets)
    return RunStatus.DEGRADED if is_any_served else RunStatus.FAILED


def _notes(request: Request, assets: Sequence[AssetSettings]) -> tuple[str, ...]:
    return tuple(
        f"{asset.symbol} is not configured: taken as {asset.currency} on calendar {asset.calendar}"
        for asset in assets
        if not request.settings.is_listed(asset.symbol)
    )


def _incomplete(settings: Settings, ingested: Sequence[IngestSummary]) -> Iterator[str]:
    """Which histories lack sessions that others of the same calendar have, in one note."""
    firsts: dict[str, np.datetime64] = {}
    for one in ingested:
        calendar = settings.asset(one.symbol).calendar
        firsts[calendar] = np.fmin(firsts.get(calendar, one.first_session), one.first_session)
    lacking = []
    for one in ingested:
        if one.first_session > firsts[settings.asset(one.symbol).calendar]:
            lacking.append(f"{one.symbol} (from {one.first_session})")
        elif one.open_gaps:
            lacking.append(f"{one.symbol} ({one.open_gaps} missing)")
    if lacking:
        yield f"{len(lacking)} of {len(ingested)} histories are incomplete: {', '.join(lacking)}"


def _finish(job: Job, status: RunStatus, tally: _Tally, finished_at: datetime) -> None:
    with writing(job.store) as connection:
        write.finish_run(
            connection,
            job.run_id,
            status=status,
            finished_at=finished_at,
            summary_json=_summary_json(tally),
        )


def _summary_json(tally: _Tally) -> str:
    return json.dumps(
        {
            "ingested": [
                {
                    "symbol": one.symbol,
                    "new": one.new,
                    "revised": one.revised,
                    "rejected": one.rejected,
                    "rejected_for": one.rejected_for,
                    "missing": one.missing,
                    "rebased": one.rebased,
                    "quarantined": one.quarantined,
                    "newest_session": str(one.newest_session),
                }
                for one in tally.ingested
            ],
            "failures": [
                {"symbol": one.symbol, "model": one.model, "message": one.message} for one in tally.failures
            ],
            "forecasts": tally.forecasts,
            "scores": tally.scores,
            "verdicts": tally.verdicts,
        }
    )
