"""Who is told what a flow is doing: its log, and a watcher of this process if there is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from prefect import get_run_logger

from pipeline.job.progress import Progress, silent

# Prefect records a flow's parameters, so they are plain values, and a callable comes by this way.
_watcher: ContextVar[Progress] = ContextVar("_watcher", default=silent)


@contextmanager
def watched_by(progress: Progress) -> Iterator[None]:
    """Flows called inside this block tell `progress` too."""
    token = _watcher.set(progress)
    try:
        yield
    finally:
        _watcher.reset(token)


def run_progress() -> Progress:
    """Progress into the log of the current flow run and to its watcher."""
    logger, watcher = get_run_logger(), _watcher.get()

    def tell(stage: str, asset: str, done: int, total: int) -> None:
        logger.info("%s %s (%d of %d done)", stage, asset, done, total)
        watcher(stage, asset, done, total)

    return tell
