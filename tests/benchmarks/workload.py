"""The series that every side is given: made, with something to learn at each of the five horizons.

Column 0 is noise and half of what the slow column 1 was a session before; the others are noise. Imports
no TensorFlow, so that each side can start it its own way.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter

from pipeline.networks.parameters import Dimensions, NetworkParameters
from pipeline.types import FloatArray, IntArray, Windows

DIMENSIONS = Dimensions(time_steps=30, features=5, horizons=5)
NETWORK = NetworkParameters(
    units=32,
    layers=1,
    dropout=0.0,
    learning_rate=1e-3,
    optimizer="adam",
    loss="mse",
    batch_size=32,
)
EPOCHS = 20
TRAINING, VALIDATION, HELD_OUT, SESSIONS = 1250, 125, 250, 20
PERSISTENCE, FOLLOWING = 0.95, 0.5

Weights = tuple[np.ndarray, ...]


def made_series(seed: int) -> Windows:
    """Windows in the order of their sessions: enough for `SESSIONS` daily fits and the block held out."""
    rng = np.random.default_rng(seed)
    count = TRAINING + VALIDATION + HELD_OUT + SESSIONS + 2 * DIMENSIONS.horizons
    rows = count + DIMENSIONS.time_steps + DIMENSIONS.horizons - 1
    values = rng.normal(size=(rows, DIMENSIONS.features))
    values[:, 1] = lfilter([np.sqrt(1 - PERSISTENCE**2)], [1, -PERSISTENCE], values[:, 1])
    values[1:, 0] += FOLLOWING * values[:-1, 1]
    windows = sliding_window_view(values, DIMENSIONS.time_steps, axis=0).swapaxes(1, 2)[:count]
    targets = sliding_window_view(values[DIMENSIONS.time_steps :, 0], DIMENSIONS.horizons)
    return Windows(np.arange(count), np.ascontiguousarray(windows), np.ascontiguousarray(targets))


def training_block(series: Windows, session: int = 0) -> Windows:
    """What the fit of a session learns from; the next session's has lost its first window and gained one."""
    return _cut(series, session, TRAINING)


def validation_block(series: Windows, session: int) -> Windows:
    """The windows after the training block whose targets share none with it."""
    return _cut(series, session + TRAINING + DIMENSIONS.horizons, VALIDATION)


def held_out_block(series: Windows) -> Windows:
    """Windows that no fit of any session has seen, nor any of their targets."""
    return _cut(series, len(series) - HELD_OUT, HELD_OUT)


def nothing(series: Windows) -> Windows:
    return _cut(series, 0, 0)


def batch_orders(seed: int) -> IntArray:
    """(epochs, windows): the order in which `Trainer.fit` goes through the windows, for the other side."""
    order = np.random.default_rng(seed)
    return np.stack([order.permutation(TRAINING) for _ in range(EPOCHS)])


def mean_absolute_error(forecasts: FloatArray, targets: FloatArray) -> float:
    return float(np.abs(forecasts - targets).mean())


def _cut(series: Windows, first: int, count: int) -> Windows:
    chosen = slice(first, first + count)
    return Windows(series.rows[chosen], series.values[chosen], series.targets[chosen])
