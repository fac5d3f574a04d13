"""Run the daily job: the steps in order for every asset; a failure of one asset does not stop the others."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from pipeline.clock import utc_now
from pipeline.errors import PricecastError
from pipeline.ingest.rate_limit import RateLimitedBatch
from pipeline.job.context import Job, StepResult
from pipeline.job.due import Due, assign
from pipeline.job.progress import Progress, silent
from pipeline.job.request import Request, Selection, check_as_of, check_calendars, selected_assets
from pipeline.job.run_record import Tally, finish_run, start_run, summary_of
from pipeline.job.steps import forecasts, prices, verdicts
from pipeline.job.workers import Pending, Workers, open_workers
from pipeline.models import check_models
from pipeline.settings import AssetSettings, Settings
from pipeline.sources.base import PriceSource
from pipeline.store import Engine
from pipeline.timings import run_timer
from pipeline.types import Failure, IngestSummary, RawPrices, Restatement, RunStatus, RunSummary

log = logging.getLogger(__name__)

ASSETS_AHEAD = 8
"""The number of assets handed to the workers before the results of the first are stored: enough to keep all
workers busy, and few enough to fit into memory."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Steps:
    """The functions that a run calls, plain or decorated by a scheduler, with the same effect.

    `workers` opens the workers that train between the steps.
    """

    first_date: Callable[[Job, AssetSettings], date] = prices.first_date
    download: Callable[[Job, AssetSettings, date], RawPrices] = prices.download_patiently
    ingest: Callable[[Job, AssetSettings, RawPrices], IngestSummary | Restatement] = prices.ingest
    assign: Callable[[Job, AssetSettings], Due] = assign
    backtest: Callable[[Job, AssetSettings, Sequence[Pending]], StepResult] = forecasts.backtest
    score: Callable[[Job, AssetSettings], StepResult] = verdicts.score
    issue: Callable[[Job, AssetSettings, Sequence[Pending]], StepResult] = forecasts.issue
    combine: Callable[[Job, AssetSettings], StepResult] = forecasts.combine
    judge: Callable[[Job, Sequence[AssetSettings]], StepResult] = verdicts.judge
    workers: Callable[[Settings], AbstractContextManager[Workers]] = open_workers


@dataclass(frozen=True, eq=False)
class _Run:
    """A job, how its steps are run, and what they have done so far."""

    job: Job
    steps: Steps
    tally: Tally
    progress: Progress
    batch: RateLimitedBatch


def run_daily(
    request: Request,
    source: PriceSource,
    store: Engine,
    run_steps: Steps | None = None,
    progress: Progress = silent,
    clock: Callable[[], datetime] = utc_now,
) -> RunSummary:
    """Download, store, forecast, score and judge as of `request.as_of`, and summarise the run.

    `clock` gives the wall clock. A failing asset or model is a `Failure` of the summary and does not affect
    the others: the status is DONE without failures, DEGRADED with some, FAILED if no asset succeeded. An
    asset whose download fails is forecast if its newest settled bar is stored already. A second run without
    new prices writes nothing but its own row in `runs`. Raises ConfigError and UsageError before anything is
    written.
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
    """Download and store prices as of `request.as_of`, forecast nothing, and summarise the run."""
    return _run(request, source, store, run_steps or Steps(), progress, clock, _prices)


def _run(
    request: Request,
    source: PriceSource,
    store: Engine,
    run_steps: Steps,
    progress: Progress,
    clock: Callable[[], datetime],
    work: Callable[[_Run, Selection], None],
) -> RunSummary:
    check_models(request.settings)
    started_at = clock()
    check_as_of(request.as_of, started_at)
    selection = selected_assets(request)
    check_calendars(request.settings, selection.all)
    with run_timer() as timer:
        job = start_run(request, selection, source, store, started_at)
        tally = Tally()
        batch = RateLimitedBatch(source.name, request.settings.download)
        try:
            work(_Run(job, run_steps, tally, progress, batch), selection)
            summary = summary_of(request, job, selection.assets, tally, timer.timings())
        except BaseException:
            finish_run(job, RunStatus.FAILED, tally, clock())
            raise
        finish_run(job, summary.status, tally, clock())
        return summary


def _whole_day(run: _Run, selection: Selection) -> None:
    _prices(run, selection)
    up_to_date = [
        asset
        for asset in selection.assets
        if asset.symbol in run.tally.served or prices.has_newest_bar(run.job, asset)
    ]
    run.tally.served.clear()
    _forecast_all(run, up_to_date)
    run.progress("verdicts", "", 0, 1)
    run.tally.verdicts = run.steps.judge(run.job, selection.assets).count
    forecasts.prune_weights(run.job)
    run.progress("verdicts", "", 1, 1)


def _prices(run: _Run, selection: Selection) -> None:
    total = len(selection.all)
    for done, asset in enumerate(selection.all):
        run.progress("prices", asset.symbol, done, total)
        if _contained(run, asset, partial(_ingest, run, asset)):
            run.tally.served.add(asset.symbol)
    run.progress("prices", "", total, total)


def _ingest(run: _Run, asset: AssetSettings) -> None:
    found = run.steps.ingest(run.job, asset, _downloaded(run, asset, run.steps.first_date(run.job, asset)))
    if isinstance(found, Restatement):
        log.info("%s: %s; asking for the whole history", found.symbol, found.why)
        whole = _downloaded(run, asset, run.job.settings.download.history_start)
        found = run.steps.ingest(run.job, asset, whole)
    if isinstance(found, IngestSummary):
        run.tally.ingested.append(found)


def _downloaded(run: _Run, asset: AssetSettings, start: date) -> RawPrices:
    return run.batch.ask(asset.symbol, lambda: run.steps.download(run.job, asset, start))


def _forecast_all(run: _Run, assets: Sequence[AssetSettings]) -> None:
    """Hand assets to the workers, and store their results in the same order, ASSETS_AHEAD behind."""
    handed_out: deque[tuple[AssetSettings, list[Pending]]] = deque()
    done = 0

    def store_next() -> None:
        nonlocal done
        asset, pending = handed_out.popleft()
        run.progress("forecasts", asset.symbol, done, len(assets))
        if _contained(run, asset, partial(_store, run, asset, pending)):
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

    _contained(run, asset, hand_out)
    return pending


def _store(run: _Run, asset: AssetSettings, pending: Sequence[Pending]) -> None:
    job, tally = run.job, run.tally
    tally.add_forecasts(run.steps.backtest(job, asset, pending))
    tally.scores += run.steps.score(job, asset).count
    tally.add_forecasts(run.steps.issue(job, asset, pending))
    combined = run.steps.combine(job, asset)
    tally.add_forecasts(combined)
    if combined.count:
        tally.scores += run.steps.score(job, asset).count


def _contained(run: _Run, asset: AssetSettings, work: Callable[[], None]) -> bool:
    """Do the work of one asset, record its failure instead of raising it, and say whether it succeeded."""
    try:
        work()
    except PricecastError as error:
        run.tally.failures.append(Failure(asset.symbol, "", str(error)))
        return False
    except Exception as error:
        # A defect that shows with one asset must not stop the others.
        log.exception("unexpected failure of %s", asset.symbol)
        message = f"{asset.symbol}: unexpected {type(error).__name__}: {error}\n  Run again with --debug."
        run.tally.failures.append(Failure(asset.symbol, "", message))
        return False
    return True
