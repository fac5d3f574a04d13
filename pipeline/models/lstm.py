"""LSTM forecasters in Keras, trained by one compiled function per architecture.

Tracing a graph costs about as much as a small fit, so networks of the same shape share one network and one
traced epoch for the life of the process; every fit starts by overwriting all of its state from its own seed.
TensorFlow is imported inside functions: commands that train nothing never load it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import ConfigError
from pipeline.models.base import LstmParameters
from pipeline.models.weights import pack, unpack
from pipeline.types import EpochLoss, FloatArray, IntArray, Windows

if TYPE_CHECKING:
    import keras

PREDICTION_ROWS = 96
"""Predictions run in blocks of this many rows, padded, so that a row's bits do not depend on how many
others are asked for with it; a multiple of 6, 24 and 48, for matrix kernels treat the remainder apart."""

Weights = tuple[npt.NDArray[np.float32], ...]


@dataclass(frozen=True)
class Lstm:
    """A stack of LSTM layers and a linear head with one output a horizon, for any number of features.

    The head starts at zero: the untrained network forecasts the training mean of its scaled target, and as
    epoch 0 counts in early stopping, a network that learns nothing keeps that forecast.
    """

    parameters: LstmParameters

    def fit(self, training: Windows, validation: Windows, seed: int) -> FittedLstm:
        network = self._network(training)
        network.restart(seed)
        order = np.random.default_rng(seed)
        history = [EpochLoss(0, network.loss(training), network.loss(validation))]
        best, best_weights = history[0], network.weights()
        for epoch in range(1, self.parameters.epochs + 1):
            training_loss = network.train_epoch(training, order.permutation(len(training)))
            history.append(EpochLoss(epoch, training_loss, network.loss(validation)))
            if _selection_loss(history[-1]) < _selection_loss(best):
                best, best_weights = history[-1], network.weights()
            elif epoch - best.epoch >= self.parameters.patience:
                break
        return FittedLstm(self.parameters, best_weights, tuple(history), best.epoch)

    def restore(self, weights: bytes) -> FittedLstm:
        arrays = unpack(weights)
        return FittedLstm(self.parameters, tuple(array.astype(np.float32) for array in arrays.values()))

    def _network(self, windows: Windows) -> Network:
        _, time_steps, features = windows.values.shape
        return shared_network(self.parameters, time_steps, features, windows.targets.shape[1])


@dataclass(frozen=True, eq=False)
class FittedLstm:
    """The weights of one trained network, in Keras's order."""

    parameters: LstmParameters
    weights: Weights
    epochs: tuple[EpochLoss, ...] = ()
    best_epoch: int = 0

    def predict(self, values: FloatArray) -> FloatArray:
        _, time_steps, features = values.shape
        horizons = self.weights[-1].shape[0]
        network = shared_network(self.parameters, time_steps, features, horizons)
        network.load(self.weights)
        return network.predict(values)

    def to_bytes(self) -> bytes:
        return pack({f"w{number:03d}": weight for number, weight in enumerate(self.weights)})


def _selection_loss(loss: EpochLoss) -> float:
    return loss.validation if np.isfinite(loss.validation) else loss.training


@lru_cache(maxsize=64)
def shared_network(parameters: LstmParameters, time_steps: int, features: int, horizons: int) -> Network:
    """The process's one network of this shape, its graph traced at the first use."""
    return Network(parameters, time_steps, features, horizons)


