"""Run training on a Prefect task runner: a process pool or a Dask cluster."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner

from pipeline.errors import ConfigError, PricecastError
from pipeline.job.workers import (
    InTurn,
    Pending,
    Worked,
    Workers,
    is_worth_a_process,
    number_of_workers,
    open_workers,
    received,
    use_one_thread,
    work_on,
    worked_alone,
)
from pipeline.learn.walk_forward import Assignment
from pipeline.settings import Settings

log = logging.getLogger(__name__)

train = task(
    name="train",
    task_run_name="train {assignment.features.symbol} {assignment.config.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
)(work_on)


@dataclass(frozen=True, eq=False)
class TaskRunnerWorkers:
    """Workers that train networks on a started task runner and run other models in this process."""

    runner: TaskRunner[Any]

    def submit(self, assignment: Assignment) -> Pending:
        """Submit an assignment and return its pending result."""
        if not is_worth_a_process(assignment):
            return InTurn().submit(assignment)
        future = self.runner.submit(train, {"assignment": assignment})
        return Pending(assignment, lambda: received(_worked(future, assignment)))


def _worked(future: PrefectFuture[Worked], assignment: Assignment) -> Worked:
    """Return the result of a task; when its process died, repeat the work in a new process."""
    try:
        return future.result()
    except PricecastError:
        raise
    except Exception:
        log.exception(
            "the task runner failed on %s: training it again in a new process", assignment.config.name
        )
        return worked_alone(assignment)


@contextmanager
def task_runner_workers(settings: Settings) -> Iterator[Workers]:
    """Open the workers of a job under Prefect, chosen by the setting `task_runner`."""
    if settings.task_runner == "none":
        with open_workers(settings) as workers:
            yield workers
        return
    with _runner(settings) as runner:
        yield TaskRunnerWorkers(runner)


def _runner(settings: Settings) -> TaskRunner[Any]:
    if settings.task_runner == "dask":
        return _dask_runner(settings)
    return ProcessPoolTaskRunner(number_of_workers(settings), initializer=use_one_thread)


def _dask_runner(settings: Settings) -> TaskRunner[Any]:
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise ConfigError(
            "task_runner = 'dask' needs the package prefect-dask",
            "Install it: pip install 'pricecast[dask]'.",
        ) from error
    here = {
        "n_workers": number_of_workers(settings),
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "dashboard_address": None,
    }
    given = {"address": settings.dask_address} if settings.dask_address else {"cluster_kwargs": here}
    runner: TaskRunner[Any] = DaskTaskRunner(**given)
    return runner
