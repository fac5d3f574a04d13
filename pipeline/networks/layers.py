"""The layers that the architectures are built from.

Dimensions: b windows, t time steps, f features, u units (concatenated over both directions and all branches).
"""

from __future__ import annotations

import keras

from pipeline.networks.fused import FusedLSTM
from pipeline.networks.parameters import NetworkParameters
from pipeline.types import Cell


def encoded(
    inputs: keras.KerasTensor, parameters: NetworkParameters, *, last_only: bool
) -> keras.KerasTensor:
    """Apply the recurrent layers to the inputs: last output (b, u), or all outputs (b, t, u)."""
    outputs = []
    for branch in _branches(inputs, parameters):
        output = branch
        for layer in range(parameters.layers):
            is_last = layer == parameters.layers - 1
            output = recurrent(parameters, return_sequences=not (is_last and last_only))(output)
        outputs.append(output)
    return keras.layers.concatenate(outputs) if len(outputs) > 1 else outputs[0]


def _branches(inputs: keras.KerasTensor, parameters: NetworkParameters) -> list[keras.KerasTensor]:
    """Split the features into the asset's own and its leads', or keep them together without branches."""
    own = inputs.shape[-1] - parameters.branch_features
    if parameters.branch_features == 0 or own < 1:
        return [inputs]
    return [inputs[:, :, :own], inputs[:, :, own:]]


def recurrent(parameters: NetworkParameters, **keywords: bool) -> keras.Layer:
    """Create one recurrent layer of the configured cell; an LSTM by the fused kernel where possible."""
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
    """Create the output layer from (..., u) to (..., outputs), which is zero before training."""
    return keras.layers.Dense(outputs, kernel_initializer="zeros", name="head")
