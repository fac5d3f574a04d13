"""How near training comes to what one thread of this machine can multiply; runs in a worker."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.shared import COLD, trainer
from tests.benchmarks.workload import (
    DIMENSIONS,
    EPOCHS,
    NETWORK,
    TRAINING,
    made_series,
    nothing,
    training_block,
)

ROUNDS = 5
SQUARE, SQUARES = 1024, 10
CHAIN, CHAINS = 100, 50


@dataclass(frozen=True)
class Rates:
    """GFLOP/s on one thread, each the median of rounds that took turns."""

    training: float
    square: float
    small: float


def measured_rates() -> Rates:
    """Training beside products of large squares and of the matrices of one step of the network."""
    works = (_training(), _squares(), _small_products())
    rounds = [[_rate(run, operations) for run, operations in works] for _ in range(ROUNDS + 1)]
    return Rates(*(float(rate) for rate in np.median(rounds[1:], axis=0)))


def training_operations() -> int:
    """Of one fit: two a multiply-add; the way back costs twice the way there."""
    gates = 4 * NETWORK.units * (DIMENSIONS.features + NETWORK.units)
    forward = DIMENSIONS.time_steps * gates + NETWORK.units * DIMENSIONS.horizons
    return 2 * 3 * forward * TRAINING * EPOCHS


def _training() -> tuple[Callable[[], object], int]:
    series, start = made_series(0), trainer().start(0)
    training, rest = training_block(series), nothing(series)
    return lambda: trainer().fit(start, training, rest, 0, COLD), training_operations()


def _squares() -> tuple[Callable[[], object], int]:
    import tensorflow as tf

    left, right = (tf.random.stateless_normal((SQUARE, SQUARE), (0, seed)) for seed in (1, 2))
    return lambda: [tf.matmul(left, right).numpy() for _ in range(SQUARES)], SQUARES * 2 * SQUARE**3


def _small_products() -> tuple[Callable[[], object], int]:
    """There and back through orthonormal rows: each product needs the one before, and none grows."""
    import tensorflow as tf

    inner, outer = DIMENSIONS.features + NETWORK.units, 4 * NETWORK.units
    rows = np.linalg.qr(np.random.default_rng(0).normal(size=(outer, inner)))[0].T.astype(np.float32)
    there, back = tf.constant(rows), tf.constant(rows.T.copy())

    @tf.function
    def chain(left: tf.Tensor) -> tf.Tensor:
        for _ in range(CHAIN):
            left = tf.matmul(tf.matmul(left, there), back)
        return left

    left = tf.random.stateless_normal((NETWORK.batch_size, inner), (0, 3))
    operations = CHAINS * CHAIN * 2 * (2 * NETWORK.batch_size * inner * outer)
    return lambda: [chain(left).numpy() for _ in range(CHAINS)], operations


def _rate(run: Callable[[], object], operations: int) -> float:
    started = time.perf_counter()
    run()
    return operations / (time.perf_counter() - started) / 1e9
