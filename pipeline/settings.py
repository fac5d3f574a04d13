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
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

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
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class AssetSettings(_Frozen):
    """One asset to forecast. Write one `[[assets]]` table for each."""

    symbol: str = Field(min_length=1)
    """The asset's name as the price source spells it, such as BTC-USD or AAPL."""
    calendar: str = "XNYS"
    """Trading calendar: a name of the library exchange_calendars (XNYS is New York), or 24/7 for crypto."""
    currency: str = "USD"
    """Currency of the prices. A download in another currency is quarantined."""
    leads: tuple[str, ...] | Literal["auto"] = ()
    """Other assets whose changes the multivariate models see. `auto`: every fit chooses them by itself."""
    spreads: tuple[str, ...] = ()
    """Other assets for which the multivariate models see the log ratio of the two closes, and its change."""

    @model_validator(mode="after")
    def _is_not_its_own(self) -> Self:
        named = () if self.leads == "auto" else self.leads
        if self.symbol in (*named, *self.spreads):
            raise ValueError(f"{self.symbol} is among its own leads or spreads")
        return self


class TransformSettings(_Frozen):
    """How stored prices become the windows that models learn from."""

    adjust: Adjustment = Adjustment.SPLITS
    """What prices are adjusted for, in training and scoring: `splits`, or `dividends` too (total return)."""
    difference: Differencing = Differencing.LOG
    """How prices become changes: `log` differences, `simple` differences, or `none` (prices as they are)."""
    scaler: Scaling = Scaling.STANDARD
    """How features are scaled, by statistics of the training rows alone: `standard` (mean 0, standard
    deviation 1), `minmax` (0 to 1), `robust` (median 0, interquartile range 1) or `none`."""
    time_steps: int = Field(default=10, ge=1, le=1000)
    """Consecutive sessions in one window, the input of one forecast."""
    train_sessions: int = Field(default=1500, ge=50)
    """A fit learns from windows that end in this many newest sessions up to its origin."""
    validation_fraction: float = Field(default=0.15, ge=0.0, lt=0.9)
    """Newest share of the windows, held out for early stopping and for ridge's penalty; 0: no validation."""
    target: Target = Target.EACH
    """`each`: forecast every session from 1 to `horizons` ahead; `last`: only the last of them."""
    bridge_gaps: bool = False
    """Whether a window may span missing sessions, as if the sessions around a gap were consecutive."""


class LstmSettings(_Frozen):
    """Architecture and training of the recurrent models; `[model.NAME.lstm]` sets any key for one model."""

    cell: Cell = Cell.LSTM
    """The recurrent layer: `lstm` or `gru`."""
    shape: Shape = Shape.DIRECT
    """`direct`: all horizons at once after the last step; `sequence`: after every step; `repeat`: the last
    output unfolded over the horizons; `recursive`: one session ahead, fed back for the next (univariate
    models only); `seq2seq`: an encoder whose states start a decoder."""
    seeds: int = Field(default=1, ge=1, le=100)
    """Networks trained from different seeds for one fit; the forecast is their mean."""
    units: int = Field(default=16, ge=1)
    """Units of each recurrent layer."""
    layers: int = Field(default=1, ge=1, le=8)
    """Recurrent layers on top of each other."""
    bidirectional: bool = False
    """Whether each layer also reads the window backward."""
    stateful: bool = False
    """Whether the recurrent state is kept from window to window and into the forecasts; `direct` only."""
    branches: int = Field(default=1, ge=1, le=2)
    """2: own features and leads go through separate recurrent layers, whose outputs are concatenated."""
    activation: str = "tanh"
    """Activation of the layer's output: the name of a Keras activation."""
    recurrent_activation: str = "sigmoid"
    """Activation of the layer's gates: the name of a Keras activation."""
    use_bias: bool = True
    """Whether the recurrent layers have a bias."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of a layer's inputs that is dropped in training."""
    recurrent_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the recurrent state that is dropped in training."""
    learning_rate: float = Field(default=5e-3, gt=0.0)
    """Learning rate of the optimizer in the first epoch."""
    schedule: Schedule = Schedule.CONSTANT
    """The learning rate over the epochs: `constant`, `cosine` (down to 0) or `exponential` (down to 10%)."""
    clip_norm: float = Field(default=0.0, ge=0.0)
    """Gradients whose common norm is larger are scaled down to it; 0: gradients are not clipped."""
    optimizer: str = "adam"
    """The name of a Keras optimizer."""
    loss: str = "mse"
    """The loss that training minimizes: `mse`, `mae`, `mape`, `msle`, `huber`, `log_cosh` or `cosine`."""
    epochs: int = Field(default=20, ge=1)
    """Passes over the training windows, at most."""
    batch_size: int = Field(default=64, ge=1)
    """Windows in one training step."""
    patience: int = Field(default=5, ge=1)
    """Training stops after this many epochs without a better validation loss; the best epoch is kept."""
    min_improvement: float = Field(default=0.005, ge=0.0, lt=1.0)
    """A validation loss counts as better only if it is lower by this share; smaller gains are noise."""
    warm_epochs: int = Field(default=0, ge=0)
    """Warm start: a fit continues from the previous fit's weights for this many epochs; 0: new weights."""
    warm_audit_days: int = Field(default=30, ge=1)
    """Days between comparisons of warm starts with a fit from new weights; if worse, warm starts end."""


