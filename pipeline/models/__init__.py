"""The registry of models: a name, how it is trained, and what it does otherwise than the settings say.

A new model is a file in this package and a line in `RECIPES`; a new ensemble is a line in `ENSEMBLES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import ConfigError
from pipeline.models.auto import Auto
from pipeline.models.base import (
    AutoParameters,
    EnsembleParameters,
    LstmParameters,
    Model,
    ModelConfig,
    RidgeParameters,
)
from pipeline.models.drift import Drift
from pipeline.models.last_value import LastValue
from pipeline.models.lstm import Lstm
from pipeline.models.lstm_parameters import check_networks, lstm_parameters, merged_settings, started_anew
from pipeline.models.ridge import Ridge
from pipeline.settings import AssetSettings, ModelOverride, Settings
from pipeline.types import Differencing, FeatureSet, Scaling, Shape, Weighting

Estimator = type[LastValue] | type[Drift] | type[Ridge] | type[Lstm] | type[Auto]


@dataclass(frozen=True)
class Recipe:
    """An estimator and the model's own answers to settings; None follows the settings."""

    estimator: Estimator
    features: FeatureSet
    difference: Differencing | None = None
    scaler: Scaling | None = None
    lstm: Mapping[str, Any] = field(default_factory=dict)


LEVELS_FITTING = {
    "units": 32,
    "dropout": 0.0,
    "learning_rate": 1e-2,
    "batch_size": 32,
    "epochs": 30,
    "patience": 10,
}
"""Levels take longer to learn than changes: with less, the network does not even find the last value."""

RECIPES: Mapping[str, Recipe] = {
    "last-value": Recipe(LastValue, FeatureSet.UNIVARIATE, Differencing.LOG, Scaling.NONE),
    "drift": Recipe(Drift, FeatureSet.UNIVARIATE, Differencing.LOG, Scaling.NONE),
    "ridge": Recipe(Ridge, FeatureSet.MULTIVARIATE),
    "lstm-levels": Recipe(Lstm, FeatureSet.UNIVARIATE, Differencing.NONE, Scaling.MINMAX, LEVELS_FITTING),
    "lstm-univariate": Recipe(Lstm, FeatureSet.UNIVARIATE),
    "lstm-bivariate": Recipe(Lstm, FeatureSet.BIVARIATE),
    "lstm-multivariate": Recipe(Lstm, FeatureSet.MULTIVARIATE),
    "lstm-ensemble": Recipe(Lstm, FeatureSet.MULTIVARIATE, lstm={"seeds": 5}),
    "seq2seq-univariate": Recipe(Lstm, FeatureSet.UNIVARIATE, lstm={"shape": Shape.SEQ2SEQ}),
    "seq2seq-multivariate": Recipe(Lstm, FeatureSet.MULTIVARIATE, lstm={"shape": Shape.SEQ2SEQ}),
    "auto": Recipe(Auto, FeatureSet.MULTIVARIATE),
}


ENSEMBLES: Mapping[str, Weighting] = {
    "ensemble-mean": Weighting.EQUAL,
    "ensemble-shrunk": Weighting.SHRUNK,
}
"""Models that are made of what others forecast (see `combine`)."""

MODELS = (*RECIPES, *ENSEMBLES)


def configure(settings: Settings, asset: AssetSettings, name: str) -> ModelConfig:
    """The configuration of the model `name` for one asset; ConfigError names the choices or the key."""
    if name in ENSEMBLES:
        return _ensemble(settings, asset, name)
    recipe = _recipe(name)
    override = settings.model.get(name, ModelOverride())
    _refuse_fixed_keys(recipe, override, name)
    general = settings.transform
    features = override.features or recipe.features
    is_multivariate = features is FeatureSet.MULTIVARIATE
    leads = settings.candidates(asset) if is_multivariate else ()
    spreads = asset.spreads if is_multivariate else ()
    target = override.target or general.target
    chooses_leads = is_multivariate and asset.leads == "auto"
    parameters = _parameters(recipe, settings, name, features, len(leads) + 2 * len(spreads))
    if chooses_leads and isinstance(parameters, LstmParameters):
        parameters = started_anew(parameters)
    config = ModelConfig(
        name=name,
        features=features,
        difference=override.difference or recipe.difference or general.difference,
        scaler=override.scaler or recipe.scaler or general.scaler,
        time_steps=override.time_steps or general.time_steps,
        horizons=settings.horizons,
        train_sessions=override.train_sessions or general.train_sessions,
        validation_fraction=_first(override.validation_fraction, general.validation_fraction),
        bridge_gaps=general.bridge_gaps,
        leads=leads,
        seed=settings.seed,
        parameters=parameters,
        target=target,
        spreads=spreads,
        chooses_leads=chooses_leads,
        adjust=general.adjust,
    )
    check_networks(config)
    return config


