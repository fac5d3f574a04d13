"""One frozen `Settings`: built-in defaults, then `pricecast.toml`, then `PRICECAST_*` variables.

Nested keys take a double underscore in the environment: `PRICECAST_LSTM__UNITS=64` is `[lstm] units = 64`.
An unknown key of the file or a value out of range is a `ConfigError` that names the key and the file.
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from pipeline.errors import ConfigError
from pipeline.types import Adjustment, Cell, Differencing, FeatureSet, Scaling, Schedule, Shape, Target

DEFAULT_CONFIG_FILE = Path("pricecast.toml")
CONTINUOUS_CALENDAR = "24/7"

SUFFIX_MARKETS: Mapping[str, tuple[str, str]] = {
    "-USD": (CONTINUOUS_CALENDAR, "USD"),
    "-EUR": (CONTINUOUS_CALENDAR, "EUR"),
    ".KS": ("XKRX", "KRW"),
    ".T": ("XTKS", "JPY"),
    ".HK": ("XHKG", "HKD"),
    ".L": ("XLON", "GBp"),
    ".DE": ("XETR", "EUR"),
    ".PA": ("XPAR", "EUR"),
    ".AS": ("XAMS", "EUR"),
    ".SW": ("XSWX", "CHF"),
    ".TO": ("XTSE", "CAD"),
    ".AX": ("XASX", "AUD"),
    ".NS": ("XBOM", "INR"),
    ".BO": ("XBOM", "INR"),
    ".SA": ("BVMF", "BRL"),
}
"""Calendar and currency of Yahoo's symbol suffixes; a symbol without one of them trades in New York."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AssetSettings(_Frozen):
    """An asset, its trading calendar (an exchange_calendars name) and the assets that lead it."""

    symbol: str = Field(min_length=1)
    calendar: str = "XNYS"
    currency: str = "USD"
    leads: tuple[str, ...] | Literal["auto"] = ()
    """Symbols; or "auto": every fit chooses among all configured assets by what leads on its own rows."""
    spreads: tuple[str, ...] = ()
    """Symbols whose log ratio to this asset, and its change, are features too."""

    @model_validator(mode="after")
    def _is_not_its_own(self) -> Self:
        named = () if self.leads == "auto" else self.leads
        if self.symbol in (*named, *self.spreads):
            raise ValueError(f"{self.symbol} is among its own leads or spreads")
        return self


class TransformSettings(_Frozen):
    """From bars to windows."""

    adjust: Adjustment = Adjustment.SPLITS
    """What the prices that models learn from and are scored by are adjusted for: splits, or dividends too."""
    difference: Differencing = Differencing.LOG
    scaler: Scaling = Scaling.STANDARD
    time_steps: int = Field(default=10, ge=1, le=1000)
    train_sessions: int = Field(default=1500, ge=50)
    """A fit learns from at most this many newest sessions."""
    validation_fraction: float = Field(default=0.15, ge=0.0, lt=0.9)
    target: Target = Target.EACH
    """each: the sessions 1..horizons ahead; last: the one `horizons` ahead alone."""
    bridge_gaps: bool = False
    """Let windows span missing sessions, as if the sessions around a gap were consecutive."""


class LstmSettings(_Frozen):
    """Architecture and fitting of the recurrent models."""

    cell: Cell = Cell.LSTM
    shape: Shape = Shape.DIRECT
    """direct: all horizons from the last step. sequence: after every step. repeat: unfolded from the last
    output. recursive: one step ahead, fed back (univariate). seq2seq: encoder and decoder."""
    seeds: int = Field(default=1, ge=1, le=100)
    """The forecast is the mean of networks trained from so many seeds."""
    units: int = Field(default=16, ge=1)
    layers: int = Field(default=1, ge=1, le=8)
    bidirectional: bool = False
    stateful: bool = False
    """Windows are taught in their order in time, and a state goes on from one to the next and into the
    forecasts; shape direct only."""
    branches: int = Field(default=1, ge=1, le=2)
    """2: the asset's own features and its leads' in layers of their own, then side by side."""
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    use_bias: bool = True
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    recurrent_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    learning_rate: float = Field(default=5e-3, gt=0.0)
    schedule: Schedule = Schedule.CONSTANT
    clip_norm: float = Field(default=0.0, ge=0.0)
    """Gradients are scaled down to this norm; 0: never."""
    optimizer: str = "adam"
    loss: str = "mse"
    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=64, ge=1)
    patience: int = Field(default=5, ge=1)
    """Stop after so many epochs without a better validation loss; the best epoch's weights are kept."""
    min_improvement: float = Field(default=0.005, ge=0.0, lt=1.0)
    """A better validation loss is lower by this share: less is what chance gives an epoch among many."""
    warm_epochs: int = Field(default=0, ge=0)
    """Re-fits go on from the weights of the fit before for so many epochs; 0: every fit starts anew."""
    warm_audit_days: int = Field(default=30, ge=1)
    """So often a fit that starts anew runs beside a warm one; warm starts end when they are worse."""


