"""Settings of recurrent models: every choice by name, and what cannot be is refused."""

import pytest

from pipeline.errors import ConfigError
from pipeline.models import check_models, configure
from pipeline.models.base import LstmParameters
from pipeline.networks.names import ACTIVATIONS, LOSSES, OPTIMIZERS
from pipeline.networks.parameters import Limits
from pipeline.settings import LstmSettings, ModelOverride, Settings
from pipeline.types import Cell, FeatureSet, Schedule, Shape
from tests.made import LED

NAMES = {"optimizer": OPTIMIZERS, "loss": LOSSES, "activation": ACTIVATIONS}


def parameters_of(model: str = "lstm-multivariate", **lstm: object) -> LstmParameters:
    found = configure(Settings(model={model: ModelOverride(lstm=lstm)}), LED, model).parameters
    assert isinstance(found, LstmParameters)
    return found


def test_every_setting_of_a_network_reaches_it() -> None:
    asked = {
        "cell": Cell.GRU,
        "shape": Shape.REPEAT,
        "units": 3,
        "layers": 2,
        "bidirectional": True,
        "activation": "relu",
        "recurrent_activation": "hard_sigmoid",
        "use_bias": False,
        "dropout": 0.3,
        "recurrent_dropout": 0.2,
        "learning_rate": 0.02,
        "schedule": Schedule.COSINE,
        "clip_norm": 1.5,
        "optimizer": "nadam",
        "loss": "huber",
        "batch_size": 7,
    }
    found = parameters_of(**asked, epochs=9, patience=2, min_improvement=0.1, seeds=3)
    assert {name: getattr(found.network, name) for name in asked} == asked
    assert parameters_of(stateful=True).network.stateful
    assert (found.limits, found.seeds) == (Limits(9, 2, 0.1), 3)
    assert {
        *asked,
        *vars(found.limits),
        "branches",
        "seeds",
        "stateful",
        "warm_epochs",
        "warm_audit_days",
    } == set(LstmSettings.model_fields)


@pytest.mark.parametrize("key", ["optimizer", "loss", "activation", "recurrent_activation"])
def test_an_unknown_name_is_refused_with_all_the_choices(key: str) -> None:
    settings = Settings(lstm=LstmSettings(**{key: "magic"}))
    with pytest.raises(ConfigError, match=rf"lstm\.{key}: unknown {key} 'magic'") as caught:
        check_models(settings)
    assert all(name in caught.value.next_step for name in NAMES.get(key, ACTIVATIONS))


@pytest.mark.parametrize(("key", "choice"), [("cell", "rnn"), ("shape", "round"), ("schedule", "never")])
def test_an_unknown_choice_is_refused_with_the_model_and_the_key(key: str, choice: str) -> None:
    with pytest.raises(ConfigError, match=rf"model\.lstm-multivariate\.lstm\.{key}"):
        parameters_of(**{key: choice})


def test_a_second_branch_holds_the_leads() -> None:
    assert parameters_of(branches=2).network.branch_features == len(LED.leads)
    assert parameters_of(branches=1).network.branch_features == 0
    assert parameters_of("lstm-univariate", branches=2).network.branch_features == 0


def test_a_recursive_network_is_univariate() -> None:
    assert parameters_of("lstm-univariate", shape="recursive").network.shape is Shape.RECURSIVE
    with pytest.raises(ConfigError, match="can only feed back the close"):
        parameters_of(shape="recursive")


@pytest.mark.parametrize("lstm", [{"bidirectional": True}, {"branches": 2}])
def test_a_seq2seq_network_has_one_encoder(lstm: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="one encoder that runs forward"):
        parameters_of("seq2seq-multivariate", **lstm)


@pytest.mark.parametrize("lstm", [{"shape": "sequence"}, {"bidirectional": True}, {"branches": 2}])
def test_a_stateful_network_is_direct_and_runs_forward(lstm: dict[str, object]) -> None:
    assert parameters_of(stateful=True, layers=2, cell="gru").network.stateful
    with pytest.raises(ConfigError, match=r"model\.lstm-multivariate\.lstm\.stateful") as caught:
        parameters_of(stateful=True, **lstm)
    assert "stateful = false in [model.lstm-multivariate.lstm]" in caught.value.next_step


def test_what_a_configuration_takes_for_granted_is_no_part_of_its_hash() -> None:
    plain = configure(Settings(), LED, "lstm-univariate")
    explicit = Settings(model={"lstm-univariate": ModelOverride(lstm={"cell": "lstm", "clip_norm": 0.0})})
    other = Settings(model={"lstm-univariate": ModelOverride(lstm={"cell": "gru"})})
    assert configure(explicit, LED, "lstm-univariate").config_hash == plain.config_hash
    assert configure(other, LED, "lstm-univariate").config_hash != plain.config_hash


def test_the_seq2seq_models_see_what_their_names_say() -> None:
    for model, features in (
        ("seq2seq-univariate", FeatureSet.UNIVARIATE),
        ("seq2seq-multivariate", FeatureSet.MULTIVARIATE),
    ):
        config = configure(Settings(), LED, model)
        assert config.features is features
        assert parameters_of(model).network.shape is Shape.SEQ2SEQ


@pytest.mark.tensorflow
def test_every_name_is_known_to_keras() -> None:
    from pipeline.networks.names import KERAS_LOSSES
    from pipeline.networks.start import start_tensorflow

    start_tensorflow()
    import keras

    assert all(callable(keras.losses.get(KERAS_LOSSES.get(name, name))) for name in LOSSES)
    assert all(callable(keras.activations.get(name)) for name in ACTIVATIONS)
    assert all(isinstance(keras.optimizers.get(name), keras.optimizers.Optimizer) for name in OPTIMIZERS)
