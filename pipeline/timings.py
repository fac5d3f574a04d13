"""Where the time of a run goes: seconds by kind of work, every second counted once.

Work inside of other work counts for itself alone. A process has one account; workers send theirs along with
their results.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from pipeline.types import Timings, Work

R = TypeVar("R")

_spent: defaultdict[Work, float] = defaultdict(float)
_spent_by_workers: defaultdict[Work, float] = defaultdict(float)
_inner: list[float] = []
"""For each piece of work that goes on, innermost last: the seconds of the work inside of it."""


@contextmanager
def timed(work: Work) -> Iterator[None]:
    """Count the seconds of this block (or, as a decorator, of every call) as `work`."""
    started = time.perf_counter()
    _inner.append(0.0)
    try:
        yield
    finally:
        seconds = time.perf_counter() - started
        _spent[work] += seconds - _inner.pop()
        if _inner:
            _inner[-1] += seconds


def measured(work: Callable[[], R]) -> tuple[R, Mapping[Work, float]]:
    """What the work gives, and what this process has spent since it measured last."""
    result = work()
    spent = dict(_spent)
    _spent.clear()
    return result, spent


def add_spent_by_worker(spent: Mapping[Work, float]) -> None:
    """Put what a worker has spent to this process's account."""
    for work, seconds in spent.items():
        _spent_by_workers[work] += seconds


def timings() -> Timings:
    """The account of this process since it started, and of the workers that it has heard from."""
    return Timings(dict(_spent), dict(_spent_by_workers))
