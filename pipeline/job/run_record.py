"""Keep the record of a run: its row in `runs`, the counts of what it has done, and its summary."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from pipeline import __version__
from pipeline.job.context import Job, StepResult
from pipeline.job.request import Request, Selection
from pipeline.settings import AssetSettings, Settings, without_passwords
from pipeline.sources.base import PriceSource
from pipeline.store import Engine, write, writing
from pipeline.types import Failure, IngestSummary, RunStatus, RunSummary, Timings


@dataclass
class Tally:
    """Counts and failures of a run so far: the only object that changes during a run."""

    ingested: list[IngestSummary] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    served: set[str] = field(default_factory=set)
    """The symbols that completed the current stage."""
    forecasts: int = 0
    scores: int = 0
    verdicts: int = 0

    def add_forecasts(self, result: StepResult) -> None:
        """Count the forecasts that a step stored, and record its failures, each once."""
        self.forecasts += result.count
        self.failures.extend(failure for failure in result.failures if failure not in self.failures)

    def status(self, assets: Sequence[AssetSettings]) -> RunStatus:
        """Give DONE without failures, DEGRADED if some of `assets` succeeded all the same, else FAILED."""
        if not self.failures:
            return RunStatus.DONE
        is_any_served = any(asset.symbol in self.served for asset in assets)
        return RunStatus.DEGRADED if is_any_served else RunStatus.FAILED


def start_run(
    request: Request, selection: Selection, source: PriceSource, store: Engine, started_at: datetime
) -> Job:
    """Write the start of a run with its request, register its assets, and give its Job."""
    with writing(store) as connection:
        run_id = write.start_run(
            connection,
            command=request.command,
            source=source.name,
            as_of=request.as_of,
            started_at=started_at,
            code_version=__version__,
            settings_json=_without_passwords(request.settings).model_dump_json(),
        )
        write.register_assets(connection, selection.all, run_id)
    return Job(request.settings, request.as_of, run_id, source, store, started_at)


def _without_passwords(settings: Settings) -> Settings:
    return settings.model_copy(update={"database": without_passwords(settings.database)})


def finish_run(job: Job, status: RunStatus, tally: Tally, finished_at: datetime) -> None:
    """Write how the run ended and what it stored."""
    with writing(job.store) as connection:
        write.finish_run(
            connection,
            job.run_id,
            status=status,
            finished_at=finished_at,
            summary_json=_summary_json(tally),
        )


def summary_of(
    request: Request, job: Job, assets: Sequence[AssetSettings], tally: Tally, timings: Timings
) -> RunSummary:
    """Summarise a run: status, prices of each asset, failures, notes and counts."""
    return RunSummary(
        run_id=job.run_id,
        as_of=job.as_of,
        status=tally.status(assets),
        ingested=tuple(tally.ingested),
        failures=tuple(tally.failures),
        notes=(*_unlisted(request, assets), *_incomplete(request.settings, tally.ingested)),
        n_forecasts=tally.forecasts,
        n_scores=tally.scores,
        n_verdicts=tally.verdicts,
        timings=timings,
    )


def _unlisted(request: Request, assets: Sequence[AssetSettings]) -> Iterator[str]:
    """Name the assets that are not configured, with the currency and calendar assumed for them."""
    for asset in assets:
        if not request.settings.is_listed(asset.symbol):
            yield f"{asset.symbol} is not configured: taken as {asset.currency} on calendar {asset.calendar}"


def _incomplete(settings: Settings, ingested: Sequence[IngestSummary]) -> Iterator[str]:
    """Name, in one note, the histories that lack sessions which others of the same calendar have."""
    firsts: dict[str, np.datetime64] = {}
    for one in ingested:
        calendar = settings.asset(one.symbol).calendar
        firsts[calendar] = np.fmin(firsts.get(calendar, one.first_session), one.first_session)
    lacking = []
    for one in ingested:
        if one.first_session > firsts[settings.asset(one.symbol).calendar]:
            lacking.append(f"{one.symbol} (from {one.first_session})")
        elif one.n_gaps:
            lacking.append(f"{one.symbol} ({one.n_gaps} missing)")
    if lacking:
        yield f"{len(lacking)} of {len(ingested)} histories are incomplete: {', '.join(lacking)}"


def _summary_json(tally: Tally) -> str:
    return json.dumps(
        {
            "ingested": [
                {
                    "symbol": one.symbol,
                    "new": one.new,
                    "revised": one.revised,
                    "rejected": one.newly_quarantined,
                    "rejected_for": one.commonest_reason,
                    "missing": one.missing,
                    "rebased": one.rebased,
                    "quarantined": one.in_quarantine,
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
