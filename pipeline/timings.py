"""Measure how long a run spends on each kind of work, every second counted once.

The seconds of nested work count for the inner work only. Each run has its own timer; worker processes return
their seconds along with their results.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline.types import Timings, Work

R = TypeVar("R")


def _no_seconds() -> defaultdict[Work, float]:
    return defaultdict(float)


@dataclass(eq=False)
class RunTimer:
    """Seconds by kind of work: `own` in this process, `workers` as reported by worker processes."""

    own: defaultdict[Work, float] = field(default_factory=_no_seconds)
    workers: defaultdict[Work, float] = field(default_factory=_no_seconds)
    nested: list[float] = field(default_factory=list)
    """For each timed block that is running, innermost last: the seconds of the blocks nested in it."""

    def timings(self) -> Timings:
        """Return the seconds measured so far."""
        return Timings(dict(self.own), dict(self.workers))


_between_runs = RunTimer()
"""The timer outside of any run: it measures imports, for instance."""
_timer: ContextVar[RunTimer] = ContextVar("_timer", default=_between_runs)


@contextmanager
def run_timer() -> Iterator[RunTimer]:
    """Measure this block with a new timer, which starts with the seconds measured since the last run."""
    timer = RunTimer(own=defaultdict(float, _between_runs.own))
    _between_runs.own.clear()
    token = _timer.set(timer)
    try:
        yield timer
    finally:
        _timer.reset(token)


@contextmanager
def timed(work: Work) -> Iterator[None]:
    """Count the seconds of this block (or, as a decorator, of every call) as `work`."""
    timer = _timer.get()
    started = time.perf_counter()
    timer.nested.append(0.0)
    try:
        yield
    finally:
        seconds = time.perf_counter() - started
        timer.own[work] += seconds - timer.nested.pop()
        if timer.nested:
            timer.nested[-1] += seconds


def measured(work: Callable[[], R]) -> tuple[R, Mapping[Work, float]]:
    """Call `work` and return its result and the seconds that it took, by kind of work."""
    with run_timer() as timer:
        result = work()
    return result, dict(timer.own)


def add_worker_seconds(spent: Mapping[Work, float]) -> None:
    """Add the seconds `spent` by a worker process to the timer of the run."""
    timer = _timer.get()
    for work, seconds in spent.items():
        timer.workers[work] += seconds
