"""The registry of models: their names, each with the recipe that configures and builds it.

A new model is a file in this package, with its recipe, and a line in `RECIPES`; a new ensemble is a line in
`ENSEMBLES`.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.errors import ConfigError
from pipeline.models import auto, drift, last_value, ridge
from pipeline.models.base import EnsembleParameters, Model, ModelConfig
from pipeline.models.lstm import lstm_recipe
from pipeline.models.recipe import Choices, Recipe
from pipeline.settings import AssetSettings, ModelOverride, Settings
from pipeline.types import Differencing, FeatureSet, Scaling, Shape, Weighting

LEVELS_FITTING = {
    "units": 32,
    "dropout": 0.0,
    "learning_rate": 1e-2,
    "batch_size": 32,
    "epochs": 30,
    "patience": 10,
}
"""Levels take longer to learn than changes: with less, the network does not even find the last value."""

RECIPES: Mapping[str, Recipe[Any]] = {
    "last-value": last_value.RECIPE,
    "drift": drift.RECIPE,
    "ridge": ridge.RECIPE,
    "lstm-levels": lstm_recipe(FeatureSet.UNIVARIATE, Differencing.NONE, Scaling.MINMAX, **LEVELS_FITTING),
    "lstm-univariate": lstm_recipe(FeatureSet.UNIVARIATE),
    "lstm-bivariate": lstm_recipe(FeatureSet.BIVARIATE),
    "lstm-multivariate": lstm_recipe(FeatureSet.MULTIVARIATE),
    "lstm-ensemble": lstm_recipe(FeatureSet.MULTIVARIATE, seeds=5),
    "seq2seq-univariate": lstm_recipe(FeatureSet.UNIVARIATE, shape=Shape.SEQ2SEQ),
    "seq2seq-multivariate": lstm_recipe(FeatureSet.MULTIVARIATE, shape=Shape.SEQ2SEQ),
    "auto": auto.RECIPE,
}

ENSEMBLES: Mapping[str, Weighting] = {
    "ensemble-mean": Weighting.EQUAL,
    "ensemble-shrunk": Weighting.SHRUNK,
}
"""Models whose forecasts are combinations of the forecasts of others (see `learn.combine`)."""

MODELS = (*RECIPES, *ENSEMBLES)


def configure(settings: Settings, asset: AssetSettings, name: str) -> ModelConfig:
    """Configure the model `name` for one asset; ConfigError names the choices or the key."""
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
    others = len(leads) + 2 * len(spreads)
    choices = Choices(name, settings, override.lstm, features, others, chooses_leads)
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
        parameters=recipe.parameters(choices),
        target=target,
        spreads=spreads,
        chooses_leads=chooses_leads,
        adjust=general.adjust,
    )
    recipe.check(config)
    return config


def check_models(settings: Settings) -> None:
    """Raise ConfigError for a model name, an override or a parameter that is not possible."""
    for asset in (AssetSettings(symbol="any"), *settings.assets):
        for name in (*settings.models, *settings.model):
            configure(settings, asset, name)


def open_model(config: ModelConfig) -> Model:
    """Build the model of a configuration, to be trained; ConfigError for an unregistered name."""
    return _recipe(config.name).build(config.parameters)


def trains_networks(config: ModelConfig) -> bool:
    """Does a fit of this configuration train networks?"""
    return _recipe(config.name).trains_networks


def _recipe(name: str) -> Recipe[Any]:
    if name not in RECIPES:
        raise ConfigError(f"unknown model '{name}'", f"Expected one of: {', '.join(MODELS)}.")
    return RECIPES[name]


def _ensemble(settings: Settings, asset: AssetSettings, name: str) -> ModelConfig:
    """Configure an ensemble: it forecasts the same sessions as its members, in log changes of the close."""
    members = [_member(settings, asset, member, name) for member in settings.ensemble.members]
    if len({member.target for member in members}) > 1:
        raise ConfigError(
            f"'{name}': its members forecast different sessions",
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
            f"ensemble.members: '{member}' of {ensemble} is not among the configured models",
            f"Expected some of: {', '.join(one for one in settings.models if one not in ENSEMBLES)}.",
        )
    if ensemble in settings.model:
        raise ConfigError(
            f"'model.{ensemble}': an ensemble has no settings of its own",
            f"Take [model.{ensemble}] out of the configuration; its members are listed in [ensemble].",
        )
    return configure(settings, asset, member)


def _refuse_fixed_keys(recipe: Recipe[Any], override: ModelOverride, name: str) -> None:
    if recipe.is_transform_fixed and (override.difference or override.scaler):
        raise ConfigError(
            f"'model.{name}': {name} has no difference or scaler to choose",
            f"Take them out of [model.{name}].",
        )


def _first(value: float | None, default: float) -> float:
    return default if value is None else value
