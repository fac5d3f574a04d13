"""The project's way: worker processes of one thread each, every one with its shared compiled function."""

import time
from multiprocessing.synchronize import Barrier
from typing import Any

from pipeline.networks.parameters import Limits
from pipeline.networks.start import start_tensorflow
from pipeline.settings import LstmSettings
from tests.benchmarks.workload import (
    DIMENSIONS,
    EPOCHS,
    NETWORK,
    SESSIONS,
    Weights,
    held_out_block,
    made_series,
    mean_absolute_error,
    nothing,
    training_block,
    validation_block,
)

WORKERS = 2
WARM_EPOCHS = 1
MIN_IMPROVEMENT = LstmSettings().min_improvement
COLD = Limits(EPOCHS, EPOCHS, MIN_IMPROVEMENT)
WARM = Limits(WARM_EPOCHS, WARM_EPOCHS, MIN_IMPROVEMENT)
WARM_UP_SEED = 1_000_000


def trainer() -> Any:
    start_tensorflow()
    from pipeline.networks.training import shared_trainer

    return shared_trainer(NETWORK, DIMENSIONS)


def warm_up(ready: Barrier) -> None:
    """Import, trace and fit once before anybody looks at a clock."""
    fit_shared(WARM_UP_SEED, trainer().start(WARM_UP_SEED))
    ready.wait()


def fit_shared(seed: int, start: Weights) -> tuple[float, float]:
    """The final training loss and CPU seconds."""
    started = time.process_time()
    series = made_series(seed)
    training = training_block(series)
    weights, epochs, _ = trainer().fit(start, training, nothing(series), seed, COLD)
    trainer().predict(weights, training.values[-1:])
    return float(epochs[-1].training), time.process_time() - started


def fit_cold(seed: int, session: int) -> Weights:
    """A session's fit from weights that have learnt nothing."""
    series = made_series(seed)
    blocks = training_block(series, session), validation_block(series, session)
    weights, _, _ = trainer().fit(trainer().start(seed), *blocks, seed, COLD)
    return weights


def fit_warm(seed: int, weights: Weights) -> tuple[Weights, float]:
    """A fit and a forecast a session, each from the weights of the session before.

    Returns the last weights and the share of sessions that improved on the weights they started from.
    """
    series, improved = made_series(seed), 0
    for session in range(1, SESSIONS + 1):
        blocks = training_block(series, session), validation_block(series, session)
        weights, _, best = trainer().fit(weights, *blocks, seed + session, WARM)
        trainer().predict(weights, blocks[1].values[-1:])
        improved += best > 0
    return weights, improved / SESSIONS


def held_out_error(seed: int, weights: Weights) -> float:
    """Mean absolute error on the block that no session has seen."""
    block = held_out_block(made_series(seed))
    return mean_absolute_error(trainer().predict(weights, block.values), block.targets)
