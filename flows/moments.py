"""The as_of and the clock of a flow run."""

from collections.abc import Callable
from datetime import UTC, datetime

from prefect.runtime import flow_run

from pipeline.clock import parse_as_of, utc_now


def moment_of_run(as_of: str | None) -> datetime:
    """Return the as_of of the flow run: `as_of` as on the command line, else the run's scheduled start.

    With the scheduled start, a run that starts late uses the same knowledge as a run that starts on time.
    """
    if as_of:
        return parse_as_of(as_of, utc_now())
    scheduled: datetime = flow_run.scheduled_start_time
    return scheduled.astimezone(UTC).replace(microsecond=0)


def clock_of_run(as_of: str | None) -> Callable[[], datetime]:
    """Return the clock of the flow run: the wall clock, but without `as_of` never before the scheduled start.

    Prefect may start a run some tenths of a second early, and a run must not start before its as_of.
    """
    if as_of:
        return utc_now
    scheduled = moment_of_run(None)
    return lambda: max(utc_now(), scheduled)
