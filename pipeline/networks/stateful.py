"""A stateful network: its states are carried from batch to batch, and from training into forecasting.

The windows of an epoch are split into streams, each a contiguous period. Row i of every batch belongs to
stream i, so that its state continues that of row i of the previous batch. Gradients are truncated at the
batch (truncated backpropagation through time).
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from pipeline.networks.layers import head, recurrent
from pipeline.networks.parameters import Dimensions, NetworkParameters
from pipeline.types import Cell, IntArray


class Stateful:
    """Many to one: forecast all horizons at once from the last output, starting from `carried_states`.

    `carried_states` holds a vector (u,) for each state of each layer: the state of the newest stream after
    the last training batch.
    """

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._batch_size = parameters.batch_size
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        outputs, count = inputs, 2 if parameters.cell is Cell.LSTM else 1
        initial_states: list[keras.KerasTensor] = []
        final_states: list[keras.KerasTensor] = []
        for layer in range(parameters.layers):
            states = [keras.Input((parameters.units,)) for _ in range(count)]
            recurrent_layer = recurrent(
                parameters, return_sequences=layer < parameters.layers - 1, return_state=True
            )
            outputs, *new_states = recurrent_layer(outputs, initial_state=states)
            initial_states.extend(states)
            final_states.extend(new_states)
        self._model = keras.Model(
            [inputs, *initial_states], [head(dimensions.horizons)(outputs), *final_states]
        )
        self._streams = [_zeros(parameters.batch_size, parameters.units) for _ in initial_states]
        self.carried_states = [_zeros(parameters.units) for _ in initial_states]

    @property
    def variables(self) -> list[keras.Variable]:
        return list(self._model.trainable_variables)

    @property
    def seeds(self) -> list[keras.Variable]:
        return [one for one in self._model.variables if one.path.endswith("seed_generator_state")]

    def epoch_order(self, generator: np.random.Generator, count: int) -> IntArray:
        """Order the windows in batches of one window per stream, in time order.

        Only the newest windows that fill all streams equally are used. The order is the same in every epoch;
        the generator is not used.
        """
        streams = min(self._batch_size, count)
        length = count // streams
        return np.arange(count - streams * length, count).reshape(streams, length).T.ravel()

    def start_epoch(self) -> None:
        """Reset the states of all streams to zero."""
        for stream in self._streams:
            stream.assign(tf.zeros_like(stream))

    def outputs_and_targets(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute outputs (b, H) for the next batch (b, t, f) of the streams, and update their states."""
        rows = tf.shape(values)[0]
        predictions, *states = self._model(
            [values, *(stream[:rows] for stream in self._streams)], training=True
        )
        for stream, newest, state in zip(self._streams, self.carried_states, states, strict=True):
            padded = tf.pad(state, [[0, self._batch_size - rows], [0, 0]])
            stream.assign(tf.ensure_shape(padded, stream.shape))
            newest.assign(state[-1])
        return predictions, targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        """Forecast (b, H) from (b, t, f) windows, each starting from `carried_states` (unchanged)."""
        rows = tf.shape(values)[0]
        states = [tf.repeat(one.value[None], rows, axis=0) for one in self.carried_states]
        return self._model([values, *states], training=False)[0]


def _zeros(*shape: int) -> keras.Variable:
    """Create a variable of zeros that is not trained."""
    return keras.Variable(np.zeros(shape), trainable=False, dtype="float32")
