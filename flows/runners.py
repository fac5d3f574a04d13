"""Run a flow from a command; Prefect is imported only after its environment variables are set.

Flows use the Prefect server of PREFECT_API_URL, or without it a temporary server that Prefect starts.
"""

import os
from collections.abc import Mapping
from types import MappingProxyType

from pipeline.job.progress import Progress, silent
from pipeline.types import RunSummary

PREFECT_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        # Prefect's default of 20 seconds is too short for the first start on a slow machine.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # So that warnings of the job appear in the run's log in the UI.
        "PREFECT_LOGGING_EXTRA_LOGGERS": "pipeline",
        # Messages logged outside of a flow, later in the same process, belong to no run.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }
)
QUIET_CONSOLE: Mapping[str, str] = MappingProxyType({"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"})
"""Keeps Prefect's log off the console, where the command prints progress and errors itself."""


def prepare_prefect(*defaults: Mapping[str, str]) -> None:
    """Set the environment variables that Prefect reads on import, except those that are set already."""
    for values in defaults:
        for name, value in values.items():
            os.environ.setdefault(name, value)


def run_under_prefect(
    config: str | None = None,
    source: str | None = None,
    symbols: list[str] | None = None,
    as_of: str | None = None,
    database: str | None = None,
    progress: Progress = silent,
) -> RunSummary:
    """Run the flow `daily_forecast` in this process and return its RunSummary, whatever its status.

    Raises the PricecastErrors that `run_daily` raises.
    """
    prepare_prefect(PREFECT_DEFAULTS, QUIET_CONSOLE)
    from flows.daily import daily_forecast
    from flows.progress import report_progress_to
    from flows.states import RunFailedError

    with report_progress_to(progress):
        try:
            summary = daily_forecast(config, source, symbols, as_of, database)
        except RunFailedError as error:
            (summary,) = error.summaries
    return summary


def backfill_under_prefect(
    first: str,
    last: str | None = None,
    config: str | None = None,
    source: str | None = None,
    symbols: list[str] | None = None,
    database: str | None = None,
    progress: Progress = silent,
) -> tuple[RunSummary, ...]:
    """Run the flow `backfill` in this process and return its RunSummaries, whatever their status."""
    prepare_prefect(PREFECT_DEFAULTS, QUIET_CONSOLE)
    from flows.backfill import backfill
    from flows.progress import report_progress_to
    from flows.states import RunFailedError

    with report_progress_to(progress):
        try:
            summaries = backfill(first, last, config, source, symbols, database)
        except RunFailedError as error:
            summaries = error.summaries
    return summaries
