"""What each shape of network is taught, and how it forecasts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.networks.parameters import Dimensions, NetworkParameters
from pipeline.types import Cell, Shape

pytestmark = pytest.mark.tensorflow

SMALL = NetworkParameters(
    units=4, layers=1, dropout=0.0, learning_rate=0.01, optimizer="adam", loss="mse", batch_size=16
)
STEPS, HORIZONS = 5, 3


def architecture(features: int = 2, **parameters: Any) -> Any:
    """A network with random weights, its head and its memory included."""
    from pipeline.networks.architectures import architecture_of

    chosen = replace(SMALL, **parameters)
    built = architecture_of(chosen, Dimensions(STEPS, features, HORIZONS))
    rng = np.random.default_rng(0)
    for variable in (*built.variables, *built.carried_states):
        variable.assign(rng.normal(0.0, 0.4, variable.shape))
    return built


def windows(features: int = 2, count: int = 6) -> tuple[Any, Any]:
    import tensorflow as tf

    rng = np.random.default_rng(1)
    values = tf.constant(rng.normal(size=(count, STEPS, features)), tf.float32)
    return values, tf.constant(rng.normal(size=(count, HORIZONS)), tf.float32)


CHOICES = [
    *({"shape": shape, "cell": cell} for shape in Shape for cell in Cell),
    *({"shape": shape, "layers": 2} for shape in Shape),
    *({"shape": shape, "bidirectional": True} for shape in Shape if shape is not Shape.SEQ2SEQ),
    *({"branch_features": 1, "shape": shape} for shape in (Shape.DIRECT, Shape.SEQUENCE, Shape.REPEAT)),
    *({"stateful": True, "cell": cell, "layers": layers} for cell in Cell for layers in (1, 2)),
    {"stateful": True, "dropout": 0.3, "recurrent_dropout": 0.3},
    {
        "activation": "relu",
        "recurrent_activation": "hard_sigmoid",
        "recurrent_dropout": 0.2,
        "use_bias": False,
    },
]


@pytest.mark.parametrize("parameters", CHOICES, ids=str)
def test_every_choice_forecasts_every_horizon_and_trains_all_of_its_weights(
    parameters: dict[str, Any],
) -> None:
    import tensorflow as tf

    features = 1 if parameters.get("shape") is Shape.RECURSIVE else 2
    network, (values, targets) = architecture(features, **parameters), windows(features)
    assert network.forecast(values).shape == (6, HORIZONS)
    with tf.GradientTape() as tape:
        said, wanted = network.outputs_and_targets(values, targets)
        loss = tf.reduce_mean((said - wanted) ** 2)
    assert said.shape == wanted.shape
    for gradient in tape.gradient(loss, network.variables):
        assert np.abs(np.asarray(gradient)).max() > 0.0


@pytest.mark.parametrize("parameters", [*({"shape": shape} for shape in Shape), {"stateful": True}], ids=str)
def test_a_forecast_depends_on_its_own_window_alone(parameters: dict[str, Any]) -> None:
    features = 1 if parameters.get("shape") is Shape.RECURSIVE else 2
    network, (values, _) = architecture(features, **parameters), windows(features)
    np.testing.assert_allclose(
        np.asarray(network.forecast(values))[2:4], np.asarray(network.forecast(values[2:4])), atol=1e-6
    )


def test_a_sequence_is_taught_what_came_after_each_of_its_steps() -> None:
    network, (values, targets) = architecture(shape=Shape.SEQUENCE), windows()
    said, wanted = network.outputs_and_targets(values, targets)
    after = np.concatenate([values[:, :, 0], targets], axis=1)
    for step in range(STEPS):
        np.testing.assert_array_equal(wanted[:, step], after[:, step + 1 : step + 1 + HORIZONS])
    np.testing.assert_allclose(said[:, -1], network.forecast(values), atol=1e-6)


def test_a_recursive_network_is_fed_its_own_forecasts() -> None:
    network, (values, _) = architecture(1, shape=Shape.RECURSIVE), windows(1)
    forecasts = np.asarray(network.forecast(values))
    for horizon in range(HORIZONS):
        np.testing.assert_allclose(network.model(values)[:, 0], forecasts[:, horizon], atol=1e-6)
        values = np.concatenate([values[:, 1:], forecasts[:, horizon, None, None]], axis=1)


@pytest.mark.parametrize("cell", Cell)
def test_a_decoder_told_its_own_forecasts_says_them_again(cell: Cell) -> None:
    """Teacher forcing with what it would say itself is free running."""
    network, (values, _) = architecture(shape=Shape.SEQ2SEQ, cell=cell), windows()
    forecasts = network.forecast(values)
    said, _ = network.outputs_and_targets(values, forecasts)
    np.testing.assert_allclose(said, forecasts, atol=1e-6)


def test_a_decoder_is_told_what_came_one_session_before() -> None:
    network, (values, targets) = architecture(shape=Shape.SEQ2SEQ), windows()
    said, newest = (
        network.outputs_and_targets(values, targets)[0],
        network.outputs_and_targets(values, targets + np.float32([0, 0, 1]))[0],
    )
    np.testing.assert_allclose(newest, said)
    changed = network.outputs_and_targets(values, targets + np.float32([1, 0, 0]))[0]
    np.testing.assert_allclose(said[:, 0], changed[:, 0])
    assert (np.abs(said - changed)[:, 1:] > 1e-6).all()


def test_the_branch_of_the_leads_sees_the_last_features_alone() -> None:
    import keras

    network = architecture(3, branch_features=1)
    kernels = [one.shape[0] for one in network.variables if one.path.endswith("/kernel")]
    assert kernels == [2, 1, 2 * SMALL.units]
    assert isinstance(network.model, keras.Model)
