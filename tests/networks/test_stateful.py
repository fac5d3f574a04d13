"""States go on from batch to batch, from the training into the forecasts, and nowhere else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.networks.parameters import Dimensions, Limits, NetworkParameters
from pipeline.types import Cell, Windows
from tests.made import made_windows

pytestmark = pytest.mark.tensorflow

SGD = NetworkParameters(
    units=4,
    layers=1,
    dropout=0.0,
    learning_rate=0.1,
    optimizer="sgd",
    loss="mse",
    batch_size=16,
    stateful=True,
)
SIZE = Dimensions(5, 2, 3)
COUNT, STREAMS, LENGTH = 70, 16, 4
"""70 windows fill 16 streams of 4; the oldest 6 are left out."""
NOTHING = made_windows(0, 5, 2, 3)
CELLS = [{"cell": cell, "layers": layers} for cell in Cell for layers in (1, 2)]


def trainer(**parameters: Any) -> Any:
    from pipeline.networks.training import shared_trainer

    return shared_trainer(replace(SGD, **parameters), SIZE)


def random_start(one: Any, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Weights and a memory that are zero nowhere."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(0.0, 0.4, weight.shape).astype(np.float32) for weight in one.start(seed))


def streams_of(windows: Windows) -> list[tuple[np.ndarray, np.ndarray]]:
    """The batches of an epoch, stream by stream."""
    offset = len(windows) - STREAMS * LENGTH
    batches = []
    for place in range(LENGTH):
        rows = [offset + place + stream * LENGTH for stream in range(STREAMS)]
        batches.append((windows.values[rows].astype("float32"), windows.targets[rows].astype("float32")))
    return batches


def keras_twin(rows: int, weights: tuple[np.ndarray, ...], *, cell: Cell, layers: int) -> Any:
    """Keras's own `stateful=True`, for batches of so many rows, its states zero."""
    import keras

    kind = keras.layers.LSTM if cell is Cell.LSTM else keras.layers.GRU
    stack = [kind(4, stateful=True, return_sequences=layer < layers - 1) for layer in range(layers)]
    model = keras.Sequential([keras.Input(batch_shape=(rows, 5, 2)), *stack, keras.layers.Dense(3)])
    for variable, weight in zip(model.trainable_variables, weights, strict=False):
        variable.assign(weight)
    return model


def forget(model: Any) -> None:
    for layer in model.layers[:-1]:
        layer.reset_state()


def states_of(model: Any) -> list[np.ndarray]:
    return [np.asarray(state) for layer in model.layers[:-1] for state in layer.states]


@pytest.mark.parametrize("choice", CELLS, ids=str)
def test_it_trains_as_keras_does_with_states_that_begin_every_epoch_at_zero(choice: dict[str, Any]) -> None:
    import keras
    import tensorflow as tf

    one, training = trainer(**choice), made_windows(COUNT, 5, 2, 3)
    start = random_start(one)
    weights, losses, best = one.fit(start, training, NOTHING, 3, Limits(3, 9, -1.0))
    assert best == 3
    model, optimizer = keras_twin(STREAMS, start, **choice), keras.optimizers.SGD(0.1)
    for epoch in (1, 2, 3):
        forget(model)
        total = 0.0
        for values, targets in streams_of(training):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(values, training=True) - targets) ** 2)
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            total += float(loss) / LENGTH
        assert losses[epoch].training == pytest.approx(total, rel=1e-5)
    expected = [*map(np.asarray, model.trainable_variables), *(state[-1] for state in states_of(model))]
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_an_epoch_without_steps_is_the_equations_over_each_stream_in_one_piece() -> None:
    import tensorflow as tf

    from pipeline.networks.equations import CellWeights, by_loop

    one, training = trainer(learning_rate=1e-12), made_windows(COUNT, 5, 2, 3)
    start = random_start(one)
    kernel, recurrent, bias, head, offset, *_ = start
    weights, losses, _ = one.fit(start, training, NOTHING, 3, Limits(1, 9, -1.0))
    batches = streams_of(training)
    whole = np.concatenate([values for values, _ in batches], axis=1)
    outputs = np.asarray(by_loop(CellWeights(kernel, recurrent, bias), tf.constant(whole)))
    ends = outputs[:, 4::5] @ head + offset
    wanted = np.stack([targets for _, targets in batches], axis=1)
    assert losses[1].training == pytest.approx(np.mean((ends - wanted) ** 2), rel=1e-5)
    np.testing.assert_allclose(weights[5], outputs[-1, -1], atol=1e-5)


