"""Run assignments in this process, or in spawned processes with one thread each.

A forecast depends on its assignment alone, so it is the same, bit for bit, in any process and order.
Workers only compute: the process that runs the job is the one that reads and writes the store.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from threadpoolctl import threadpool_limits

from pipeline.errors import AssetError, PricecastError
from pipeline.learn.walk_forward import Assignment, Forecasted, forecast
from pipeline.models import trains_networks
from pipeline.settings import Settings
from pipeline.timings import add_worker_seconds, measured, timed
from pipeline.types import Work


@dataclass(eq=False)
class Pending:
    """An assignment whose result is being computed, or will be when it is asked for."""

    assignment: Assignment
    work: Callable[[], Forecasted]

    @property
    def result(self) -> Forecasted:
        """The result, waited for; every access raises what the work raised."""
        if isinstance(self._forecasted, PricecastError):
            raise self._forecasted
        return self._forecasted

    @cached_property
    def _forecasted(self) -> Forecasted | PricecastError:
        try:
            return self.work()
        except PricecastError as error:
            return error


class Workers(Protocol):
    """Accepts assignments."""

    def submit(self, assignment: Assignment) -> Pending: ...


class InTurn:
    """Runs assignments in this process, each when its result is asked for."""

    def submit(self, assignment: Assignment) -> Pending:
        return Pending(assignment, lambda: forecast(assignment))


@dataclass(eq=False)
class SpawnedWorkers:
    """Trains networks in parallel processes; other assignments run in this process.

    They start with the first network. When one dies, what it and its fellows were working on is tried once
    more, each in a process of its own; AssetError for the assignment that dies again.
    """

    count: int
    _pool: ProcessPoolExecutor | None = field(default=None, init=False)

    def submit(self, assignment: Assignment) -> Pending:
        if not is_worth_a_process(assignment):
            return InTurn().submit(assignment)
        if self._pool is None:
            self._pool = _pool_of(self.count)
        try:
            future = self._pool.submit(work_on, assignment)
        except BrokenProcessPool:
            self.close()
            self._pool = _pool_of(self.count)
            future = self._pool.submit(work_on, assignment)
        return Pending(assignment, lambda: _forecasted(future, assignment))

    def close(self) -> None:
        """End the processes; work that they have not begun is dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


@contextmanager
def open_workers(settings: Settings) -> Iterator[Workers]:
    """Open the workers that the settings ask for, and close them at the end of the block."""
    count = number_of_workers(settings)
    if count == 1:
        yield InTurn()
        return
    workers = SpawnedWorkers(count)
    try:
        yield workers
    finally:
        workers.close()


def number_of_workers(settings: Settings) -> int:
    """Give the number of workers in the settings, or else the number of cores."""
    return settings.workers or os.cpu_count() or 1


def is_worth_a_process(assignment: Assignment) -> bool:
    """Does the work take long enough to be handed to another process?"""
    return trains_networks(assignment.config)


def _pool_of(count: int) -> ProcessPoolExecutor:
    """Start spawned processes, never forked: a fork copies the locks of threads that it does not copy."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=context, initializer=use_one_thread)


def use_one_thread() -> None:
    """Limit the linear algebra libraries of this process to one thread."""
    threadpool_limits(1)


Worked = tuple[Forecasted, Mapping[Work, float]]


def work_on(assignment: Assignment) -> Worked:
    """Compute an assignment in a worker's process; gives the forecasts and the time spent."""
    return measured(lambda: forecast(assignment))


def received(worked: Worked) -> Forecasted:
    """Take the forecasts that a worker sent, and add its time to the account of the run."""
    forecasted, spent = worked
    add_worker_seconds(spent)
    return forecasted


def _forecasted(future: Future[Worked], assignment: Assignment) -> Forecasted:
    try:
        with timed(Work.WAIT):
            worked = future.result()
    except BrokenProcessPool:
        worked = worked_alone(assignment)
    return received(worked)


def worked_alone(assignment: Assignment) -> Worked:
    """Compute an assignment in a new process of its own; AssetError if that process dies."""
    try:
        with timed(Work.WAIT), _pool_of(1) as pool:
            return pool.submit(work_on, assignment).result()
    except BrokenProcessPool as error:
        raise AssetError(
            assignment.features.symbol,
            f"the process that trained {assignment.config.name} died",
            "Set workers lower if memory is short, then run again.",
        ) from error
