"""The fused layer is Keras's in everything but speed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.properties import examples

pytestmark = pytest.mark.tensorflow

FUSED = [
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True},
    {"use_bias": False},
    {"go_backwards": True},
    {"go_backwards": True, "return_sequences": True},
    {"dropout": 0.4, "seed": 3},
]
FALLING_BACK = [
    {"activation": "relu"},
    {"recurrent_activation": "hard_sigmoid"},
    {"recurrent_dropout": 0.3, "seed": 3},
    {"unroll": True},
    {"dtype": "float64"},
]


ROUNDING = 5e-6
"""Of the largest value: what the order of float32 sums makes."""


def twins(keywords: dict[str, Any], features: int, units: int = 5, seed: int = 0) -> tuple[Any, Any]:
    """Keras's layer and ours with the same weights."""
    import keras

    from pipeline.networks.fused import FusedLSTM

    keras.utils.set_random_seed(seed)
    plain, fused = keras.layers.LSTM(units, **keywords), FusedLSTM(units, **keywords)
    for layer in (plain, fused):
        layer.build((None, None, features))
    fused.set_weights(plain.get_weights())
    return plain, fused


def outputs_and_gradients(layer: Any, sequences: np.ndarray, *, training: bool, **rest: Any) -> list[Any]:
    import tensorflow as tf

    inputs = tf.constant(sequences)
    with tf.GradientTape() as tape:
        tape.watch([inputs, *rest.get("initial_state", [])])
        outputs = layer(inputs, training=training, **rest)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        total = sum(tf.reduce_sum(tf.sin((1 + place) * one)) for place, one in enumerate(outputs))
    asked = [inputs, *layer.trainable_variables, *rest.get("initial_state", [])]
    return [np.asarray(one) for one in (*outputs, *tape.gradient(total, asked))]


def assert_same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        scale = max(1.0, float(np.abs(other).max()))
        np.testing.assert_allclose(one / scale, other / scale, atol=ROUNDING)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("keywords", FUSED + FALLING_BACK, ids=str)
def test_outputs_and_gradients_are_keras_own(keywords: dict[str, Any], training: bool) -> None:
    plain, fused = twins(keywords, 3)
    sequences = np.random.default_rng(0).normal(size=(7, 9, 3)).astype(keywords.get("dtype", "float32"))
    assert fused.is_fusable == (keywords in FUSED)
    assert_same(
        outputs_and_gradients(fused, sequences, training=training),
        outputs_and_gradients(plain, sequences, training=training),
    )


@given(
    batch=st.integers(1, 6),
    steps=st.integers(1, 15),
    features=st.integers(1, 6),
    units=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
@example(batch=1, steps=3, features=3, units=6, seed=3)
@examples(30)
def test_any_shape_and_any_states_give_keras_outputs_and_gradients(
    batch: int, steps: int, features: int, units: int, seed: int
) -> None:
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    plain, fused = twins({"return_sequences": True, "return_state": True}, features, units, seed)
    sequences = rng.normal(size=(batch, steps, features)).astype(np.float32)
    states = [tf.constant(rng.normal(size=(batch, units)).astype(np.float32)) for _ in range(2)]
    assert_same(
        outputs_and_gradients(fused, sequences, training=False, initial_state=states),
        outputs_and_gradients(plain, sequences, training=False, initial_state=states),
    )


def test_a_mask_falls_back_to_keras() -> None:
    import tensorflow as tf

    plain, fused = twins({}, 3)
    sequences = tf.random.stateless_normal((4, 6, 3), (1, 2))
    mask = tf.constant([[True] * 6, [True] * 3 + [False] * 3] * 2)
    np.testing.assert_allclose(fused(sequences, mask=mask), plain(sequences, mask=mask), atol=1e-6)


def test_states_carried_from_batch_to_batch_are_keras_own() -> None:
    import keras

    from pipeline.networks.fused import FusedLSTM

    layers = []
    for kind in (keras.layers.LSTM, FusedLSTM):
        inputs = keras.Input(batch_shape=(2, 4, 3))
        layers.append(keras.Model(inputs, kind(5, stateful=True)(inputs)))
    layers[1].set_weights(layers[0].get_weights())
    rng = np.random.default_rng(1)
    for _ in range(3):
        batch = rng.normal(size=(2, 4, 3)).astype(np.float32)
        plain, fused = (np.asarray(model(batch)) for model in layers)
        np.testing.assert_allclose(fused, plain, atol=1e-6)


def test_saved_and_loaded_it_says_the_same(tmp_path: Path) -> None:
    import keras

    from pipeline.networks.fused import FusedLSTM

    layers = [keras.layers.Bidirectional(FusedLSTM(4, dropout=0.1)), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((9, 3)), *layers])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    sequences = np.random.default_rng(2).normal(size=(5, 9, 3)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(loaded(sequences)), np.asarray(model(sequences)))
    assert isinstance(loaded.layers[0].forward_layer, FusedLSTM)


def test_its_weights_fit_into_keras_layer() -> None:
    plain, fused = twins({}, 3)
    assert [one.path.rpartition("/")[2] for one in fused.weights[:3]] == [
        one.path.rpartition("/")[2] for one in plain.weights[:3]
    ]
    plain.set_weights(fused.get_weights())


def test_no_other_kernel_is_trained_through() -> None:
    """BlockLSTMV2 computes well and differentiates wrongly."""
    import tensorflow as tf

    _, fused = twins({}, 3)
    graph = tf.function(fused).get_concrete_function(tf.TensorSpec((None, 9, 3))).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert "BlockLSTM" in kinds
    assert "BlockLSTMV2" not in kinds
