"""One frozen `Settings`, as the configuration file and the environment say: `load_settings` reads it."""

from pipeline.settings.assets import (
    CONTINUOUS_CALENDAR,
    DEFAULT_ASSETS,
    SUFFIX_MARKETS,
    AssetSettings,
    unlisted_asset,
)
from pipeline.settings.learning import (
    BacktestSettings,
    EnsembleSettings,
    IntervalSettings,
    LstmSettings,
    ModelOverride,
    RidgeSettings,
    TransformSettings,
)
from pipeline.settings.load import DEFAULT_CONFIG_FILE, load_settings
from pipeline.settings.prices import DownloadSettings, SettleSettings
from pipeline.settings.run import DEFAULT_MODELS, Settings, database_name, without_passwords

__all__ = [
    "CONTINUOUS_CALENDAR",
    "DEFAULT_ASSETS",
    "DEFAULT_CONFIG_FILE",
    "DEFAULT_MODELS",
    "SUFFIX_MARKETS",
    "AssetSettings",
    "BacktestSettings",
    "DownloadSettings",
    "EnsembleSettings",
    "IntervalSettings",
    "LstmSettings",
    "ModelOverride",
    "RidgeSettings",
    "Settings",
    "SettleSettings",
    "TransformSettings",
    "database_name",
    "load_settings",
    "unlisted_asset",
    "without_passwords",
]
