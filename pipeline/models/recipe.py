"""Recipes: how each kind of model is configured by the settings, and built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pipeline.errors import ConfigError
from pipeline.models.base import Model, ModelConfig
from pipeline.settings import Settings
from pipeline.types import Differencing, FeatureSet, Scaling

P = TypeVar("P")


@dataclass(frozen=True)
class Choices:
    """What the settings say of the model `name` for one asset, before its parameters are made."""

    name: str
    settings: Settings
    lstm_override: Mapping[str, Any]
    """The keys of [model.NAME.lstm]."""
    features: FeatureSet
    n_features_of_others: int
    """Leads and spreads: how many features come from other assets."""
    chooses_leads: bool


def _accept(config: ModelConfig) -> None:
    """Accept every configuration."""


@dataclass(frozen=True)
class Recipe(Generic[P]):
    """How a registered model is configured and built. A difference or scaler of None is that of the settings.

    `parameters` makes the model's own part of the configuration, a frozen dataclass or None, of which the
    configuration hash is made too; `build` makes the model of it. Both raise ConfigError for what cannot be,
    as does `check` for a whole configuration.
    """

    features: FeatureSet
    parameters: Callable[[Choices], P]
    build: Callable[[P], Model]
    difference: Differencing | None = None
    scaler: Scaling | None = None
    check: Callable[[ModelConfig], None] = _accept
    is_transform_fixed: bool = False
    """The model means something only with this difference and scaler: settings cannot change them."""
    trains_networks: bool = False
    """A fit is worth a process of its own, and needs TensorFlow."""


def no_parameters(choices: Choices) -> None:
    """Check that a model without parameters has no keys in [model.NAME.lstm], and give None."""
    require_no_lstm_keys(choices)


def require_no_lstm_keys(choices: Choices) -> None:
    """Raise ConfigError if [model.NAME.lstm] is set for a model that is no LSTM."""
    name = choices.name
    if choices.lstm_override:
        raise ConfigError(
            f"'model.{name}.lstm': {name} is no LSTM", f"Take [model.{name}.lstm] out of the configuration."
        )
