"""The compiled fit: what it promises of losses, epochs, seeds and the fits before it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.networks.parameters import Dimensions, Limits, NetworkParameters
from pipeline.types import EpochLoss, Schedule, Shape, Windows
from tests.made import made_windows

pytestmark = pytest.mark.tensorflow

SMALL = NetworkParameters(
    units=4, layers=1, dropout=0.0, learning_rate=0.01, optimizer="adam", loss="mse", batch_size=16
)
SIZE = Dimensions(5, 2, 3)


def trainer(**parameters: Any) -> Any:
    from pipeline.networks.training import shared_trainer

    return shared_trainer(replace(SMALL, **parameters), SIZE)


def fit(seed: int = 3, epochs: int = 4, patience: int = 9, **parameters: Any) -> tuple[Any, Any, int]:
    one = trainer(**parameters)
    training, validation = made_windows(60, 5, 2, 3), made_windows(20, 5, 2, 3, seed=1)
    found: tuple[Any, tuple[EpochLoss, ...], int] = one.fit(
        one.start(seed), training, validation, seed, Limits(epochs, patience, 0.0)
    )
    return found


def by_hand(seed: int, epochs: int) -> list[np.ndarray]:
    """The same fit as Keras does it, batch by batch."""
    import keras
    import tensorflow as tf

    model = keras.Sequential(
        [keras.Input((SIZE.time_steps, SIZE.features)), keras.layers.LSTM(4), keras.layers.Dense(3)]
    )
    model.set_weights(list(trainer().start(seed)))
    optimizer, windows = keras.optimizers.Adam(0.01), made_windows(60, 5, 2, 3)
    order = np.random.default_rng(seed)
    for _ in range(epochs):
        places = order.permutation(60)
        for first in range(0, 60, 16):
            batch = places[first : first + 16]
            with tf.GradientTape() as tape:
                said = model(windows.values[batch].astype(np.float32), training=True)
                loss = tf.reduce_mean((said - windows.targets[batch].astype(np.float32)) ** 2)
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return [np.asarray(weight) for weight in model.get_weights()]


def test_it_trains_as_keras_does_batch_by_batch() -> None:
    one, nothing = trainer(), made_windows(0, 5, 2, 3)
    training = made_windows(60, 5, 2, 3)
    weights, losses, best = one.fit(one.start(3), training, nothing, 3, Limits(3, 9, 0.0))
    assert best == 3
    assert np.isnan([loss.validation for loss in losses]).all()
    for found, expected in zip(weights, by_hand(3, 3), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"dropout": 0.3},
        {"shape": Shape.SEQ2SEQ, "dropout": 0.3},
        {"stateful": True, "dropout": 0.3, "layers": 2},
    ],
    ids=str,
)
def test_a_fit_depends_on_its_seed_and_on_no_fit_before_it(parameters: dict[str, Any]) -> None:
    alone, *_ = fit(3, **parameters)
    fit(99, epochs=2, **parameters)
    again, *_ = fit(3, **parameters)
    other, *_ = fit(4, **parameters)
    assert all((one == two).all() for one, two in zip(alone, again, strict=True))
    assert any((one != two).any() for one, two in zip(alone, other, strict=True))


@pytest.mark.parametrize("name", ["adagrad", "ftrl", "rmsprop", "lion", "adafactor"])
def test_every_optimizer_starts_afresh(name: str) -> None:
    (first, *_), (again, *_) = (fit(3, optimizer=name) for _ in range(2))
    assert all((one == two).all() for one, two in zip(first, again, strict=True))


def test_the_weights_are_those_of_the_least_validation_loss() -> None:
    weights, losses, best = fit(epochs=30, learning_rate=0.1)
    validations = [loss.validation for loss in losses]
    assert best == int(np.argmin(validations)) < len(validations) - 1
    validation = made_windows(20, 5, 2, 3, seed=1)
    error = np.mean(
        (trainer(learning_rate=0.1).predict(weights, validation.values) - validation.targets) ** 2
    )
    assert error == pytest.approx(min(validations), rel=1e-5)


def test_an_improvement_that_is_too_small_does_not_count() -> None:
    one, training = trainer(learning_rate=0.02), made_windows(60, 5, 2, 3)
    validation = made_windows(20, 5, 2, 3, seed=1)
    _, losses, best = one.fit(one.start(3), training, validation, 3, Limits(30, 30, 0.02))
    least = 0
    for place, loss in enumerate(losses):
        if loss.validation < 0.98 * losses[least].validation:
            least = place
    assert best == least != int(np.argmin([loss.validation for loss in losses]))


def test_it_stops_when_patience_is_out() -> None:
    _, losses, best = fit(epochs=60, patience=2, learning_rate=0.3)
    assert [loss.epoch for loss in losses] == list(range(best + 3))


def test_starting_weights_count_as_epoch_zero() -> None:
    one = trainer(learning_rate=0.3)
    training, validation = made_windows(60, 5, 2, 3), made_windows(20, 5, 2, 3, seed=1)
    good, losses, best = one.fit(one.start(3), training, validation, 3, Limits(20, 20, 0.0))
    again, later, _ = one.fit(good, training, validation, 3, Limits(1, 1, 0.0))
    assert later[0].validation == losses[best].validation
    assert later[0].validation >= min(loss.validation for loss in later)
    if later[1].validation > later[0].validation:
        assert all((x == y).all() for x, y in zip(good, again, strict=True))


@pytest.mark.parametrize("schedule", [Schedule.COSINE, Schedule.EXPONENTIAL])
def test_a_falling_learning_rate_moves_less_in_the_end(schedule: Schedule) -> None:
    nothing, training = made_windows(0, 5, 2, 3), made_windows(60, 5, 2, 3)

    def last_step(**parameters: Any) -> float:
        one = trainer(optimizer="sgd", learning_rate=0.5, **parameters)
        before, *_ = one.fit(one.start(3), training, nothing, 3, Limits(9, 99, 0.0))
        after, *_ = one.fit(one.start(3), training, nothing, 3, Limits(10, 99, 0.0))
        return float(sum(np.abs(a - b).sum() for a, b in zip(after, before, strict=True)))

    assert np.isfinite(last_step(schedule=schedule))
    assert last_step(schedule=schedule) != last_step()


def test_clipping_bounds_a_step() -> None:
    nothing, training = made_windows(0, 5, 2, 3), made_windows(16, 5, 2, 3)
    loud = Windows(training.rows, training.values, 1e4 * training.targets)
    one = trainer(optimizer="sgd", learning_rate=1.0, clip_norm=0.5)
    start = one.start(3)
    after, *_ = one.fit(start, loud, nothing, 3, Limits(1, 9, 0.0))
    moved = np.sqrt(sum(float(((a - b) ** 2).sum()) for a, b in zip(after, start, strict=True)))
    assert moved <= 0.5 + 1e-5


@pytest.mark.parametrize("stateful", [False, True])
def test_one_trainer_serves_every_fit_of_an_architecture(stateful: bool) -> None:
    one = trainer(stateful=stateful)
    assert one is trainer(stateful=stateful)
    assert one is not trainer(units=5)
    fit(1, epochs=2, stateful=stateful)
    count = one._fit.experimental_get_tracing_count()
    fit(2, epochs=5, patience=3, stateful=stateful)
    assert one._fit.experimental_get_tracing_count() == count == 1
