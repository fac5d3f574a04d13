"""`make bench`: fits with the shared compiled function beside plain Keras, one after the other in one run.

Both sides train the same architecture on the same windows with the same number of steps; start-up and imports
are left out. Times on shared machines vary; the ratio is what counts.
"""

import time
from collections.abc import Callable

import numpy as np

from pipeline.models.base import LstmParameters
from pipeline.models.lstm import Lstm
from pipeline.networks.parameters import Limits, NetworkParameters
from pipeline.types import Windows

SERIES, SAMPLES, TIME_STEPS, FEATURES, HORIZONS = 6, 1250, 30, 5, 5
NETWORK = NetworkParameters(
    units=32,
    layers=1,
    dropout=0.0,
    learning_rate=1e-3,
    optimizer="adam",
    loss="mse",
    batch_size=32,
)
PARAMETERS = LstmParameters(NETWORK, Limits(epochs=20, patience=20, min_improvement=0.0))


def made_windows(seed: int) -> Windows:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(SAMPLES, TIME_STEPS, FEATURES))
    targets = 0.3 * values[:, -1, :1] + rng.normal(size=(SAMPLES, HORIZONS))
    return Windows(np.arange(SAMPLES), values, targets)


def plain_keras(windows: Windows, seed: int) -> float:
    """A fresh network, compiled, fitted and asked; the final training loss."""
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((TIME_STEPS, FEATURES)),
            keras.layers.LSTM(NETWORK.units),
            keras.layers.Dense(HORIZONS, kernel_initializer="zeros"),
        ]
    )
    model.compile(keras.optimizers.Adam(NETWORK.learning_rate), loss="mse")
    history = model.fit(
        windows.values.astype("float32"),
        windows.targets.astype("float32"),
        batch_size=NETWORK.batch_size,
        epochs=PARAMETERS.limits.epochs,
        verbose=0,
    )
    model.predict(windows.values[-1:].astype("float32"), verbose=0)
    return float(history.history["loss"][-1])


def shared_function(windows: Windows, seed: int) -> float:
    """A fit of the project's own LSTM; the training loss of its last epoch."""
    nothing = Windows(windows.rows[:0], windows.values[:0], windows.targets[:0])
    fitted = Lstm(PARAMETERS).fit(windows, nothing, seed)
    fitted.predict(windows.values[-1:])
    return fitted.epochs[-1].training


def timed(fit: Callable[[Windows, int], float]) -> tuple[float, float]:
    """Seconds a series and mean final loss."""
    started = time.perf_counter()
    losses = [fit(made_windows(seed), seed) for seed in range(SERIES)]
    return (time.perf_counter() - started) / SERIES, float(np.mean(losses))


def main() -> None:
    shared_function(made_windows(99), 99)  # starts TensorFlow for both sides
    plain_seconds, plain_loss = timed(plain_keras)
    shared_seconds, shared_loss = timed(shared_function)
    print(f"{SERIES} series of {SAMPLES} windows of {TIME_STEPS}x{FEATURES}, {NETWORK.units} units,")
    print(f"batch {NETWORK.batch_size}, {PARAMETERS.limits.epochs} epochs each")
    print(f"plain Keras      {plain_seconds:6.2f} s a series, final training loss {plain_loss:.4f}")
    print(f"shared function  {shared_seconds:6.2f} s a series, final training loss {shared_loss:.4f}")
    print(f"ratio            {plain_seconds / shared_seconds:6.2f} times faster")


if __name__ == "__main__":
    main()
