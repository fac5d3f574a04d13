"""The LSTM's equations in two plain implementations: the reference that tests compare faster ones with.

For each step, with the input x, and the output h and cell state c of the previous step:

    i = sigmoid(x Wi + h Ui + bi)      input gate
    f = sigmoid(x Wf + h Uf + bf)      forget gate
    g = tanh(x Wg + h Ug + bg)         candidate
    o = sigmoid(x Wo + h Uo + bo)      output gate
    c = f * c + i * g                  h = o * tanh(c)

(Hochreiter and Schmidhuber 1997, with the forget gate of Gers, Schmidhuber and Cummins 2000.) Dimensions:
b sequences, t steps, f features, u units. Weights are concatenated in Keras's order i, f, g, o: `kernel`
(f, 4u), `recurrent` (u, 4u), `bias` (4u,). States start at zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True, eq=False)
class CellWeights:
    """The weights of one LSTM cell."""

    kernel: tf.Tensor
    recurrent: tf.Tensor
    bias: tf.Tensor


def step(weights: CellWeights, x: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the next output and cell state, (b, u) each, from the input (b, f)."""
    i, f, g, o = tf.split(x @ weights.kernel + h @ weights.recurrent + weights.bias, 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def by_loop(weights: CellWeights, sequences: tf.Tensor) -> tf.Tensor:
    """Compute outputs (b, t, u) of sequences (b, t, f) by a Python loop over the steps."""
    h = c = _zeros(weights, sequences)
    outputs = []
    for x in tf.unstack(sequences, axis=1):
        h, c = step(weights, x, h, c)
        outputs.append(h)
    return tf.stack(outputs, axis=1)


def by_scan(weights: CellWeights, sequences: tf.Tensor) -> tf.Tensor:
    """Compute outputs (b, t, u) of sequences (b, t, f) by TensorFlow's scan over the steps."""
    start = _zeros(weights, sequences)
    steps = tf.transpose(sequences, (1, 0, 2))
    outputs, _ = tf.scan(lambda state, x: step(weights, x, *state), steps, (start, start))
    return tf.transpose(outputs, (1, 0, 2))


def _zeros(weights: CellWeights, sequences: tf.Tensor) -> tf.Tensor:
    """Create the initial state (b, u) of sequences (b, t, f)."""
    return tf.zeros((tf.shape(sequences)[0], weights.recurrent.shape[0]), sequences.dtype)
