"""Report the progress of a flow to its log, and to a callback in the same process if there is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from prefect import get_run_logger

from pipeline.job.progress import Progress, silent

# Not a flow parameter: Prefect records parameters, and a callable cannot be recorded.
_callback: ContextVar[Progress] = ContextVar("_callback", default=silent)


@contextmanager
def report_progress_to(progress: Progress) -> Iterator[None]:
    """Make the flows called inside this block report their progress to `progress` as well."""
    token = _callback.set(progress)
    try:
        yield
    finally:
        _callback.reset(token)


def run_progress() -> Progress:
    """Return a Progress that writes to the log of the current flow run and calls the callback."""
    logger, callback = get_run_logger(), _callback.get()

    def report(stage: str, asset: str, done: int, total: int) -> None:
        logger.info("%s %s (%d of %d done)", stage, asset, done, total)
        callback(stage, asset, done, total)

    return report
