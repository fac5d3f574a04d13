"""The plain way: a fresh Keras model a series, compiled, fitted and asked, under TensorFlow's own threading.

Runs in a process of its own, which never calls `start_tensorflow`.
"""

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.benchmarks.workload import (
    DIMENSIONS,
    EPOCHS,
    NETWORK,
    TRAINING,
    Weights,
    batch_orders,
    made_series,
    training_block,
)

BATCHES = -(-TRAINING // NETWORK.batch_size)
WARM_UP_SEED = 1_000_000


def arrays(model: Any, values: np.ndarray, targets: np.ndarray, _seed: int) -> Any:
    """As every tutorial: Keras shuffles by itself."""
    return model.fit(values, targets, batch_size=NETWORK.batch_size, epochs=EPOCHS, verbose=0)


def pipeline_of_batches(model: Any, values: np.ndarray, targets: np.ndarray, seed: int) -> Any:
    """The other side's batches, by tf.data."""
    import tensorflow as tf

    batches = (
        tf.data.Dataset.from_tensor_slices(batch_orders(seed))
        .flat_map(lambda order: tf.data.Dataset.from_tensor_slices(order).batch(NETWORK.batch_size))
        .map(lambda chosen: (tf.gather(values, chosen), tf.gather(targets, chosen)))
        .prefetch(tf.data.AUTOTUNE)
    )
    return model.fit(batches, steps_per_epoch=BATCHES, epochs=EPOCHS, verbose=0)


def indexed_batches(model: Any, values: np.ndarray, targets: np.ndarray, seed: int) -> Any:
    """The other side's batches, by a PyDataset."""
    import keras

    class Batches(keras.utils.PyDataset):
        orders, epoch = batch_orders(seed), 0

        def __len__(self) -> int:
            return BATCHES

        def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
            first = number * NETWORK.batch_size
            chosen = self.orders[self.epoch][first : first + NETWORK.batch_size]
            return values[chosen], targets[chosen]

        def on_epoch_end(self) -> None:
            self.epoch = min(self.epoch + 1, EPOCHS - 1)

    return model.fit(Batches(), shuffle=False, epochs=EPOCHS, verbose=0)


FEEDS: Mapping[str, Callable[..., Any]] = {
    "arrays": arrays,
    "tf.data": pipeline_of_batches,
    "PyDataset": indexed_batches,
}
SAME_BATCHES = "tf.data"
FEED_ROUNDS = 2


def fit_plainly(seed: int, feed: str) -> tuple[float, float, Weights]:
    """The final training loss, CPU seconds of all threads, and the weights that the model started from."""
    import keras

    started = time.process_time()
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((DIMENSIONS.time_steps, DIMENSIONS.features)),
            keras.layers.LSTM(NETWORK.units),
            keras.layers.Dense(DIMENSIONS.horizons),
        ]
    )
    start = tuple(model.get_weights())
    model.compile(keras.optimizers.Adam(NETWORK.learning_rate), loss=NETWORK.loss)
    training = training_block(made_series(seed))
    values, targets = training.values.astype("float32"), training.targets.astype("float32")
    history = FEEDS[feed](model, values, targets, seed)
    model.predict(values[-1:], verbose=0)
    return float(history.history["loss"][-1]), time.process_time() - started, start


def seconds_by_feed() -> dict[str, float]:
    """Fewest wall seconds of a fit by each way of feeding it, after one that nobody times."""
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it complains of retracing, which is what is measured
    warnings.filterwarnings("ignore", message=".*shuffle=True.*")
    fit_plainly(WARM_UP_SEED, "arrays")
    seconds = dict.fromkeys(FEEDS, np.inf)
    for _ in range(FEED_ROUNDS):
        for feed in FEEDS:
            started = time.perf_counter()
            fit_plainly(WARM_UP_SEED, feed)
            seconds[feed] = min(seconds[feed], time.perf_counter() - started)
    return seconds
