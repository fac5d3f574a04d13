"""Which network a series gets, and that it is remembered."""

import dataclasses

import numpy as np
import pytest

from pipeline.errors import ConfigError
from pipeline.models import configure, open_model
from pipeline.models.auto import Auto, FittedAuto
from pipeline.models.base import AutoParameters
from pipeline.models.lstm import Lstm
from pipeline.settings import LstmSettings, ModelOverride, Settings
from pipeline.types import FeatureSet, FloatArray, Shape, Windows
from tests.made import LED, config_of

STEPS, HORIZONS = 4, 3
NOISE = np.random.default_rng(0).normal(size=260)
WALK = np.cumsum(NOISE)
SERIES = {Shape.DIRECT: NOISE, Shape.SEQ2SEQ: WALK}


def windows_of(series: FloatArray) -> Windows:
    count = len(series) - STEPS - HORIZONS + 1
    values = np.stack([series[first : first + STEPS] for first in range(count)])[:, :, None]
    targets = np.stack([series[first + STEPS : first + STEPS + HORIZONS] for first in range(count)])
    return Windows(np.arange(count), values, targets)


def split(series: FloatArray) -> tuple[Windows, Windows]:
    return windows_of(series[:200]), windows_of(series[200:])


def parameters_of(settings: Settings) -> AutoParameters:
    found = configure(settings, LED, "auto").parameters
    assert isinstance(found, AutoParameters)
    return found


def fit(series: FloatArray) -> FittedAuto:
    model = open_model(config_of("auto"))
    assert isinstance(model, Auto)
    return model.fit(*split(series), 5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("shape", SERIES)
def test_changes_that_wander_get_the_seq2seq_and_changes_that_do_not_the_direct_network(shape: Shape) -> None:
    assert fit(SERIES[shape]).chosen.network.shape is shape


@pytest.mark.tensorflow
@pytest.mark.parametrize("shape", SERIES)
def test_it_forecasts_what_the_chosen_network_forecasts_by_itself(shape: Shape) -> None:
    parameters, (training, validation) = config_of("auto").parameters, split(SERIES[shape])
    assert isinstance(parameters, AutoParameters)
    alone = parameters.stationary if shape is Shape.DIRECT else parameters.otherwise
    expected, found = Lstm(alone).fit(training, validation, 5), fit(SERIES[shape])
    np.testing.assert_array_equal(found.predict(validation.values), expected.predict(validation.values))
    assert (found.epochs, found.best_epoch) == (expected.epochs, expected.best_epoch)


@pytest.mark.tensorflow
@pytest.mark.parametrize("shape", SERIES)
def test_restored_it_remembers_its_choice(shape: Shape) -> None:
    fitted, values = fit(SERIES[shape]), windows_of(NOISE).values
    restored = open_model(config_of("auto")).restore(fitted.to_bytes())
    assert isinstance(restored, FittedAuto)
    assert restored.chosen.network.shape is shape
    np.testing.assert_array_equal(restored.predict(values), fitted.predict(values))
    assert restored.to_bytes() == fitted.to_bytes()


@pytest.mark.tensorflow
def test_what_comes_after_training_has_no_say_in_the_choice() -> None:
    model = open_model(config_of("auto"))
    chosen = model.fit(windows_of(NOISE[:200]), windows_of(1e3 * WALK), 5)
    assert isinstance(chosen, FittedAuto)
    assert chosen.is_stationary


def test_settings_reach_both_networks_and_the_shape_of_the_settings_neither() -> None:
    general = LstmSettings(shape=Shape.REPEAT, dropout=0.3)
    found = parameters_of(
        Settings(lstm=general, model={"auto": ModelOverride(lstm={"units": 3, "seeds": 2})})
    )
    assert (found.stationary.network.units, found.stationary.network.dropout) == (3, 0.3)
    assert (found.stationary.network.shape, found.stationary.seeds) == (Shape.DIRECT, 2)
    assert found.otherwise == dataclasses.replace(
        found.stationary, network=dataclasses.replace(found.stationary.network, shape=Shape.SEQ2SEQ)
    )
    assert config_of("auto").features is FeatureSet.MULTIVARIATE


def test_a_shape_may_not_be_asked_for() -> None:
    with pytest.raises(ConfigError, match=r"model\.auto\.lstm\.shape") as caught:
        parameters_of(Settings(model={"auto": ModelOverride(lstm={"shape": "direct"})}))
    assert "[model.auto.lstm]" in caught.value.next_step


@pytest.mark.parametrize("key", ["stateful", "bidirectional"])
def test_what_only_one_of_its_networks_can_be_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=r"'model\.auto"):
        parameters_of(Settings(lstm=LstmSettings(**{key: True})))


def test_a_network_that_is_set_otherwise_is_another_configuration() -> None:
    other = Settings(model={"auto": ModelOverride(lstm={"units": 3})})
    hashes = {configure(settings, LED, "auto").config_hash for settings in (Settings(), other)}
    assert len(hashes) == 2
