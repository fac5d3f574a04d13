"""What every registered model promises."""

import io

import numpy as np
import pytest

from pipeline.models import RECIPES, open_model
from pipeline.models.base import Model
from pipeline.types import Windows
from tests.made import config_of, made_windows

MODELS = [
    pytest.param(name, marks=pytest.mark.tensorflow if recipe.trains_networks else ())
    for name, recipe in RECIPES.items()
]
WIDTHS = pytest.mark.parametrize("features", [1, 4], ids=["one feature", "four features"])


def model_and_windows(name: str, features: int) -> tuple[Model, Windows, Windows]:
    return (
        open_model(config_of(name)),
        made_windows(60, 4, features, 3),
        made_windows(20, 4, features, 3, seed=1),
    )


@pytest.mark.parametrize("name", MODELS)
@WIDTHS
def test_the_same_seed_gives_the_same_forecasts_bit_for_bit(name: str, features: int) -> None:
    model, training, validation = model_and_windows(name, features)
    first, again = (model.fit(training, validation, 5).predict(validation.values) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.isfinite(first).all()
    assert first.shape == (20, 3)


@pytest.mark.parametrize("name", MODELS)
@WIDTHS
def test_saved_and_restored_it_forecasts_the_same_without_pickle(name: str, features: int) -> None:
    model, training, validation = model_and_windows(name, features)
    fitted = model.fit(training, validation, 5)
    weights = fitted.to_bytes()
    assert weights.startswith(b"PK")
    with np.load(io.BytesIO(weights), allow_pickle=False) as stored:
        assert stored.files
    restored = model.restore(weights)
    np.testing.assert_array_equal(restored.predict(validation.values), fitted.predict(validation.values))
    assert restored.to_bytes() == weights


@pytest.mark.parametrize("name", MODELS)
def test_a_forecast_does_not_depend_on_its_neighbours(name: str) -> None:
    model, training, validation = model_and_windows(name, 2)
    fitted = model.fit(training, validation, 5)
    values = made_windows(120, 4, 2, 3, seed=2).values
    together = fitted.predict(values)
    for row in (0, 7, 60, 119):
        np.testing.assert_array_equal(fitted.predict(values[row : row + 1])[0], together[row])
    np.testing.assert_array_equal(fitted.predict(values[::-1])[::-1], together)


@pytest.mark.parametrize("name", MODELS)
def test_one_horizon_is_enough(name: str) -> None:
    model, training = open_model(config_of(name)), made_windows(60, 4, 2, 1)
    forecasts = model.fit(training, made_windows(20, 4, 2, 1, seed=1), 5).predict(training.values)
    assert forecasts.shape == (60, 1)
    assert np.isfinite(forecasts).all()


@pytest.mark.parametrize("name", MODELS)
def test_it_trains_without_a_validation_block(name: str) -> None:
    model, training, validation = model_and_windows(name, 2)
    nothing = Windows(validation.rows[:0], validation.values[:0], validation.targets[:0])
    assert np.isfinite(model.fit(training, nothing, 5).predict(validation.values)).all()
