"""Whoever works on assignments, and in whatever order: the same bits."""

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from pipeline.calendars import trading_calendar
from pipeline.errors import AssetError, HistoryError
from pipeline.job.workers import InTurn, Pending, SpawnedWorkers, Workers, open_workers
from pipeline.learn.walk_forward import Assignment, Forecasted
from pipeline.settings import Settings
from pipeline.types import ForecastBlock
from tests.made import SMALL, config_of, features_of, made_bars

CALENDAR = trading_calendar("24/7", 180)
MODELS = ("lstm-univariate", "lstm-multivariate", "seq2seq-univariate", "ridge")


def made_assignment(model: str, seed: int, settings: Settings = SMALL) -> Assignment:
    config = config_of(model, settings)
    features = features_of(made_bars(130, seed), config, made_bars(130, seed + 50).close)
    return Assignment(features, config, CALENDAR, backtest_origins=8, refit_every=4, is_live=True)


def worked(workers: Workers, assignments: Sequence[Assignment]) -> list[Forecasted]:
    handed_out = [workers.submit(one) for one in assignments]
    return [pending.result for pending in handed_out]


def assert_equal_bits(first: Forecasted, second: Forecasted) -> None:
    def told(block: ForecastBlock) -> tuple[object, ...]:
        return block.closes.tobytes(), block.fit.weights, repr(block.fit.epochs), block.fit.provenance

    for name in ("backtests", "live"):
        one, other = getattr(first, name), getattr(second, name)
        assert len(one) == len(other) > 0
        assert [told(block) for block in one] == [told(block) for block in other]


@pytest.fixture(scope="module")
def two_workers() -> Iterator[SpawnedWorkers]:
    """Shared, for each process imports TensorFlow."""
    workers = SpawnedWorkers(2)
    yield workers
    workers.close()


@pytest.mark.tensorflow
def test_one_worker_two_workers_and_any_order_give_the_same_bits(two_workers: SpawnedWorkers) -> None:
    assignments = [made_assignment(model, seed) for seed in (1, 2) for model in MODELS]
    in_turn = worked(InTurn(), assignments)
    shuffled = np.random.default_rng(0).permutation(len(assignments)).tolist()
    spawned = worked(two_workers, assignments)
    in_other_order = worked(two_workers, [assignments[place] for place in shuffled])
    for place, first in enumerate(in_turn):
        assert_equal_bits(first, spawned[place])
        assert_equal_bits(first, in_other_order[shuffled.index(place)])


def test_models_without_networks_start_no_process() -> None:
    workers = SpawnedWorkers(2)
    assert worked(workers, [made_assignment("ridge", 1)])[0].live_error is None
    assert workers._pool is None


def test_one_worker_is_this_process() -> None:
    with open_workers(SMALL.model_copy(update={"workers": 1})) as workers:
        assert isinstance(workers, InTurn)


@pytest.mark.tensorflow
def test_an_error_crosses_processes_as_itself(two_workers: SpawnedWorkers) -> None:
    broken = made_assignment("lstm-univariate", 1)
    broken = replace(broken, features=replace(broken.features, segments=np.arange(130)))
    (found,) = worked(two_workers, [broken])
    assert found.backtests == ()
    assert isinstance(found.live_error, HistoryError)
    assert str(found.live_error).startswith("MADE: lstm-univariate needs 4 consecutive sessions")


def test_work_that_fails_is_not_done_again_for_the_next_who_asks() -> None:
    done = []

    def work() -> Forecasted:
        done.append(1)
        raise AssetError("MADE", "it failed", "Look at it.")

    pending = Pending(made_assignment("drift", 1), work)
    for _ in range(2):
        with pytest.raises(AssetError, match="it failed"):
            _ = pending.result
    assert len(done) == 1


@pytest.mark.tensorflow
def test_what_a_dead_process_was_working_on_is_done_again() -> None:
    assignments = [made_assignment("lstm-univariate", seed) for seed in (1, 2)]
    workers = SpawnedWorkers(2)
    try:
        handed_out = [workers.submit(one) for one in assignments]
        assert workers._pool is not None
        for process in list(workers._pool._processes):
            os.kill(process, signal.SIGKILL)
        found = [pending.result for pending in handed_out]
        after = workers.submit(assignments[0]).result
    finally:
        workers.close()
    first, second = worked(InTurn(), assignments)
    for one, expected in zip([*found, after], (first, second, first), strict=True):
        assert_equal_bits(one, expected)
