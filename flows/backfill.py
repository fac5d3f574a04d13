"""The Prefect flow that runs the daily job for missed or past days."""

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
    """Run the daily job for each day from `first` to `last` and return the RunSummaries.

    Without `last`, the last day is the day that the flow run was scheduled for. Ends as `daily_forecast`
    does: under the name Degraded when assets or models failed on some day, and with RunFailedError when all
    assets failed on some day.
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