class Network:
    """A Keras network with its compiled training epoch. Scratch space: no fit's state outlives its fit."""

    def __init__(self, parameters: LstmParameters, time_steps: int, features: int, horizons: int) -> None:
        _configure_tensorflow()
        self._parameters = parameters
        self._model = _build(parameters, time_steps, features, horizons)
        self._optimizer = _optimizer(parameters)
        self._optimizer.build(self._model.trainable_variables)
        self._loss = _loss(parameters)
        self._epoch = self._compile_epoch(time_steps, features, horizons)
        self._forward = self._compile_forward(time_steps, features)

    def restart(self, seed: int) -> None:
        """Initial weights, optimizer and dropout state from `seed` alone."""
        for number, variable in enumerate(self._model.trainable_variables):
            variable.assign(_initial(variable, seed + number))
        for variable in self._optimizer.variables:
            if variable.path.rpartition("/")[2] != "learning_rate":
                variable.assign(np.zeros(variable.shape, dtype=variable.dtype))
        for layer in self._model.layers:
            generator = getattr(layer, "seed_generator", None) or getattr(
                getattr(layer, "cell", None), "seed_generator", None
            )
            if generator is not None:
                generator.state.assign([seed % 2**31, 0])

    def train_epoch(self, windows: Windows, order: IntArray) -> float:
        """One pass over the windows in the given order; the mean training loss."""
        values, targets = _as_float32(windows.values), _as_float32(windows.targets)
        return float(self._epoch(values, targets, order.astype(np.int32)))

    def loss(self, windows: Windows) -> float:
        """Mean loss of the present weights without dropout; NaN for no windows."""
        if len(windows) == 0:
            return float("nan")
        predicted = self.predict(windows.values)
        return float(self._loss(_as_float32(windows.targets), _as_float32(predicted)))

    def predict(self, values: FloatArray) -> FloatArray:
        """(s, H) outputs of the present weights."""
        padding = -len(values) % PREDICTION_ROWS
        padded = np.concatenate([values, np.zeros((padding, *values.shape[1:]))])
        blocks = padded.reshape(-1, PREDICTION_ROWS, *values.shape[1:])
        outputs = [np.asarray(self._forward(_as_float32(block))) for block in blocks]
        return np.concatenate(outputs)[: len(values)].astype(np.float64)

    def weights(self) -> Weights:
        return tuple(np.asarray(variable.value) for variable in self._model.trainable_variables)

    def load(self, weights: Weights) -> None:
        for variable, weight in zip(self._model.trainable_variables, weights, strict=True):
            variable.assign(weight)

    def _compile_epoch(self, time_steps: int, features: int, horizons: int) -> Any:
        import tensorflow as tf

        model, optimizer, loss_function = self._model, self._optimizer, self._loss
        batch_size = self._parameters.batch_size

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[
                tf.TensorSpec((None, time_steps, features)),
                tf.TensorSpec((None, horizons)),
                tf.TensorSpec((None,), tf.int32),
            ]
        )
        def epoch(values: Any, targets: Any, order: Any) -> Any:
            count, total = tf.shape(order)[0], tf.constant(0.0)
            for first in tf.range(0, count, batch_size):
                batch = order[first : first + batch_size]
                with tf.GradientTape() as tape:
                    outputs = model(tf.gather(values, batch), training=True)
                    loss = loss_function(tf.gather(targets, batch), outputs)
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply(gradients, model.trainable_variables)
                total += loss * tf.cast(tf.size(batch), tf.float32)
            return total / tf.cast(count, tf.float32)

        return epoch

    def _compile_forward(self, time_steps: int, features: int) -> Any:
        import tensorflow as tf

        model = self._model
        signature = [tf.TensorSpec((PREDICTION_ROWS, time_steps, features))]
        return tf.function(lambda block: model(block, training=False), input_signature=signature)


@lru_cache(maxsize=1)
def _configure_tensorflow() -> None:
    """One thread an operation: small networks gain nothing from more, and sums keep their order."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _native_stderr_closed():
        import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return  # A host application has started TensorFlow with threads of its own choice.


@contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """TensorFlow's libraries greet on file descriptor 2 before any setting can silence them."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _build(parameters: LstmParameters, time_steps: int, features: int, horizons: int) -> keras.Model:
    import keras

    inputs = outputs = keras.Input((time_steps, features))
    for layer in range(parameters.layers):
        outputs = keras.layers.LSTM(
            parameters.units,
            return_sequences=layer < parameters.layers - 1,
            dropout=parameters.dropout,
        )(outputs)
    return keras.Model(inputs, keras.layers.Dense(horizons, name="head")(outputs))


def _initial(variable: keras.Variable, seed: int) -> Any:
    """Keras's own starting values for an LSTM (Glorot kernel, orthogonal recurrence, forget bias 1)."""
    import keras

    *_, layer, name = variable.path.split("/")
    if layer == "head":
        return np.zeros(variable.shape, dtype=np.float32)
    if name == "kernel":
        return keras.initializers.GlorotUniform(seed=seed)(variable.shape)
    if name == "recurrent_kernel":
        return keras.initializers.Orthogonal(seed=seed)(variable.shape)
    units = variable.shape[0] // 4
    return np.repeat(np.array([0.0, 1.0, 0.0, 0.0], dtype=np.float32), units)


def _optimizer(parameters: LstmParameters) -> keras.Optimizer:
    import keras

    try:
        optimizer = keras.optimizers.get(parameters.optimizer)
    except ValueError as error:
        raise ConfigError(
            f"lstm.optimizer: unknown optimizer '{parameters.optimizer}'",
            "Expected a Keras optimizer such as adam, adamax, nadam, rmsprop or sgd.",
        ) from error
    optimizer.learning_rate = parameters.learning_rate
    return optimizer


def _loss(parameters: LstmParameters) -> Any:
    import keras

    try:
        function = keras.losses.get(parameters.loss)
    except ValueError as error:
        raise ConfigError(
            f"lstm.loss: unknown loss '{parameters.loss}'",
            "Expected a Keras loss such as mse, mae, huber or log_cosh.",
        ) from error
    return lambda targets, outputs: keras.ops.mean(function(targets, outputs))


def _as_float32(values: FloatArray) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(values, dtype=np.float32)
