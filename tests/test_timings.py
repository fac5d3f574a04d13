import pytest

from pipeline.show.runs import timings_text
from pipeline.timings import add_spent_by_worker, measured, timed, timings
from pipeline.types import Timings, Work


def spent(work: Work) -> float:
    return timings().own.get(work, 0.0)


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def goes_on(self, seconds: float) -> None:
        self.now += seconds


def test_every_second_counts_once_for_the_innermost_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("pipeline.timings.time", clock)
    before = {work: spent(work) for work in Work}
    with timed(Work.STORE):
        clock.goes_on(2.0)
        with timed(Work.TRAIN):
            clock.goes_on(30.0)
            with timed(Work.TRACE):
                clock.goes_on(400.0)
            clock.goes_on(3.0)
    added = {work: spent(work) - before[work] for work in Work}
    expected = dict.fromkeys(Work, 0.0) | {Work.STORE: 2.0, Work.TRAIN: 33.0, Work.TRACE: 400.0}
    assert added == pytest.approx(expected)
    assert sum(added.values()) == pytest.approx(clock.now)


def test_work_that_fails_counts_too() -> None:
    before = spent(Work.JUDGE)
    with pytest.raises(ZeroDivisionError), timed(Work.JUDGE):
        raise ZeroDivisionError
    assert spent(Work.JUDGE) > before


def test_a_worker_tells_what_each_piece_of_work_took() -> None:
    @timed(Work.FORECAST)
    def work() -> int:
        return 7

    measured(work)
    result, one = measured(work)
    assert result == 7
    assert set(one) == {Work.FORECAST}
    before = timings().workers.get(Work.FORECAST, 0.0)
    add_spent_by_worker({Work.FORECAST: 2.0})
    assert timings().workers[Work.FORECAST] == before + 2.0


def test_the_table_adds_up() -> None:
    text = timings_text(Timings({Work.LOAD: 1.25, Work.STORE: 2.0}, {Work.TRAIN: 40.0}))
    first, *_, last = text.splitlines()
    assert first.split() == ["seconds", "this", "process", "all", "workers"]
    assert last.split() == ["all", "3.2", "40.0"]
    assert [line.split()[0] for line in text.splitlines()[1:-1]] == [work.value for work in Work]
