"""Missed or past days as a flow."""

from prefect import flow

from flows.artifacts import publish_summary, publish_tables
from flows.moments import clock_of_run, moment_of_run
from flows.parameters import settings_from
from flows.progress import run_progress
from flows.states import final_state
from flows.tasks import prefect_steps
from pipeline.clock import parse_day
from pipeline.job.backfill import run_backfill
from pipeline.job.request import Request
from pipeline.sources import open_source
from pipeline.store import open_store
from pipeline.types import RunSummary


@flow(name="backfill", persist_result=False)
def backfill(
    first: str,
    last: str | None = None,
    config: str | None = None,
    source: str | None = None,
    symbols: list[str] | None = None,
    database: str | None = None,
) -> tuple[RunSummary, ...]:
    """The daily job for each day from `first` to `last` (else to the run's schedule); gives the RunSummaries.

    Ends as `daily_forecast` does: Degraded when some day lost some assets, RunFailedError when one lost all.
    """
    settings = settings_from(config, source, database)
    request = Request(settings, moment_of_run(last), tuple(symbols or ()), command="backfill")
    with open_store(settings.database) as store:
        summaries = run_backfill(
            request,
            parse_day(first),
            open_source(settings.source, settings.download),
            store,
            prefect_steps(settings),
            run_progress(),
            clock_of_run(last),
        )
    publish_tables(settings.database)
    publish_summary("backfill", summaries)
    return final_state(summaries, summaries)
