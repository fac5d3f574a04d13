"""Recurrent networks by their shape: what they are trained to say, and how they forecast.

Shapes: b windows, t time steps, f features, H horizons. Every head starts at zero, so that an untrained
network forecasts the training mean of its scaled target.
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
    """One network of fixed dimensions."""

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that is trained."""
        ...

    @property
    def memory(self) -> list[keras.Variable]:
        """What training leaves behind besides: kept with the weights, trained by no optimizer."""
        ...

    @property
    def seeds(self) -> list[keras.Variable]:
        """The states of the generators of dropout."""
        ...

    def order(self, generator: np.random.Generator, count: int) -> IntArray:
        """Which of `count` windows an epoch is taught, one batch after the other."""
        ...

    def rewind(self) -> None:
        """Before the first batch of an epoch."""
        ...

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """In training: what the network says of (b, t, f) windows, and what it should, of equal shapes."""
        ...

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        """(b, H): without dropout; a row depends on its own window alone."""
        ...


class _Forgetful:
    """A network that takes every window by itself: it is taught all of them, in any order."""

    @property
    def memory(self) -> list[keras.Variable]:
        return []

    def order(self, generator: np.random.Generator, count: int) -> IntArray:
        return generator.permutation(count)

    def rewind(self) -> None:
        return None


class _Model(_Forgetful):
    """What the architectures that are one Keras model have in common."""

    model: keras.Model

    @property
    def variables(self) -> list[keras.Variable]:
        return list(self.model.trainable_variables)

    @property
    def seeds(self) -> list[keras.Variable]:
        return [one for one in self.model.variables if one.path.endswith("seed_generator_state")]


class Direct(_Model):
    """Many to one: all horizons at once, from the last output."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        last = encoded(inputs, parameters, last_only=True)
        self.model = keras.Model(inputs, head(dimensions.horizons)(last))

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        return self.model(values, training=False)


class Sequence(_Model):
    """Many to many: all horizons after every step of the window; the last step's are the forecast."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._horizons = dimensions.horizons
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        outputs = encoded(inputs, parameters, last_only=False)
        self.model = keras.Model(inputs, head(dimensions.horizons)(outputs))

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), self._at_every_step(values, targets)

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        return self.model(values, training=False)[:, -1]

    def _at_every_step(self, values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """(b, t, H): what came 1..H sessions after each step, the window itself included."""
        after = tf.concat([values[:, 1:, 0], targets], axis=1)
        steps = values.shape[1]
        return tf.stack([after[:, ahead : ahead + steps] for ahead in range(self._horizons)], axis=2)


class Repeat(_Model):
    """One to many: what the window says is given to a second layer once for each horizon."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        last = encoded(inputs, parameters, last_only=True)
        repeated = keras.layers.RepeatVector(dimensions.horizons)(last)
        unfolded = recurrent(parameters, return_sequences=True)(repeated)
        outputs = keras.layers.Reshape((dimensions.horizons,))(head(1)(unfolded))
        self.model = keras.Model(inputs, outputs)

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        return self.model(values, training=False)


class Recursive(_Model):
    """One step ahead, fed back for the horizons beyond; for windows of the target alone."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._horizons = dimensions.horizons
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        self.model = keras.Model(inputs, head(1)(encoded(inputs, parameters, last_only=True)))

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), targets[:, :1]

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        said = []
        for _ in range(self._horizons):
            said.append(self.model(values, training=False))
            values = tf.concat([values[:, 1:], said[-1][:, :, None]], axis=1)
        return tf.concat(said, axis=1)


class Seq2Seq(_Forgetful):
    """Encoder, context, decoder: the encoder's states start the decoder, which unfolds the horizons.

    In training the decoder is told what came one session before (teacher forcing); in forecasting, what it
    said itself (Sutskever, Vinyals and Le 2014).
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
        before = keras.Input((None, 1))
        start = [keras.Input((parameters.units,)) for _ in range(states)]
        decoder = recurrent(parameters, return_sequences=True, return_state=True)
        unfolded, *after = decoder(before, initial_state=start)
        said = keras.ops.squeeze(head(1)(unfolded), axis=-1)
        self._decoder = keras.Model([before, *start], [said, *after])

    @property
    def variables(self) -> list[keras.Variable]:
        return [*self._encoder.trainable_variables, *self._decoder.trainable_variables]

    @property
    def seeds(self) -> list[keras.Variable]:
        every = [*self._encoder.variables, *self._decoder.variables]
        return [one for one in every if one.path.endswith("seed_generator_state")]

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        before = tf.concat([values[:, -1:, 0], targets[:, :-1]], axis=1)[:, :, None]
        context = _listed(self._encoder(values, training=True))
        said, *_ = self._decoder([before, *context], training=True)
        return said, targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        states, before, said = _listed(self._encoder(values, training=False)), values[:, -1:, :1], []
        for _ in range(self._horizons):
            step, *states = self._decoder([before, *states], training=False)
            said.append(step)
            before = step[:, :, None]
        return tf.concat(said, axis=1)


ARCHITECTURES: Mapping[Shape, Callable[[NetworkParameters, Dimensions], Architecture]] = {
    Shape.DIRECT: Direct,
    Shape.SEQUENCE: Sequence,
    Shape.REPEAT: Repeat,
    Shape.RECURSIVE: Recursive,
    Shape.SEQ2SEQ: Seq2Seq,
}


def architecture_of(parameters: NetworkParameters, dimensions: Dimensions) -> Architecture:
    """The network that the parameters describe."""
    kind = Stateful if parameters.stateful else ARCHITECTURES[parameters.shape]
    return kind(parameters, dimensions)


def _listed(states: tf.Tensor | list[tf.Tensor]) -> list[tf.Tensor]:
    return list(states) if isinstance(states, list | tuple) else [states]
