"""The LSTM's equations, written out twice, against Keras's layer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties import examples

pytestmark = pytest.mark.tensorflow

SIZES = {
    "batch": st.integers(1, 5),
    "steps": st.integers(1, 12),
    "features": st.integers(1, 6),
    "units": st.integers(1, 8),
    "seed": st.integers(0, 1000),
}
ROUNDING = 5e-6
"""Of the largest value: what the order of float32 sums makes."""


def outputs_and_gradients(run, sequences: np.ndarray, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Outputs (b, t, u), and the gradients of a sum of them by the sequences and by every weight."""
    import tensorflow as tf

    inputs, variables = tf.constant(sequences), [tf.constant(weight) for weight in weights]
    with tf.GradientTape() as tape:
        tape.watch([inputs, *variables])
        outputs = run(inputs, variables)
        total = tf.reduce_sum(tf.sin(outputs))
    return [np.asarray(outputs), *map(np.asarray, tape.gradient(total, [inputs, *variables]))]


@given(**SIZES)
@examples(25)
@pytest.mark.parametrize("way", ["by_loop", "by_scan"])
def test_both_ways_equal_keras_in_outputs_and_gradients(
    way: str, batch: int, steps: int, features: int, units: int, seed: int
) -> None:
    import keras
    import tensorflow as tf

    from pipeline.networks import equations

    rng = np.random.default_rng(seed)
    sequences = rng.normal(size=(batch, steps, features)).astype(np.float32)
    layer = keras.layers.LSTM(units, return_sequences=True)
    layer.build(sequences.shape)
    weights = [rng.normal(0.0, 0.5, variable.shape).astype(np.float32) for variable in layer.variables[:3]]
    layer.set_weights(weights)
    inputs = tf.constant(sequences)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
        total = tf.reduce_sum(tf.sin(outputs))
    expected = [outputs, *tape.gradient(total, [inputs, *layer.trainable_variables])]

    def ours(given_inputs, variables):
        return getattr(equations, way)(equations.CellWeights(*variables), given_inputs)

    for found, wanted in zip(outputs_and_gradients(ours, sequences, weights), expected, strict=True):
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(found / scale, np.asarray(wanted) / scale, atol=ROUNDING)


def test_a_step_by_hand() -> None:
    """One unit, one feature, all weights 1 and no bias."""
    import tensorflow as tf

    from pipeline.networks.equations import CellWeights, step

    ones = CellWeights(tf.ones((1, 4)), tf.ones((1, 4)), tf.zeros((4,)))
    h, c = step(ones, tf.constant([[0.5]]), tf.constant([[0.25]]), tf.constant([[2.0]]))
    gate, candidate = 1 / (1 + np.exp(-0.75)), np.tanh(0.75)
    carry = gate * 2.0 + gate * candidate
    assert float(c[0, 0]) == pytest.approx(carry, rel=1e-6)
    assert float(h[0, 0]) == pytest.approx(gate * np.tanh(carry), rel=1e-6)
