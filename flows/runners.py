"""Running a flow from a command: Prefect is imported here only after its surroundings are set.

Flows run against the server of PREFECT_API_URL, or else against a temporary one that Prefect starts.
"""

import os
from collections.abc import Mapping
from types import MappingProxyType

from pipeline.job.progress import Progress, silent
from pipeline.types import RunSummary

PREFECT_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        # The usual 20 seconds are too short for the first start on a slow machine.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # Warnings of the job reach the run's log in the UI.
        "PREFECT_LOGGING_EXTRA_LOGGERS": "pipeline",
        # What the job says outside of a flow, later in the same process, belongs to no run's log.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }
)
QUIET_CONSOLE: Mapping[str, str] = MappingProxyType({"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"})
"""The command tells progress and errors itself; the server keeps the whole log all the same."""


def prepare_prefect(*defaults: Mapping[str, str]) -> None:
    """Set what Prefect reads when it is imported; a variable that is set already wins."""
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
    """Run the flow `daily_forecast` here and now; the summary comes back whatever its status.

    Raises the PricecastErrors that `run_daily` raises.
    """
    prepare_prefect(PREFECT_DEFAULTS, QUIET_CONSOLE)
    from flows.daily import daily_forecast
    from flows.progress import watched_by
    from flows.states import RunFailedError

    with watched_by(progress):
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
    """Run the flow `backfill` here and now; the summaries come back whatever their status."""
    prepare_prefect(PREFECT_DEFAULTS, QUIET_CONSOLE)
    from flows.backfill import backfill
    from flows.progress import watched_by
    from flows.states import RunFailedError

    with watched_by(progress):
        try:
            summaries = backfill(first, last, config, source, symbols, database)
        except RunFailedError as error:
            summaries = error.summaries
    return summaries