class RidgeSettings(_Frozen):
    """Ridge regression on the flattened window; the penalty is chosen on the validation block."""

    alphas: tuple[Annotated[float, Field(gt=0.0)], ...] = (1e1, 1e2, 1e3, 1e4, 1e5)


def _unique_members(members: tuple[str, ...]) -> tuple[str, ...]:
    if len(members) < 2 or len(set(members)) < len(members):
        raise ValueError("an ensemble has two members or more, each of them once")
    return members


class EnsembleSettings(_Frozen):
    """The models whose forecasts the ensembles are made of; they have to be among `models`."""

    members: Annotated[tuple[str, ...], AfterValidator(_unique_members)] = (
        "ridge",
        "lstm-univariate",
        "lstm-multivariate",
    )


class ModelOverride(_Frozen):
    """What one model does otherwise than the general settings; absent keys inherit."""

    features: FeatureSet | None = None
    difference: Differencing | None = None
    scaler: Scaling | None = None
    time_steps: int | None = Field(default=None, ge=1, le=1000)
    train_sessions: int | None = Field(default=None, ge=50)
    validation_fraction: float | None = Field(default=None, ge=0.0, lt=0.9)
    target: Target | None = None
    lstm: Mapping[str, Any] = Field(default_factory=dict)


class BacktestSettings(_Frozen):
    """Walk-forward on an asset's first run: how many origins, and how often a model is fitted anew."""

    origins: int = Field(default=500, ge=0)
    refit_every: int = Field(default=125, ge=1)


class IntervalSettings(_Frozen):
    """Conformal bands: the newest so many out-of-sample errors set their width."""

    window: int = Field(default=250, ge=20)


class SettleSettings(_Frozen):
    """Minutes from a session's close until its bar is taken as final."""

    exchange_minutes: int = Field(default=30, ge=0)
    continuous_minutes: int = Field(default=180, ge=0)


class DownloadSettings(_Frozen):
    """How the outside world is asked."""

    history_start: date = date(2015, 1, 1)
    overlap_sessions: int = Field(default=20, ge=10)
    """So many stored sessions are asked for again, to see whether they have changed."""
    timeout_seconds: float = Field(default=10.0, gt=0.0)
    tries: int = Field(default=3, ge=1, le=10)
    backoff_seconds: float = Field(default=10.0, ge=0.0)
    seconds_between_requests: float = Field(default=1.0, ge=0.0)
    rate_limit_seconds: float = Field(default=60.0, ge=0.0)
    """A run's first pause after a source has asked it to slow down; each further one is twice as long."""
    rate_limit_pauses: int = Field(default=3, ge=0, le=10)
    """After so many pauses, what is left of the run's downloads is not asked for any more."""


def _unique_symbols(assets: tuple[AssetSettings, ...]) -> tuple[AssetSettings, ...]:
    symbols = [asset.symbol for asset in assets]
    twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
    if twice:
        raise ValueError(f"listed twice: {', '.join(twice)}")
    return assets


DEFAULT_ASSETS = (
    AssetSettings(symbol="BTC-USD", calendar=CONTINUOUS_CALENDAR, currency="USD", leads=("SPY",)),
    AssetSettings(symbol="AAPL", leads=("SPY", "BTC-USD")),
    AssetSettings(symbol="SPY", leads=("BTC-USD",)),
)
DEFAULT_MODELS = (
    "last-value",
    "drift",
    "ridge",
    "lstm-levels",
    "lstm-univariate",
    "lstm-bivariate",
    "lstm-multivariate",
)


