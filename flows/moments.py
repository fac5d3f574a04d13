"""The moment whose knowledge a flow run may use."""

from collections.abc import Callable
from datetime import UTC, datetime

from prefect.runtime import flow_run

from pipeline.clock import knowable_moment, utc_now


def moment_of_run(as_of: str | None) -> datetime:
    """`as_of` as on the command line; without it the moment the run was scheduled for, never the present.

    So a run that starts late, or is caught up on days later, knows what it would have known in time.
    """
    if as_of:
        return knowable_moment(as_of, utc_now())
    scheduled: datetime = flow_run.scheduled_start_time
    return scheduled.astimezone(UTC).replace(microsecond=0)


def clock_of_run(as_of: str | None) -> Callable[[], datetime]:
    """The wall clock; without `as_of` it never reads less than the scheduled moment.

    Prefect may start a run some tenths of a second early, and a run must not precede what it may know.
    """
    if as_of:
        return utc_now
    scheduled = moment_of_run(None)
    return lambda: max(utc_now(), scheduled)
