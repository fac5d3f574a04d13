"""The architectures of recurrent networks: their outputs in training, and their forecasts.

Dimensions: b windows, t time steps, f features, H horizons. Every output layer starts at zero, so that an
untrained network forecasts the training mean of its scaled target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from pipeline.networks.layers import encoded, head, recurrent
from pipeline.networks.parameters import Dimensions, NetworkParameters
from pipeline.networks.stateful import Stateful
from pipeline.types import Cell, IntArray, Shape


class Architecture(Protocol):
    """The interface of a network of fixed dimensions."""

    @property
    def variables(self) -> list[keras.Variable]:
        """The trainable variables, in a fixed order."""
        ...

    @property
    def carried_states(self) -> list[keras.Variable]:
        """States that training leaves for forecasting; stored with the weights, but not trained."""
        ...

    @property
    def seeds(self) -> list[keras.Variable]:
        """The states of the random generators of dropout."""
        ...

    def epoch_order(self, generator: np.random.Generator, count: int) -> IntArray:
        """Choose the windows of an epoch, of `count`, in the order of its batches."""
        ...

    def start_epoch(self) -> None:
        """Reset any state before the first batch of an epoch."""
        ...

    def outputs_and_targets(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the training outputs for (b, t, f) windows, and their targets, of equal shapes."""
        ...

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        """Forecast (b, H) scaled targets of (b, t, f) windows without dropout, each from its window alone."""
        ...


class _Stateless:
    """A network without states between windows: each epoch visits all windows in random order."""

    @property
    def carried_states(self) -> list[keras.Variable]:
        return []

    def epoch_order(self, generator: np.random.Generator, count: int) -> IntArray:
        return generator.permutation(count)

    def start_epoch(self) -> None:
        return None


class _SingleModel(_Stateless):
    """The common parts of the architectures that are a single Keras model."""

    model: keras.Model

    @property
    def variables(self) -> list[keras.Variable]:
        return list(self.model.trainable_variables)

    @property
    def seeds(self) -> list[keras.Variable]:
        return [one for one in self.model.variables if one.path.endswith("seed_generator_state")]


class Direct(_SingleModel):
    """Many to one: forecast all horizons at once from the last output."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        last = encoded(inputs, parameters, last_only=True)
        self.model = keras.Model(inputs, head(dimensions.horizons)(last))

    def outputs_and_targets(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        return self.model(values, training=False)


class Sequence(_SingleModel):
    """Many to many: forecast all horizons after every step of the window; the last step's are issued."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._horizons = dimensions.horizons
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        outputs = encoded(inputs, parameters, last_only=False)
        self.model = keras.Model(inputs, head(dimensions.horizons)(outputs))

    def outputs_and_targets(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), self._at_every_step(values, targets)

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        return self.model(values, training=False)[:, -1]

    def _at_every_step(self, values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Build the (b, t, H) targets: the values 1..H sessions after each step, partly in the window."""
        after = tf.concat([values[:, 1:, 0], targets], axis=1)
        steps = values.shape[1]
        return tf.stack([after[:, ahead : ahead + steps] for ahead in range(self._horizons)], axis=2)


class Repeat(_SingleModel):
    """One to many: the encoding of the window is the input of a second layer at each horizon."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        last = encoded(inputs, parameters, last_only=True)
        repeated = keras.layers.RepeatVector(dimensions.horizons)(last)
        unfolded = recurrent(parameters, return_sequences=True)(repeated)
        outputs = keras.layers.Reshape((dimensions.horizons,))(head(1)(unfolded))
        self.model = keras.Model(inputs, outputs)

    def outputs_and_targets(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        return self.model(values, training=False)


class Recursive(_SingleModel):
    """Recursive: forecast one step ahead and feed it back for later horizons; univariate windows only."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._horizons = dimensions.horizons
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        self.model = keras.Model(inputs, head(1)(encoded(inputs, parameters, last_only=True)))

    def outputs_and_targets(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), targets[:, :1]

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        predictions = []
        for _ in range(self._horizons):
            predictions.append(self.model(values, training=False))
            values = tf.concat([values[:, 1:], predictions[-1][:, :, None]], axis=1)
        return tf.concat(predictions, axis=1)


class Seq2Seq(_Stateless):
    """Encoder-decoder: the encoder's final states start the decoder, which forecasts horizon by horizon.

    The decoder's input is the value of the session before: in training the actual one (teacher forcing), in
    forecasting its own output (Sutskever, Vinyals and Le 2014).
    """

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._horizons = dimensions.horizons
        states = 2 if parameters.cell is Cell.LSTM else 1
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        outputs = inputs
        for _ in range(parameters.layers - 1):
            outputs = recurrent(parameters, return_sequences=True)(outputs)
        _, *context = recurrent(parameters, return_sequences=False, return_state=True)(outputs)
        self._encoder = keras.Model(inputs, context)
        previous = keras.Input((None, 1))
        start = [keras.Input((parameters.units,)) for _ in range(states)]
        decoder = recurrent(parameters, return_sequences=True, return_state=True)
        unfolded, *final_states = decoder(previous, initial_state=start)
        predictions = keras.ops.squeeze(head(1)(unfolded), axis=-1)
        self._decoder = keras.Model([previous, *start], [predictions, *final_states])

    @property
    def variables(self) -> list[keras.Variable]:
        return [*self._encoder.trainable_variables, *self._decoder.trainable_variables]

    @property
    def seeds(self) -> list[keras.Variable]:
        every = [*self._encoder.variables, *self._decoder.variables]
        return [one for one in every if one.path.endswith("seed_generator_state")]

    def outputs_and_targets(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        previous = tf.concat([values[:, -1:, 0], targets[:, :-1]], axis=1)[:, :, None]
        context = _listed(self._encoder(values, training=True))
        predictions, *_ = self._decoder([previous, *context], training=True)
        return predictions, targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        states, previous, predictions = _listed(self._encoder(values, training=False)), values[:, -1:, :1], []
        for _ in range(self._horizons):
            step, *states = self._decoder([previous, *states], training=False)
            predictions.append(step)
            previous = step[:, :, None]
        return tf.concat(predictions, axis=1)


ARCHITECTURES: Mapping[Shape, Callable[[NetworkParameters, Dimensions], Architecture]] = {
    Shape.DIRECT: Direct,
    Shape.SEQUENCE: Sequence,
    Shape.REPEAT: Repeat,
    Shape.RECURSIVE: Recursive,
    Shape.SEQ2SEQ: Seq2Seq,
}


def architecture_of(parameters: NetworkParameters, dimensions: Dimensions) -> Architecture:
    """Build the network that the parameters describe."""
    kind = Stateful if parameters.stateful else ARCHITECTURES[parameters.shape]
    return kind(parameters, dimensions)


def _listed(states: tf.Tensor | list[tf.Tensor]) -> list[tf.Tensor]:
    """Wrap a single state (GRU) in a list, as the two states of an LSTM are."""
    return list(states) if isinstance(states, list | tuple) else [states]
