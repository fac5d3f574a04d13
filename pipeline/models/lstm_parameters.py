"""From settings to the parameters of a recurrent model; what cannot be is refused by the key's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from pipeline.errors import ConfigError
from pipeline.models.base import LstmParameters, ModelConfig
from pipeline.models.recipe import Choices
from pipeline.networks.names import ACTIVATIONS, LOSSES, OPTIMIZERS
from pipeline.networks.parameters import Limits, NetworkParameters
from pipeline.settings import LstmSettings
from pipeline.types import FeatureSet, Shape, Target

NOT_OF_A_NETWORK = ("branches", "seeds", "warm_epochs", "warm_audit_days")
"""Settings that mean something else, or nothing, to a single network; its limits beside them."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "activation": ACTIVATIONS,
    "recurrent_activation": ACTIVATIONS,
}


def recurrent_parameters(choices: Choices, own: Mapping[str, Any]) -> LstmParameters:
    """The parameters of a recurrent model from the settings, its recipe's `own` keys and its override."""
    merged = merged_settings(choices.settings.lstm, own, choices.lstm_override, choices.name)
    found = lstm_parameters(merged, choices.name, choices.features, choices.n_features_of_others)
    return started_anew(found) if choices.chooses_leads else found


def merged_settings(
    general: LstmSettings, recipe: Mapping[str, Any], override: Mapping[str, Any], model: str
) -> LstmSettings:
    """The override wins over the recipe, the recipe over the general settings."""
    try:
        return LstmSettings(**{**general.model_dump(), **recipe, **override})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"'model.{model}.lstm.{key}': {first['msg']}",
            f"Expected one of: {', '.join(sorted(LstmSettings.model_fields))}.",
        ) from error


def lstm_parameters(settings: LstmSettings, model: str, features: FeatureSet, beside: int) -> LstmParameters:
    """The parameters of `model`, which sees `features`, `beside` of them other assets'.

    ConfigError for what cannot be.
    """
    for key, names in NAMES.items():
        _check_name(key, getattr(settings, key), names)
    _check_shape(settings, model, features)
    _check_stateful(settings, model)
    limits = Limits(settings.epochs, settings.patience, settings.min_improvement)
    network = {key: value for key, value in settings if key not in {*vars(limits), *NOT_OF_A_NETWORK}}
    branch_features = beside if settings.branches == 2 and features is FeatureSet.MULTIVARIATE else 0
    return LstmParameters(
        network=NetworkParameters(**network, branch_features=branch_features),
        limits=limits,
        seeds=settings.seeds,
        warm_epochs=settings.warm_epochs,
        audit_days=settings.warm_audit_days if settings.warm_epochs else 0,
    )


def started_anew(parameters: LstmParameters) -> LstmParameters:
    """The same without warm starts: for models whose fits do not all see or have the same network."""
    return replace(parameters, warm_epochs=0, audit_days=0)


def check_networks(config: ModelConfig) -> None:
    """ConfigError for a network that cannot learn what the configuration asks of it."""
    parameters = config.parameters
    if not isinstance(parameters, LstmParameters):
        return
    network, model = parameters.network, config.name
    if config.target is Target.LAST and network.shape in {Shape.RECURSIVE, Shape.SEQUENCE}:
        raise ConfigError(
            f"'model.{model}': target = 'last' asks for one session, a {network.shape} network learns all",
            f"Set target = 'each' in [model.{model}], or choose another lstm.shape.",
        )
    if config.chooses_leads and network.branch_features:
        raise ConfigError(
            f"'model.{model}.lstm.branches': a branch for leads needs to know which they are",
            "Name the leads of the assets instead of leads = 'auto', or set branches = 1.",
        )


def _check_name(key: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise ConfigError(f"lstm.{key}: unknown {key} '{name}'", f"Expected one of: {', '.join(names)}.")


def _check_shape(settings: LstmSettings, model: str, features: FeatureSet) -> None:
    if settings.shape is Shape.RECURSIVE and features is not FeatureSet.UNIVARIATE:
        raise ConfigError(
            f"'model.{model}': a recursive network can feed back the close alone",
            f"Give it features = 'univariate' in [model.{model}], or another lstm.shape.",
        )
    if settings.shape is Shape.SEQ2SEQ and (settings.bidirectional or settings.branches == 2):
        raise ConfigError(
            f"'model.{model}': a seq2seq network has one encoder that runs forward",
            "Take lstm.bidirectional and lstm.branches out of it, or choose another lstm.shape.",
        )


def _check_stateful(settings: LstmSettings, model: str) -> None:
    """A state that goes on needs a layer that runs forward and ends where the next window begins."""
    if settings.stateful and (
        settings.shape is not Shape.DIRECT or settings.bidirectional or settings.branches == 2
    ):
        raise ConfigError(
            f"'model.{model}.lstm.stateful': a stateful network is direct, runs forward and has one branch",
            f"Set stateful = false in [model.{model}.lstm], or take shape, bidirectional and branches out.",
        )
