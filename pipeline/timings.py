"""Where the time of a run goes: seconds by kind of work, every second counted once.

Work inside other work counts for itself alone. A run has an account of its own; workers send what they spent
along with their results.
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


def _nothing_spent() -> defaultdict[Work, float]:
    return defaultdict(float)


@dataclass(eq=False)
class Account:
    """Seconds by kind of work, spent in this process and by the workers that it has heard from."""

    own: defaultdict[Work, float] = field(default_factory=_nothing_spent)
    workers: defaultdict[Work, float] = field(default_factory=_nothing_spent)
    inner: list[float] = field(default_factory=list)
    """For each piece of work that goes on, innermost last: the seconds of the work inside it."""

    def timings(self) -> Timings:
        """What has been spent so far."""
        return Timings(dict(self.own), dict(self.workers))


_between_runs = Account()
"""What is spent outside any run: imports before it, or all the work of a worker's process."""
_account: ContextVar[Account] = ContextVar("_account", default=_between_runs)


@contextmanager
def account_of_run() -> Iterator[Account]:
    """Count what is spent in this block apart, beginning with what was spent since the run before it."""
    account = Account(own=defaultdict(float, _between_runs.own))
    _between_runs.own.clear()
    token = _account.set(account)
    try:
        yield account
    finally:
        _account.reset(token)


@contextmanager
def timed(work: Work) -> Iterator[None]:
    """Count the seconds of this block (or, as a decorator, of every call) as `work`."""
    account = _account.get()
    started = time.perf_counter()
    account.inner.append(0.0)
    try:
        yield
    finally:
        seconds = time.perf_counter() - started
        account.own[work] += seconds - account.inner.pop()
        if account.inner:
            account.inner[-1] += seconds


def measured(work: Callable[[], R]) -> tuple[R, Mapping[Work, float]]:
    """What the work gives, and what it spent, by kind of work."""
    with account_of_run() as account:
        result = work()
    return result, dict(account.own)


def add_spent_by_worker(spent: Mapping[Work, float]) -> None:
    """Add what a worker has spent to the account of the run."""
    account = _account.get()
    for work, seconds in spent.items():
        account.workers[work] += seconds