class Settings(_Frozen):
    """Everything a run may be told, frozen."""

    database: str = "sqlite:///pricecast.db"
    source: str = "yahoo"
    horizons: int = Field(default=5, ge=1, le=60)
    seed: int = Field(default=7, ge=0, lt=2**31)
    models: tuple[str, ...] = Field(default=DEFAULT_MODELS, min_length=1)
    assets: Annotated[tuple[AssetSettings, ...], AfterValidator(_unique_symbols)] = DEFAULT_ASSETS
    transform: TransformSettings = TransformSettings()
    lstm: LstmSettings = LstmSettings()
    ridge: RidgeSettings = RidgeSettings()
    ensemble: EnsembleSettings = EnsembleSettings()
    model: Mapping[str, ModelOverride] = Field(default_factory=dict)
    """Overrides by model name, e.g. `[model.lstm-levels] time_steps = 7`."""
    backtest: BacktestSettings = BacktestSettings()
    intervals: IntervalSettings = IntervalSettings()
    settle: SettleSettings = SettleSettings()
    download: DownloadSettings = DownloadSettings()
    keep_weights_days: int = Field(default=30, ge=0)
    workers: int = Field(default=0, ge=0, le=256)
    """Processes that train networks; 0: one a core, 1: none beside the job's own."""
    task_runner: Literal["none", "process-pool", "dask"] = "none"
    """Under Prefect, whose processes these are: the job's own (none), or those of a Prefect task runner."""
    dask_address: str = ""
    """The scheduler of a Dask cluster, as tcp://HOST:PORT; empty: a cluster of this machine's processes."""

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

    def beside(self, asset: AssetSettings) -> tuple[str, ...]:
        """Every other asset whose prices the forecasts of `asset` need."""
        return tuple(dict.fromkeys((*self.candidates(asset), *asset.spreads)))

    def is_listed(self, symbol: str) -> bool:
        return any(asset.symbol == symbol for asset in self.assets)

    def settle_minutes(self, calendar: str) -> int:
        if calendar == CONTINUOUS_CALENDAR:
            return self.settle.continuous_minutes
        return self.settle.exchange_minutes


class _FromEnvironment(BaseSettings, Settings):
    """Settings as `load_settings` reads them: the environment wins over the file."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="PRICECAST_", env_nested_delimiter="__", env_file=None
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (env_settings, init_settings)


def unlisted_asset(symbol: str) -> AssetSettings:
    """An asset that is asked for but not configured: calendar and currency from its suffix, no leads."""
    for suffix, (calendar, currency) in SUFFIX_MARKETS.items():
        if symbol.endswith(suffix):
            return AssetSettings(symbol=symbol, calendar=calendar, currency=currency)
    return AssetSettings(symbol=symbol)


def load_settings(config_file: Path | None = None) -> Settings:
    """Read the settings.

    `config_file` must exist when given; otherwise `pricecast.toml` of the current folder is read if there.
    Raises ConfigError for a missing or malformed file, an unknown key or a value out of range.
    """
    path = config_file or DEFAULT_CONFIG_FILE
    if config_file is not None and not path.is_file():
        raise ConfigError(
            f"configuration file {path} does not exist", "Give an existing file to --config, or leave it out."
        )
    values = _read_toml(path) if path.is_file() else {}
    try:
        return Settings.model_validate(_FromEnvironment(**values).model_dump())
    except ValidationError as error:
        raise _config_error(error, path) from error
    except SettingsError as error:
        raise ConfigError(f"PRICECAST_* variables: {error}", "Write lists and tables as JSON.") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}", "Correct the file at that place.") from error


def _config_error(error: ValidationError, path: Path) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    place = f"{path} or PRICECAST_*" if path.is_file() else "the environment (PRICECAST_*)"
    if first["type"] == "extra_forbidden":
        known = _known_keys(first["loc"])
        return ConfigError(f"unknown key '{key}' in {place}", f"Expected one of: {known}.")
    return ConfigError(f"'{key}' in {place}: {first['msg']}", "Correct the value.")


def _known_keys(location: tuple[int | str, ...]) -> str:
    fields = Settings.model_fields
    for part in location[:-1]:
        annotation = fields[str(part)].annotation if str(part) in fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return _nested_keys(str(location[0]))
        fields = annotation.model_fields
    return ", ".join(sorted(fields))


def _nested_keys(top: str) -> str:
    nested: dict[str, type[BaseModel]] = {"assets": AssetSettings, "model": ModelOverride}
    return ", ".join(sorted(nested.get(top, Settings).model_fields))
