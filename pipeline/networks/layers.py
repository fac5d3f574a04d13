"""The layers that the architectures are put together from.

Shapes: b windows, t time steps, f features, u units (of both directions, or of all branches, side by side).
"""

from __future__ import annotations

import keras

from pipeline.networks.fused import FusedLSTM
from pipeline.networks.parameters import NetworkParameters
from pipeline.types import Cell


def encoded(
    inputs: keras.KerasTensor, parameters: NetworkParameters, *, last_only: bool
) -> keras.KerasTensor:
    """The stack's last output (b, u), or all of them (b, t, u); of each branch, side by side."""
    outputs = []
    for branch in _branches(inputs, parameters):
        output = branch
        for layer in range(parameters.layers):
            is_last = layer == parameters.layers - 1
            output = recurrent(parameters, return_sequences=not (is_last and last_only))(output)
        outputs.append(output)
    return keras.layers.concatenate(outputs) if len(outputs) > 1 else outputs[0]


def _branches(inputs: keras.KerasTensor, parameters: NetworkParameters) -> list[keras.KerasTensor]:
    """The features as one, or the asset's own and its leads' apart."""
    own = inputs.shape[-1] - parameters.branch_features
    if parameters.branch_features == 0 or own < 1:
        return [inputs]
    return [inputs[:, :, :own], inputs[:, :, own:]]


def recurrent(parameters: NetworkParameters, **keywords: bool) -> keras.Layer:
    """One layer of the cell asked for; an LSTM in one kernel where it can be."""
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


def head(outputs: int) -> keras.Layer:
    """From (..., u) to (..., outputs), zero until it is trained."""
    return keras.layers.Dense(outputs, kernel_initializer="zeros", name="head")