@pytest.mark.parametrize("choice", CELLS, ids=str)
def test_every_row_of_a_forecast_goes_on_from_where_training_ended(choice: dict[str, Any]) -> None:
    one, training = trainer(**choice), made_windows(COUNT, 5, 2, 3)
    weights, *_ = one.fit(random_start(one), training, NOTHING, 3, Limits(1, 9, -1.0))
    values = made_windows(100, 5, 2, 3, seed=2).values
    found = one.predict(weights, values)
    model = keras_twin(1, weights, **choice)
    memory = weights[len(model.trainable_variables) :]
    for row in (0, 1, 99):
        states = [state for layer in model.layers[:-1] for state in layer.states]
        for state, kept in zip(states, memory, strict=True):
            state.assign(kept[None])
        np.testing.assert_allclose(found[row], model(values[row : row + 1])[0], atol=1e-5)
    unremembered = one.predict((*weights[: -len(memory)], *map(np.zeros_like, memory)), values)
    assert (np.abs(found - unremembered).max(axis=1) > 1e-4).all()


def test_a_forecast_changes_by_no_bit_with_its_neighbours_or_with_a_forecast_before_it() -> None:
    one = trainer()
    weights, *_ = one.fit(random_start(one), made_windows(COUNT, 5, 2, 3), NOTHING, 3, Limits(2, 9, 0.0))
    values = made_windows(200, 5, 2, 3, seed=2).values
    together = one.predict(weights, values)
    np.testing.assert_array_equal(one.predict(weights, values[::-1])[::-1], together)
    for row in (0, 95, 96, 199):
        np.testing.assert_array_equal(one.predict(weights, values[row : row + 1])[0], together[row])


def test_the_memory_of_the_best_epoch_is_kept_with_its_weights() -> None:
    one = trainer(learning_rate=0.5)
    training, validation = made_windows(COUNT, 5, 2, 3), made_windows(20, 5, 2, 3, seed=1)
    start = random_start(one)
    weights, losses, best = one.fit(start, training, validation, 3, Limits(20, 20, 0.0))
    assert 0 < best < 20
    error = np.mean((one.predict(weights, validation.values) - validation.targets) ** 2)
    assert error == pytest.approx(losses[best].validation, rel=1e-5)
    shorter, *_ = one.fit(start, training, NOTHING, 3, Limits(best, 20, -1.0))
    for kept, then in zip(weights, shorter, strict=True):
        np.testing.assert_array_equal(kept, then)


def test_epoch_zero_forecasts_from_the_memory_it_is_given_and_training_ignores_it() -> None:
    one, training = trainer(), made_windows(COUNT, 5, 2, 3)
    start = random_start(one)
    empty = (*start[:-2], *map(np.zeros_like, start[-2:]))
    with_memory, losses, _ = one.fit(start, training, NOTHING, 3, Limits(1, 9, -1.0))
    without, others, _ = one.fit(empty, training, NOTHING, 3, Limits(1, 9, -1.0))
    expected = np.mean((one.predict(start, training.values) - training.targets) ** 2)
    assert losses[0].training == pytest.approx(expected, rel=1e-5)
    assert losses[0].training != others[0].training
    assert losses[1].training == others[1].training
    for kept, other in zip(with_memory, without, strict=True):
        np.testing.assert_array_equal(kept, other)


def test_a_cold_start_remembers_nothing() -> None:
    *_, output, carry = trainer().start(3)
    np.testing.assert_array_equal([output, carry], np.zeros((2, 4)))


def test_an_epoch_takes_the_newest_windows_in_their_order_in_time() -> None:
    from pipeline.networks.architectures import architecture_of

    network = architecture_of(replace(SGD, batch_size=3), SIZE)
    generator = np.random.default_rng(0)
    np.testing.assert_array_equal(network.epoch_order(generator, 10), [1, 4, 7, 2, 5, 8, 3, 6, 9])
    np.testing.assert_array_equal(network.epoch_order(generator, 2), [0, 1])


def test_fewer_windows_than_a_batch_are_a_batch_from_zero() -> None:
    one, few = trainer(), made_windows(9, 5, 2, 3)
    weights, losses, _ = one.fit(random_start(one), few, NOTHING, 3, Limits(2, 9, -1.0))
    assert [np.isfinite(loss.training) for loss in losses] == [True] * 3
    model = keras_twin(9, weights, cell=Cell.LSTM, layers=1)
    assert weights[-1].shape == (4,)
    again, *_ = one.fit(weights, few, NOTHING, 3, Limits(1, 9, -1.0))
    model(few.values.astype("float32"))
    np.testing.assert_allclose(again[-1], states_of(model)[-1][-1], atol=1e-5)
