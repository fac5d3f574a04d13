"""Fit a network in one compiled function that contains the loops over epochs and batches.

Tracing the function costs as much as many small fits, so networks of the same architecture share one trainer
for the life of the process. Every fit first overwrites the whole state from its own seed, so its result does
not depend, bit for bit, on earlier fits, their order or the process.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.networks.architectures import architecture_of
from pipeline.networks.fused_adam import FusedAdam
from pipeline.networks.names import KERAS_LOSSES
from pipeline.networks.parameters import Dimensions, Limits, NetworkParameters
from pipeline.timings import timed
from pipeline.types import Cell, EpochLoss, FloatArray, Schedule, Windows, Work

PREDICTION_ROWS = 96
"""Predictions are computed in padded blocks of this many rows, so that a row's result does not depend, bit
for bit, on the number of rows. A multiple of 6, 24 and 48, as matrix kernels treat remainders differently."""
FINAL_LEARNING_RATE_SHARE = 0.1
"""The share of the learning rate at which an exponential schedule ends."""

Weights = tuple[npt.NDArray[np.float32], ...]


@lru_cache(maxsize=64)
@timed(Work.TRACE)
def shared_trainer(parameters: NetworkParameters, dimensions: Dimensions) -> Trainer:
    """Create, or reuse, the trainer of this architecture; limits on training are arguments of its `fit`."""
    return Trainer(parameters, dimensions)


class Trainer:
    """A network with its compiled fit and forecast. No state of a fit is kept after it."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._parameters, self._dimensions = parameters, dimensions
        self._network = architecture_of(parameters, dimensions)
        self._optimizer = optimizer(parameters)
        self._optimizer.build(self._network.variables)
        self._initial_optimizer_state = [np.asarray(one) for one in self._optimizer.variables]
        self._loss = keras.losses.get(KERAS_LOSSES.get(parameters.loss, parameters.loss))
        self._saved_variables = [*self._network.variables, *self._network.carried_states]
        self._best_values = [tf.Variable(tf.zeros(one.shape)) for one in self._saved_variables]
        self._fit, self._forward = self._compiled_fit(), self._compiled_forward()
        for compiled in (self._fit, self._forward):
            compiled.get_concrete_function()

    def start(self, seed: int) -> Weights:
        """Draw Keras's initial weights from `seed`, followed by carried states of zero."""
        drawn = [
            np.asarray(_initial(one, seed + place, self._parameters.cell))
            for place, one in enumerate(self._network.variables)
        ]
        return (*drawn, *(np.zeros(one.shape, dtype=np.float32) for one in self._network.carried_states))

    def fit(
        self, start: Weights, training: Windows, validation: Windows, seed: int, limits: Limits
    ) -> tuple[Weights, tuple[EpochLoss, ...], int]:
        """Train from the weights `start`: the best epoch's weights, the loss of every epoch, the best epoch.

        Weights are the trainable variables followed by the carried states, in `start` and in the result. The
        best epoch is the last whose validation loss improves on that of the best epoch before it by the share
        `min_improvement`; without validation windows the training loss decides. Epoch 0, before any step,
        counts. `seed` determines the order of batches, dropout and all else.
        """
        self.load(start)
        self._reset(seed)
        generator = np.random.default_rng(seed)
        each = [self._network.epoch_order(generator, len(training)) for _ in range(limits.epochs)]
        orders = np.stack(each).astype(np.int32)
        blocks = (training.values, training.targets, validation.values, validation.targets)
        stopping = (np.int32(limits.patience), np.float32(limits.min_improvement))
        losses, best = self._fit(*map(_as_float32, blocks), orders, *stopping)
        weights = tuple(np.asarray(one) for one in self._best_values)
        history = (EpochLoss(epoch, float(a), float(b)) for epoch, (a, b) in enumerate(np.asarray(losses)))
        return weights, tuple(history), int(best)

    def load(self, weights: Weights) -> None:
        """Set the trainable variables and the carried states."""
        for variable, weight in zip(self._saved_variables, weights, strict=True):
            variable.assign(weight)

    def predict(self, weights: Weights, values: FloatArray) -> FloatArray:
        """Forecast (s, H) scaled targets of scaled windows (s, t, f)."""
        self.load(weights)
        padding = -len(values) % PREDICTION_ROWS
        padded = _as_float32(np.concatenate([values, np.zeros((padding, *values.shape[1:]))]))
        blocks = padded.reshape(-1, PREDICTION_ROWS, *values.shape[1:])
        outputs = [np.asarray(self._forward(block)) for block in blocks]
        return np.concatenate(outputs)[: len(values)].astype(np.float64)

    def _reset(self, seed: int) -> None:
        """Reset the optimizer, and seed the dropout."""
        for variable, value in zip(self._optimizer.variables, self._initial_optimizer_state, strict=True):
            variable.assign(value)
        for place, state in enumerate(self._network.seeds):
            state.assign([(seed + place) % 2**31, 0])

    def _compiled_forward(self) -> Any:
        """Compile the forecast of one block of windows."""
        shape = (PREDICTION_ROWS, self._dimensions.time_steps, self._dimensions.features)
        return tf.function(self._network.forecast, input_signature=[tf.TensorSpec(shape)])

    def _compiled_fit(self) -> Any:
        """Compile the training loop for any number of windows and epochs."""
        size = self._dimensions
        windows, targets = (None, size.time_steps, size.features), (None, size.horizons)
        blocks = [tf.TensorSpec(shape) for shape in (windows, targets, windows, targets)]
        orders, stopping = (
            tf.TensorSpec((None, None), tf.int32),
            [tf.TensorSpec((), tf.int32), tf.TensorSpec(())],
        )
        return tf.function(self._training_loop, input_signature=[*blocks, orders, *stopping])

    def _training_loop(
        self,
        values: tf.Tensor,
        targets: tf.Tensor,
        validation_values: tf.Tensor,
        validation_targets: tf.Tensor,
        orders: tf.Tensor,
        patience: tf.Tensor,
        min_improvement: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Run e epochs: (e + 1, 2) training and validation losses, and the best epoch.

        The weights of the best epoch are left in `_best_values`.
        """
        epochs = tf.shape(orders)[0]
        losses = tf.TensorArray(tf.float32, size=epochs + 1, element_shape=(2,))
        least, best, done = tf.constant(np.inf), tf.constant(0), tf.constant(0)
        for epoch in tf.range(epochs + 1):
            done = epoch
            if epoch == 0:
                training = self._loss_of(values, targets)
            else:
                self._schedule_learning_rate(epoch, epochs)
                training = self._run_epoch(values, targets, orders[epoch - 1])
            validation = self._loss_of(validation_values, validation_targets)
            losses = losses.write(epoch, tf.stack([training, validation]))
            chosen = tf.where(tf.math.is_nan(validation), training, validation)
            if chosen < least * (1.0 - min_improvement) or epoch == 0:
                least, best = chosen, epoch
                for kept, variable in zip(self._best_values, self._saved_variables, strict=True):
                    kept.assign(variable.value)
            elif epoch - best >= patience:
                break
        return losses.stack()[: done + 1], best

    def _run_epoch(self, values: tf.Tensor, targets: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        """Train on the windows once in the given order, and compute the mean training loss."""
        self._network.start_epoch()
        count, total = tf.shape(order)[0], tf.constant(0.0)
        for first in tf.range(0, count, self._parameters.batch_size):
            batch = order[first : first + self._parameters.batch_size]
            with tf.GradientTape() as tape:
                predicted, expected = self._network.outputs_and_targets(
                    tf.gather(values, batch), tf.gather(targets, batch)
                )
                loss = tf.reduce_mean(self._loss(expected, predicted))
            gradients = tape.gradient(loss, self._network.variables)
            self._optimizer.apply(gradients, self._network.variables)
            total += loss * tf.cast(tf.size(batch), tf.float32)
        return total / tf.cast(count, tf.float32)

    def _loss_of(self, values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Compute the mean loss of forecasts without dropout; NaN without windows."""
        return tf.reduce_mean(self._loss(targets, self._network.forecast(values)))

    def _schedule_learning_rate(self, epoch: tf.Tensor, epochs: tf.Tensor) -> None:
        """Set the learning rate of an epoch by the configured schedule."""
        if self._parameters.schedule is not Schedule.CONSTANT:
            done = tf.cast(epoch - 1, tf.float32) / tf.cast(epochs, tf.float32)
            share = (
                FINAL_LEARNING_RATE_SHARE**done
                if self._parameters.schedule is Schedule.EXPONENTIAL
                else _cosine(done)
            )
            self._optimizer.learning_rate.assign(self._parameters.learning_rate * share)


def optimizer(parameters: NetworkParameters) -> keras.Optimizer:
    """Create the configured Keras optimizer with its learning rate and gradient clipping."""
    found = FusedAdam() if parameters.optimizer == "adam" else keras.optimizers.get(parameters.optimizer)
    found.learning_rate = parameters.learning_rate
    found.global_clipnorm = parameters.clip_norm or None
    return found


def _cosine(done: tf.Tensor) -> tf.Tensor:
    """Compute the share of the learning rate that a cosine schedule leaves after a share of the epochs."""
    return 0.5 * (1.0 + tf.cos(np.pi * done))


def _initial(variable: keras.Variable, seed: int, cell: Cell) -> Any:
    """Draw initial weights: Glorot kernels, orthogonal recurrence, forget bias 1, zero output layer."""
    *_, layer, name = variable.path.split("/")
    if layer == "head":
        return np.zeros(variable.shape, dtype=np.float32)
    if name == "kernel":
        return keras.initializers.GlorotUniform(seed=seed)(variable.shape)
    if name == "recurrent_kernel":
        return keras.initializers.Orthogonal(seed=seed)(variable.shape)
    if cell is Cell.GRU:
        return np.zeros(variable.shape, dtype=np.float32)
    units = variable.shape[0] // 4
    return np.repeat(np.array([0.0, 1.0, 0.0, 0.0], dtype=np.float32), units)


def _as_float32(values: FloatArray) -> npt.NDArray[np.float32]:
    """Convert to a contiguous float32 array."""
    return np.ascontiguousarray(values, dtype=np.float32)
