"""The Prefect flow that runs the daily job."""

from prefect import flow

from flows.artifacts import publish_summary, publish_tables
from flows.moments import clock_of_run, moment_of_run
from flows.parameters import settings_from
from flows.progress import run_progress
from flows.states import final_state
from flows.tasks import prefect_steps
from pipeline.job.daily import run_daily
from pipeline.job.request import Request
from pipeline.settings import Settings
from pipeline.sources import open_source
from pipeline.store import open_store
from pipeline.types import RunSummary


@flow(name="daily-forecast", persist_result=False)
def daily_forecast(
    config: str | None = None,
    source: str | None = None,
    symbols: list[str] | None = None,
    as_of: str | None = None,
    database: str | None = None,
) -> RunSummary:
    """Download, forecast, score and judge once and return the RunSummary.

    Parameters that are left out come from the configuration file, `as_of` from the scheduled start of the
    flow run. A run in which some assets or models fail ends Completed under the name Degraded; RunFailedError
    when all assets fail.
    """
    settings = settings_from(config, source, database)
    request = Request(settings, moment_of_run(as_of), tuple(symbols or ()))
    summary = _run(request, settings, as_of)
    publish_tables(settings.database)
    publish_summary("daily-run", [summary])
    return final_state([summary], summary)


def _run(request: Request, settings: Settings, as_of: str | None) -> RunSummary:
    source = open_source(settings.source, settings.download)
    with open_store(settings.database) as store:
        steps = prefect_steps(settings)
        return run_daily(request, source, store, steps, run_progress(), clock_of_run(as_of))