class RidgeSettings(_Frozen):
    """Ridge regression on the flattened window."""

    alphas: tuple[Annotated[float, Field(gt=0.0)], ...] = (1e1, 1e2, 1e3, 1e4, 1e5)
    """Penalties to choose from; the one with the lowest error on the validation block is taken."""


def _unique_members(members: tuple[str, ...]) -> tuple[str, ...]:
    if len(members) < 2 or len(set(members)) < len(members):
        raise ValueError("an ensemble has two members or more, each of them once")
    return members


class EnsembleSettings(_Frozen):
    """The models `ensemble-mean` and `ensemble-shrunk`, which combine the forecasts of other models."""

    members: Annotated[tuple[str, ...], AfterValidator(_unique_members)] = (
        "ridge",
        "lstm-univariate",
        "lstm-multivariate",
    )
    """The models that are combined: at least two, all of them listed in `models`."""


class ModelOverride(_Frozen):
    """Settings of one model, in a table such as `[model.lstm-levels]`; they win over the general ones."""

    features: FeatureSet | None = None
    """What it sees: `univariate` (the close), `bivariate` (and the day's range) or `multivariate` (all)."""
    difference: Differencing | None = None
    """As `transform.difference`."""
    scaler: Scaling | None = None
    """As `transform.scaler`."""
    time_steps: int | None = Field(default=None, ge=1, le=1000)
    """As `transform.time_steps`."""
    train_sessions: int | None = Field(default=None, ge=50)
    """As `transform.train_sessions`."""
    validation_fraction: float | None = Field(default=None, ge=0.0, lt=0.9)
    """As `transform.validation_fraction`."""
    target: Target | None = None
    """As `transform.target`."""
    lstm: Mapping[str, Any] = Field(default_factory=dict)
    """Any keys of `[lstm]`, for this model."""


class BacktestSettings(_Frozen):
    """The walk-forward backtest that a model gets when it first runs for an asset."""

    origins: int = Field(default=500, ge=0)
    """Past sessions that forecasts are issued from: the newest ones. 0: no backtest."""
    refit_every: int = Field(default=125, ge=1)
    """The model is trained once for every so many origins, at the first of them."""


class IntervalSettings(_Frozen):
    """The conformal 80% and 95% bands around the forecasts."""

    window: int = Field(default=250, ge=20)
    """The newest errors of the same series, known at the origin, that set the width of its bands."""


class SettleSettings(_Frozen):
    """When a session's bar counts as final. Before that, no run uses it."""

    exchange_minutes: int = Field(default=30, ge=0)
    """Minutes after an exchange's close."""
    continuous_minutes: int = Field(default=180, ge=0)
    """Minutes after midnight UTC, for assets with the calendar 24/7."""


class DownloadSettings(_Frozen):
    """How prices are downloaded, and how patiently."""

    history_start: date = date(2015, 1, 1)
    """First session date that is asked for."""
    overlap_sessions: int = Field(default=20, ge=10)
    """Stored sessions that are downloaded again with the new ones, to see whether they have been revised."""
    timeout_seconds: float = Field(default=10.0, gt=0.0)
    """Seconds until a request without an answer counts as failed."""
    tries: int = Field(default=3, ge=1, le=10)
    """Attempts at one download, in all, when the failure may pass (broken connection, time-out, HTTP 5xx)."""
    backoff_seconds: float = Field(default=10.0, ge=0.0)
    """Pause before the second attempt; each further pause is twice as long, with some jitter."""
    seconds_between_requests: float = Field(default=1.0, ge=0.0)
    """Pause between two requests to Yahoo; jitter makes it up to half longer."""
    rate_limit_seconds: float = Field(default=60.0, ge=0.0)
    """A run's first pause after the source has reported a rate limit; each further one is twice as long."""
    rate_limit_pauses: int = Field(default=3, ge=0, le=10)
    """Pauses after which a run that is still rate-limited asks for no more downloads."""


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
    *("last-value", "drift", "ridge"),
    *("lstm-levels", "lstm-univariate", "lstm-bivariate", "lstm-multivariate"),
)


class Settings(_Frozen):
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