def check_models(settings: Settings) -> None:
    """ConfigError for a model name, an override or a parameter that cannot be."""
    for asset in (AssetSettings(symbol="any"), *settings.assets):
        for name in (*settings.models, *settings.model):
            configure(settings, asset, name)


def open_model(config: ModelConfig) -> Model:
    """How to train the model of this configuration."""
    estimator = _recipe(config.name).estimator
    if estimator is Lstm and isinstance(config.parameters, LstmParameters):
        return Lstm(config.parameters)
    if estimator is Auto and isinstance(config.parameters, AutoParameters):
        return Auto(config.parameters)
    if estimator is Ridge and isinstance(config.parameters, RidgeParameters):
        return Ridge(config.parameters)
    return LastValue() if estimator is LastValue else Drift()


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        raise ConfigError(f"unknown model '{name}'", f"Expected one of: {', '.join(MODELS)}.")
    return RECIPES[name]


def _ensemble(settings: Settings, asset: AssetSettings, name: str) -> ModelConfig:
    """An ensemble forecasts the sessions that its members do, in log changes of the close."""
    members = [_member(settings, asset, member, name) for member in settings.ensemble.members]
    if len({member.target for member in members}) > 1:
        raise ConfigError(
            f"'{name}': its members do not forecast the same sessions",
            "Give all of ensemble.members the same target.",
        )
    return ModelConfig(
        name=name,
        features=FeatureSet.UNIVARIATE,
        difference=Differencing.LOG,
        scaler=Scaling.NONE,
        time_steps=1,
        horizons=settings.horizons,
        train_sessions=settings.transform.train_sessions,
        validation_fraction=0.0,
        bridge_gaps=settings.transform.bridge_gaps,
        leads=(),
        seed=settings.seed,
        parameters=EnsembleParameters(
            tuple((member.name, member.config_hash) for member in members), ENSEMBLES[name]
        ),
        target=members[0].target,
        adjust=settings.transform.adjust,
    )


def _member(settings: Settings, asset: AssetSettings, member: str, ensemble: str) -> ModelConfig:
    if member in ENSEMBLES or member not in settings.models:
        raise ConfigError(
            f"ensemble.members: '{member}' of {ensemble} is no model of this configuration",
            f"Expected some of: {', '.join(one for one in settings.models if one not in ENSEMBLES)}.",
        )
    if ensemble in settings.model:
        raise ConfigError(
            f"'model.{ensemble}': an ensemble has nothing of its own to set",
            f"Take [model.{ensemble}] out of the configuration; its members stand in [ensemble].",
        )
    return configure(settings, asset, member)


def _parameters(
    recipe: Recipe, settings: Settings, name: str, features: FeatureSet, beside: int
) -> LstmParameters | AutoParameters | RidgeParameters | None:
    override = settings.model.get(name, ModelOverride()).lstm

    def recurrent(own: Mapping[str, Any]) -> LstmParameters:
        merged = merged_settings(settings.lstm, own, override, name)
        return lstm_parameters(merged, name, features, beside)

    if recipe.estimator is Lstm:
        return recurrent(recipe.lstm)
    if recipe.estimator is Auto:
        _refuse_its_own_choices(override, name)
        shapes = (recurrent({"shape": shape}) for shape in (Shape.DIRECT, Shape.SEQ2SEQ))
        return AutoParameters(*map(started_anew, shapes))
    if override:
        raise ConfigError(
            f"'model.{name}.lstm': {name} is no LSTM", f"Take [model.{name}.lstm] out of the configuration."
        )
    return RidgeParameters(settings.ridge.alphas) if recipe.estimator is Ridge else None


def _refuse_fixed_keys(recipe: Recipe, override: ModelOverride, name: str) -> None:
    """On other differences or scales, no change would not be the last value."""
    if recipe.estimator is LastValue and (override.difference or override.scaler):
        raise ConfigError(
            f"'model.{name}': the last value has no difference or scaler to choose",
            f"Take them out of [model.{name}].",
        )


def _refuse_its_own_choices(override: Mapping[str, Any], name: str) -> None:
    for key in ("shape", "warm_epochs"):
        if key in override:
            raise ConfigError(
                f"'model.{name}.lstm.{key}': {name} chooses its shape by the series, anew with every fit",
                f"Take {key} out of [model.{name}.lstm], or choose a model with one shape.",
            )


def _first(value: float | None, default: float) -> float:
    return default if value is None else value
