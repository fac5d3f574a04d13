"""Recurrent networks by their shape: what they are trained to say, and how they forecast.

Shapes: b windows, t time steps, f features, H horizons. Every head starts at zero, so that an untrained
network forecasts the training mean of its scaled target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import keras
import tensorflow as tf

from pipeline.networks.fused import FusedLSTM
from pipeline.networks.parameters import Dimensions, NetworkParameters
from pipeline.types import Cell, Shape


class Architecture(Protocol):
    """One network of fixed dimensions."""

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that is trained."""
        ...

    @property
    def seeds(self) -> list[keras.Variable]:
        """The states of the generators of dropout."""
        ...

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """In training: what the network says of (b, t, f) windows, and what it should, of equal shapes."""
        ...

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        """(b, H): without dropout; a row depends on its own window alone."""
        ...


class _Model:
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
        last = _encoded(inputs, parameters, last_only=True)
        self.model = keras.Model(inputs, _head(dimensions.horizons)(last))

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), targets

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        return self.model(values, training=False)


class Sequence(_Model):
    """Many to many: all horizons after every step of the window; the last step's are the forecast."""

    def __init__(self, parameters: NetworkParameters, dimensions: Dimensions) -> None:
        self._horizons = dimensions.horizons
        inputs = keras.Input((dimensions.time_steps, dimensions.features))
        outputs = _encoded(inputs, parameters, last_only=False)
        self.model = keras.Model(inputs, _head(dimensions.horizons)(outputs))

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
        last = _encoded(inputs, parameters, last_only=True)
        repeated = keras.layers.RepeatVector(dimensions.horizons)(last)
        unfolded = _recurrent(parameters, return_sequences=True)(repeated)
        outputs = keras.layers.Reshape((dimensions.horizons,))(_head(1)(unfolded))
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
        self.model = keras.Model(inputs, _head(1)(_encoded(inputs, parameters, last_only=True)))

    def taught(self, values: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.model(values, training=True), targets[:, :1]

    def forecast(self, values: tf.Tensor) -> tf.Tensor:
        said = []
        for _ in range(self._horizons):
            said.append(self.model(values, training=False))
            values = tf.concat([values[:, 1:], said[-1][:, :, None]], axis=1)
        return tf.concat(said, axis=1)


class Seq2Seq:
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
            outputs = _recurrent(parameters, return_sequences=True)(outputs)
        _, *context = _recurrent(parameters, return_sequences=False, return_state=True)(outputs)
        self._encoder = keras.Model(inputs, context)
        before = keras.Input((None, 1))
        start = [keras.Input((parameters.units,)) for _ in range(states)]
        decoder = _recurrent(parameters, return_sequences=True, return_state=True)
        unfolded, *after = decoder(before, initial_state=start)
        said = keras.ops.squeeze(_head(1)(unfolded), axis=-1)
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


def _encoded(
    inputs: keras.KerasTensor, parameters: NetworkParameters, *, last_only: bool
) -> keras.KerasTensor:
    """The stack's last output (b, u), or all of them (b, t, u); of each branch, side by side."""
    outputs = []
    for branch in _branches(inputs, parameters):
        output = branch
        for layer in range(parameters.layers):
            is_last = layer == parameters.layers - 1
            output = _recurrent(parameters, return_sequences=not (is_last and last_only))(output)
        outputs.append(output)
    return keras.layers.concatenate(outputs) if len(outputs) > 1 else outputs[0]


def _branches(inputs: keras.KerasTensor, parameters: NetworkParameters) -> list[keras.KerasTensor]:
    """The features as one, or the asset's own and its leads' apart."""
    own = inputs.shape[-1] - parameters.branch_features
    if parameters.branch_features == 0 or own < 1:
        return [inputs]
    return [inputs[:, :, :own], inputs[:, :, own:]]


def _recurrent(parameters: NetworkParameters, **keywords: bool) -> keras.Layer:
    kind = FusedLSTM if parameters.cell is Cell.LSTM else keras.layers.GRU
    layer = kind(
        parameters.units,
        activation=parameters.activation,
        recurrent_activation=parameters.recurrent_activation,
        use_bias=parameters.use_bias,
        dropout=parameters.dropout,
        recurrent_dropout=parameters.recurrent_dropout,
        **keywords,
    )
    return keras.layers.Bidirectional(layer) if parameters.bidirectional else layer


def _head(outputs: int) -> keras.Layer:
    return keras.layers.Dense(outputs, kernel_initializer="zeros", name="head")


def _listed(states: tf.Tensor | list[tf.Tensor]) -> list[tf.Tensor]:
    return list(states) if isinstance(states, list | tuple) else [states]
