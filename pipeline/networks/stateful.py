"""A network whose states go on from one batch to the next, and from its training into its forecasts.

The windows of an epoch stand side by side as streams, each a stretch of time: a row of a batch goes on where
the same row of the batch before left off. No gradient goes back beyond a batch.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from pipeline.networks.layers import head, recurrent
from pipeline.networks.parameters import Dimensions, NetworkParameters
from pipeline.types import Cell, IntArray


class Stateful:
    """Many to one: all horizons at once, from the last output; `memory` starts every forecast.

    `memory` (u,) for each state of each layer: that of the newest stream after the batch taught last.
    """

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._batch_size = parameters.batch_size
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        outputs, count = inputs, 2 if parameters.cell is Cell.LSTM else 1
        before: list[keras.KerasTensor] = []
        after: list[keras.KerasTensor] = []
        for layer in range(parameters.layers):
            states = [keras.Input((parameters.units,)) for _ in range(count)]
            unfold = recurrent(parameters, return_sequences=layer < parameters.layers - 1, return_state=True)
            outputs, *left = unfold(outputs, initial_state=states)
            before.extend(states)
            after.extend(left)
        self._model = keras.Model([inputs, *before], [head(dimensions.horizons)(outputs), *after])
        self._streams = [_zeros(parameters.batch_size, parameters.units) for _ in before]
        self.memory = [_zeros(parameters.units) for _ in before]

    @property
    def variables(self) -> list[keras.Variable]:
        return list(self._model.trainable_variables)

    @property
    def seeds(self) -> list[keras.Variable]:
        return [one for one in self._model.variables if one.path.endswith("seed_generator_state")]

    def order(self, generator: np.random.Generator, count: int) -> IntArray:
        """Batches of one window from each stream, in time; the newest windows, as many as fill all streams.

        Every epoch has the same order: nothing is drawn from the generator.
        """
        streams = min(self._batch_size, count)
        length = count // streams
        return np.arange(count - streams * length, count).reshape(streams, length).T.ravel()

    def rewind(self) -> None:
        """Every stream starts from zero."""
        for stream in self._streams:
            stream.assign(tf.zeros_like(stream))

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(b, H) from (b, t, f), the next batch of the streams: where they end is where the next goes on."""
        rows = tf.shape(values)[0]
        said, *states = self._model([values, *(stream[:rows] for stream in self._streams)], training=True)
        for stream, newest, state in zip(self._streams, self.memory, states, strict=True):
            padded = tf.pad(state, [[0, self._batch_size - rows], [0, 0]])
            stream.assign(tf.ensure_shape(padded, stream.shape))
            newest.assign(state[-1])
        return said, targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        """(b, H) from (b, t, f): every row goes on from the memory, which stays as it is."""
        rows = tf.shape(values)[0]
        states = [tf.repeat(one.value[None], rows, axis=0) for one in self.memory]
        return self._model([values, *states], training=False)[0]


def _zeros(*shape: int) -> keras.Variable:
    return keras.Variable(np.zeros(shape), trainable=False, dtype="float32")
