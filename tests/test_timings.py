from contextlib import suppress

import pytest

from pipeline.show.runs import timings_text
from pipeline.timings import add_worker_seconds, measured, run_timer, timed
from pipeline.types import Timings, Work


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def goes_on(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("pipeline.timings.time", clock)
    with run_timer():  # takes what earlier tests have spent
        return clock


def test_every_second_counts_once_for_the_innermost_work(clock: Clock) -> None:
    with run_timer() as timer, timed(Work.STORE):
        clock.goes_on(2.0)
        with timed(Work.TRAIN):
            clock.goes_on(30.0)
            with timed(Work.TRACE):
                clock.goes_on(400.0)
            clock.goes_on(3.0)
    assert timer.timings().own == {Work.STORE: 2.0, Work.TRAIN: 33.0, Work.TRACE: 400.0}
    assert sum(timer.timings().own.values()) == clock.now


def test_work_that_fails_counts_too(clock: Clock) -> None:
    with run_timer() as timer:
        with suppress(ZeroDivisionError), timed(Work.JUDGE):
            clock.goes_on(1.0)
            raise ZeroDivisionError
        assert timer.timings().own == {Work.JUDGE: 1.0}


def test_a_second_run_of_a_process_does_not_count_what_the_first_has_spent(clock: Clock) -> None:
    for _ in range(2):
        with run_timer() as timer:
            with timed(Work.STORE):
                clock.goes_on(2.0)
            add_worker_seconds({Work.TRAIN: 5.0})
        spent = timer.timings()
        assert (spent.own, spent.workers) == ({Work.STORE: 2.0}, {Work.TRAIN: 5.0})


def test_what_is_spent_before_a_run_counts_for_that_run_alone(clock: Clock) -> None:
    with timed(Work.IMPORT):
        clock.goes_on(3.0)
    with run_timer() as first, timed(Work.STORE):
        clock.goes_on(1.0)
    with run_timer() as second:
        pass
    assert first.timings().own == {Work.IMPORT: 3.0, Work.STORE: 1.0}
    assert second.timings().own == {}


def test_a_worker_tells_what_each_piece_of_work_took(clock: Clock) -> None:
    @timed(Work.FORECAST)
    def work() -> int:
        clock.goes_on(2.0)
        return 7

    assert [measured(work), measured(work)] == [(7, {Work.FORECAST: 2.0})] * 2
    with run_timer() as timer:
        add_worker_seconds({Work.FORECAST: 2.0})
        add_worker_seconds({Work.FORECAST: 3.0})
    assert timer.timings().workers == {Work.FORECAST: 5.0}


def test_the_table_adds_up() -> None:
    text = timings_text(Timings({Work.LOAD: 1.25, Work.STORE: 2.0}, {Work.TRAIN: 40.0}))
    first, *_, last = text.splitlines()
    assert first.split() == ["seconds", "this", "process", "all", "workers"]
    assert last.split() == ["all", "3.2", "40.0"]
    assert [line.split()[0] for line in text.splitlines()[1:-1]] == [work.value for work in Work]
