"""Every setting of a run."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.settings.assets import CONTINUOUS_CALENDAR, DEFAULT_ASSETS, AssetSettings, unlisted_asset
from pipeline.settings.base import FrozenModel
from pipeline.settings.learning import (
    BacktestSettings,
    EnsembleSettings,
    IntervalSettings,
    LstmSettings,
    ModelOverride,
    RidgeSettings,
    TransformSettings,
)
from pipeline.settings.prices import DownloadSettings, SettleSettings

DEFAULT_MODELS = (
    *("last-value", "drift", "ridge"),
    *("lstm-levels", "lstm-univariate", "lstm-bivariate", "lstm-multivariate"),
)


def _unique_symbols(assets: tuple[AssetSettings, ...]) -> tuple[AssetSettings, ...]:
    symbols = [asset.symbol for asset in assets]
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ValueError(f"listed twice: {', '.join(twice)}")
    return assets


class Settings(FrozenModel):
    """Every setting of a run, frozen."""

    database: str = "sqlite:///pricecast.db"
    """Where everything is stored: a SQLite file, or any SQLAlchemy URL."""
    source: str = "yahoo"
    """Where prices come from: `yahoo`, `csv:PATH` (a folder, or one file of all symbols) or `simulated`."""
    horizons: int = Field(default=5, ge=1, le=60)
    """Sessions ahead that are forecast: from 1 to this number."""
    seed: int = Field(default=7, ge=0, lt=2**31)
    """Base of all random numbers; a fit's own seed adds symbol, model, configuration and origin date."""
    models: tuple[str, ...] = Field(default=DEFAULT_MODELS, min_length=1)
    """The models to run for every asset."""
    assets: Annotated[tuple[AssetSettings, ...], AfterValidator(_unique_symbols)] = DEFAULT_ASSETS
    """The assets to forecast, each once."""
    transform: TransformSettings = TransformSettings()
    """How stored prices become the windows that models learn from."""
    lstm: LstmSettings = LstmSettings()
    """Architecture and training of the recurrent models."""
    ridge: RidgeSettings = RidgeSettings()
    """The model `ridge`."""
    ensemble: EnsembleSettings = EnsembleSettings()
    """The models that combine the forecasts of others."""
    model: Mapping[str, ModelOverride] = Field(default_factory=dict)
    """Settings of single models, by the model's name."""
    backtest: BacktestSettings = BacktestSettings()
    """The walk-forward backtest."""
    intervals: IntervalSettings = IntervalSettings()
    """The bands around the forecasts."""
    settle: SettleSettings = SettleSettings()
    """When a session's bar counts as final."""
    download: DownloadSettings = DownloadSettings()
    """How prices are downloaded."""
    keep_weights_days: int = Field(default=30, ge=0)
    """Days until a fit's weights are deleted, if a newer fit has replaced it; forecasts are never deleted."""
    workers: int = Field(default=0, ge=0, le=256)
    """Processes that train networks. 0: one for each core; 1: the process of the job trains them itself."""
    task_runner: Literal["none", "process-pool", "dask"] = "none"
    """Under Prefect, who starts the training processes: pricecast (`none`) or a Prefect task runner."""
    dask_address: str = ""
    """Scheduler of a Dask cluster, as tcp://HOST:PORT. Empty: a cluster of processes on this machine."""

    def asset(self, symbol: str) -> AssetSettings:
        """The configured asset, or one derived from the symbol's suffix."""
        for asset in self.assets:
            if asset.symbol == symbol:
                return asset
        return unlisted_asset(symbol)

    def candidates(self, asset: AssetSettings) -> tuple[str, ...]:
        """The assets that lead `asset`, or that it may choose its leads from."""
        if asset.leads == "auto":
            return tuple(sorted(one.symbol for one in self.assets if one.symbol != asset.symbol))
        return asset.leads

    def needed_symbols(self, asset: AssetSettings) -> tuple[str, ...]:
        """Every other asset whose prices the forecasts of `asset` need."""
        return tuple(dict.fromkeys((*self.candidates(asset), *asset.spreads)))

    def is_listed(self, symbol: str) -> bool:
        return any(asset.symbol == symbol for asset in self.assets)

    def settle_minutes(self, calendar: str) -> int:
        if calendar == CONTINUOUS_CALENDAR:
            return self.settle.continuous_minutes
        return self.settle.exchange_minutes


def database_name(database: str) -> str:
    """Format a database URL for display: the file name of SQLite, otherwise the URL without its passwords.

    >>> database_name("sqlite:///prices.db"), database_name("postgresql://me:secret@host/prices")
    ('prices.db', 'postgresql://me:***@host/prices')
    """
    if database.startswith("sqlite:///"):
        return database.removeprefix("sqlite:///").partition("?")[0]
    return without_passwords(database)


def without_passwords(database: str) -> str:
    """Replace every password in a database URL, before the host or in its query, by ***."""
    hidden = re.sub(r"(://[^:/]*):.*@", r"\1:***@", database)
    return re.sub(r"(?i)([?&][^=&]*pass[^=&]*=)[^&]*", r"\1***", hidden)
