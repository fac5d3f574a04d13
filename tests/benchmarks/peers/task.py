"""What every contender is given and hands back; needs numpy alone, as their environments differ."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TIME_STEPS, UNITS, BATCH_SIZE, EPOCHS, LEARNING_RATE = 30, 32, 32, 10, 1e-3
TRAINING, HELD_OUT = 1250, 365
STEPS = EPOCHS * -(-TRAINING // BATCH_SIZE)
SEEDS = 2
"""Fits of each series, from seeds 1 on; one fit with seed 0 comes before them, to be reported apart."""

Fit = Callable[[np.ndarray, int], Callable[[np.ndarray], np.ndarray]]
"""From the training changes and a seed to a forecaster of the last `HELD_OUT` of all changes."""


@dataclass(frozen=True)
class Outcome:
    """CPU seconds of the process's first fit and of each fit (series, seeds) after it.

    `forecasts` (series, seeds, held out) are in scaled units.
    """

    first: float
    seconds: np.ndarray
    forecasts: np.ndarray


def contend(fit: Fit, source: Path, target: Path) -> None:
    """Fit and forecast every series once a seed; the clock runs during fits only."""
    every = np.load(source)
    first, _ = _fitted(fit, every[0], 0)
    runs = [[_fitted(fit, changes, seed) for seed in range(1, SEEDS + 1)] for changes in every]
    seconds, forecasts = ([[run[part] for run in series] for series in runs] for part in (0, 1))
    np.savez(target, first=first, seconds=seconds, forecasts=forecasts)


def outcome(target: Path) -> Outcome:
    with np.load(target) as found:
        return Outcome(float(found["first"]), found["seconds"], found["forecasts"])


def _fitted(fit: Fit, changes: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
    started = time.process_time()
    forecast = fit(changes[:-HELD_OUT], seed)
    return time.process_time() - started, forecast(changes)
