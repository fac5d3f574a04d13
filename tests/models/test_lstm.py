import dataclasses
from typing import Any

import numpy as np
import pytest

from pipeline.models.base import LstmParameters
from pipeline.models.lstm import FittedLstm, Lstm, member_seeds
from pipeline.networks.parameters import Limits, NetworkParameters
from pipeline.types import FloatArray, Windows
from tests.made import made_windows

pytestmark = pytest.mark.tensorflow

SMALL = LstmParameters(
    network=NetworkParameters(
        units=4,
        layers=1,
        dropout=0.2,
        learning_rate=0.01,
        optimizer="adam",
        loss="mse",
        batch_size=16,
    ),
    limits=Limits(epochs=4, patience=4, min_improvement=0.0),
)


def changed(epochs: int = 4, patience: int = 4, **network: Any) -> LstmParameters:
    return LstmParameters(dataclasses.replace(SMALL.network, **network), Limits(epochs, patience, 0.0))


def fit(parameters: LstmParameters = SMALL, seed: int = 3, samples: int = 60) -> FittedLstm:
    return Lstm(parameters).fit(made_windows(samples, 5, 2, 3), made_windows(20, 5, 2, 3, seed=1), seed)


def plain_keras(parameters: LstmParameters, fitted: FittedLstm, values: FloatArray) -> FloatArray:
    import keras

    lstms = [
        keras.layers.LSTM(parameters.network.units, return_sequences=number < parameters.network.layers - 1)
        for number in range(parameters.network.layers)
    ]
    model = keras.Sequential([keras.Input(values.shape[1:]), *lstms, keras.layers.Dense(3)])
    model.set_weights(list(fitted.members[0]))
    return np.asarray(model(values.astype(np.float32)))


@pytest.mark.parametrize("layers", [1, 2])
def test_it_computes_what_a_plain_keras_model_with_its_weights_computes(layers: int) -> None:
    parameters = changed(layers=layers)
    fitted, values = fit(parameters), made_windows(9, 5, 2, 3, seed=2).values
    np.testing.assert_allclose(fitted.predict(values), plain_keras(parameters, fitted, values), atol=1e-6)


def test_a_fit_does_not_depend_on_the_fits_before_it() -> None:
    values = made_windows(9, 5, 2, 3, seed=2).values
    alone = fit(seed=3).predict(values)
    fit(seed=99, samples=80)
    fit(changed(layers=2), seed=98)
    np.testing.assert_array_equal(fit(seed=3).predict(values), alone)
    assert (fit(seed=4).predict(values) != alone).any()


def test_a_fitted_model_keeps_its_forecasts_while_others_are_trained() -> None:
    first = fit(seed=3)
    values = made_windows(9, 5, 2, 3, seed=2).values
    before = first.predict(values)
    fit(seed=99)
    np.testing.assert_array_equal(first.predict(values), before)


def test_the_weights_of_the_best_epoch_are_kept() -> None:
    validation = made_windows(20, 5, 2, 3, seed=1)
    fitted = fit(changed(epochs=12, patience=12, learning_rate=0.2))
    losses = [epoch.validation for epoch in fitted.epochs]
    assert fitted.best_epoch == int(np.argmin(losses))
    error = np.mean((fitted.predict(validation.values) - validation.targets) ** 2)
    assert error == pytest.approx(min(losses), rel=1e-5)


def test_untrained_it_forecasts_the_mean_of_a_standardised_target() -> None:
    windows = made_windows(40, 5, 2, 3)
    nothing_moves = Windows(windows.rows, windows.values, np.zeros((40, 3)))
    fitted = Lstm(SMALL).fit(windows, nothing_moves, 1)
    assert (fitted.best_epoch, fitted.epochs[0].epoch, fitted.epochs[0].validation) == (0, 0, 0.0)
    assert fitted.epochs[-1].epoch == SMALL.limits.patience
    np.testing.assert_array_equal(fitted.predict(windows.values), np.zeros((40, 3)))


def test_it_stops_early() -> None:
    fitted = fit(changed(epochs=60, patience=2, learning_rate=0.3))
    assert len(fitted.epochs) == fitted.best_epoch + 2 + 1


@pytest.mark.parametrize("name", ["adamax", "nadam", "rmsprop", "sgd"])
def test_keras_optimizers_go_by_their_names(name: str) -> None:
    assert np.isfinite(fit(changed(optimizer=name)).epochs[-1].training)


def test_a_forecast_does_not_depend_on_its_place_among_many() -> None:
    fitted, values = fit(changed(units=32)), made_windows(260, 5, 2, 3, seed=2).values
    together = fitted.predict(values)
    alone = np.concatenate([fitted.predict(values[row : row + 1]) for row in range(len(values))])
    np.testing.assert_array_equal(alone, together)


def test_stateful_networks_are_restored_with_what_each_remembers() -> None:
    parameters = dataclasses.replace(changed(stateful=True, layers=2, learning_rate=0.1), seeds=2)
    fitted, values = fit(parameters), made_windows(9, 5, 2, 3, seed=2).values
    restored = Lstm(parameters).restore(fitted.to_bytes())
    np.testing.assert_array_equal(restored.predict(values), fitted.predict(values))
    assert restored.to_bytes() == fitted.to_bytes()
    assert fitted.best_epoch > 0
    for member in restored.members:
        assert [weight.shape for weight in member[-4:]] == [(4,)] * 4
        assert all(np.abs(weight).max() > 0.0 for weight in member[-4:])


def test_an_ensemble_forecasts_the_mean_of_its_seeds() -> None:
    training, validation = made_windows(60, 5, 2, 3), made_windows(20, 5, 2, 3, seed=1)
    ensemble = Lstm(dataclasses.replace(SMALL, seeds=3)).fit(training, validation, 3)
    seeds = member_seeds(3, 3)
    alone = [Lstm(SMALL).fit(training, validation, seed).predict(validation.values) for seed in seeds]
    np.testing.assert_array_equal(ensemble.predict(validation.values), np.mean(alone, axis=0))
    assert len(set(seeds)) == 3
    assert seeds[0] == 3
    assert ensemble.epochs == Lstm(SMALL).fit(training, validation, 3).epochs


def test_a_larger_ensemble_keeps_the_seeds_of_a_smaller_one() -> None:
    assert member_seeds(7, 5)[:3] == member_seeds(7, 3)
