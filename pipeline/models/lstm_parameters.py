"""Derive the parameters of a recurrent model from settings; errors name the key of an invalid setting."""

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

NON_NETWORK_SETTINGS = ("branches", "seeds", "warm_epochs", "warm_audit_days")
"""Settings that are not passed to `NetworkParameters`, in addition to those of `Limits`."""
ALLOWED_NAMES: Mapping[str, tuple[str, ...]] = {
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "activation": ACTIVATIONS,
    "recurrent_activation": ACTIVATIONS,
}


def recurrent_parameters(choices: Choices, own: Mapping[str, Any]) -> LstmParameters:
    """Make the parameters of a recurrent model from settings, its recipe's `own` keys and its override."""
    merged = merged_settings(choices.settings.lstm, own, choices.lstm_override, choices.name)
    found = lstm_parameters(merged, choices.name, choices.features, choices.n_features_of_others)
    return without_warm_starts(found) if choices.chooses_leads else found


def merged_settings(
    general: LstmSettings, recipe: Mapping[str, Any], override: Mapping[str, Any], model: str
) -> LstmSettings:
    """Merge the settings of a model: overrides replace the recipe's, the recipe's the general ones."""
    try:
        return LstmSettings(**{**general.model_dump(), **recipe, **override})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"'model.{model}.lstm.{key}': {first['msg']}",
            f"Expected one of: {', '.join(sorted(LstmSettings.model_fields))}.",
        ) from error


def lstm_parameters(
    settings: LstmSettings, model: str, features: FeatureSet, n_other_features: int
) -> LstmParameters:
    """Derive the parameters of `model` from its settings; ConfigError for an invalid setting.

    `n_other_features` is the number of its features that come from other assets (leads and spreads).
    """
    for key, names in ALLOWED_NAMES.items():
        _check_name(key, getattr(settings, key), names)
    _check_shape(settings, model, features)
    _check_stateful(settings, model)
    limits = Limits(settings.epochs, settings.patience, settings.min_improvement)
    network = {key: value for key, value in settings if key not in {*vars(limits), *NON_NETWORK_SETTINGS}}
    branch_features = (
        n_other_features if settings.branches == 2 and features is FeatureSet.MULTIVARIATE else 0
    )
    return LstmParameters(
        network=NetworkParameters(**network, branch_features=branch_features),
        limits=limits,
        seeds=settings.seeds,
        warm_epochs=settings.warm_epochs,
        audit_days=settings.warm_audit_days if settings.warm_epochs else 0,
    )


def without_warm_starts(parameters: LstmParameters) -> LstmParameters:
    """Switch warm starts off, for models whose fits may differ in their features or network."""
    return replace(parameters, warm_epochs=0, audit_days=0)


def check_networks(config: ModelConfig) -> None:
    """Raise ConfigError if the network and the rest of the model's configuration are incompatible."""
    parameters = config.parameters
    if not isinstance(parameters, LstmParameters):
        return
    network, model = parameters.network, config.name
    if config.target is Target.LAST and network.shape in {Shape.RECURSIVE, Shape.SEQUENCE}:
        raise ConfigError(
            f"'model.{model}': target = 'last' is one session, but a {network.shape} network forecasts all",
            f"Set target = 'each' in [model.{model}], or choose another lstm.shape.",
        )
    if config.chooses_leads and network.branch_features:
        raise ConfigError(
            f"'model.{model}.lstm.branches': a branch for leads needs a fixed list of leads",
            "List the leads of the assets instead of leads = 'auto', or set branches = 1.",
        )


def _check_name(key: str, name: str, names: tuple[str, ...]) -> None:
    """Raise ConfigError if `name` is none of the allowed names of a setting."""
    if name not in names:
        raise ConfigError(f"lstm.{key}: unknown {key} '{name}'", f"Expected one of: {', '.join(names)}.")


def _check_shape(settings: LstmSettings, model: str, features: FeatureSet) -> None:
    """Raise ConfigError if the architecture does not support the features or other settings."""
    if settings.shape is Shape.RECURSIVE and features is not FeatureSet.UNIVARIATE:
        raise ConfigError(
            f"'model.{model}': a recursive network can only feed back the close",
            f"Set features = 'univariate' in [model.{model}], or choose another lstm.shape.",
        )
    if settings.shape is Shape.SEQ2SEQ and (settings.bidirectional or settings.branches == 2):
        raise ConfigError(
            f"'model.{model}': a seq2seq network has one encoder that runs forward",
            f"Remove lstm.bidirectional and lstm.branches from [model.{model}.lstm] and [lstm], "
            "or choose another lstm.shape.",
        )


def _check_stateful(settings: LstmSettings, model: str) -> None:
    """Raise ConfigError if a stateful network is not direct, unidirectional and unbranched."""
    if settings.stateful and (
        settings.shape is not Shape.DIRECT or settings.bidirectional or settings.branches == 2
    ):
        raise ConfigError(
            f"'model.{model}.lstm.stateful': a stateful network is direct, unidirectional and unbranched",
            f"Set stateful = false in [model.{model}.lstm], or remove shape, bidirectional and branches.",
        )
