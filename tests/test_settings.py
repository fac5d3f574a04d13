from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import ConfigError
from pipeline.models import RECIPES, configure
from pipeline.settings import (
    AssetSettings,
    EnsembleSettings,
    ModelOverride,
    Settings,
    database_name,
    load_settings,
)
from pipeline.types import Adjustment


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "pricecast.toml"


def test_without_a_file_the_defaults_hold(config: Path) -> None:
    settings = load_settings()
    assert settings.horizons == 5
    assert [asset.symbol for asset in settings.assets] == ["BTC-USD", "AAPL", "SPY"]


def test_the_environment_wins_over_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("horizons = 3\n[lstm]\nunits = 8\nepochs = 4\n")
    monkeypatch.setenv("PRICECAST_LSTM__UNITS", "64")
    settings = load_settings()
    assert (settings.horizons, settings.lstm.units, settings.lstm.epochs) == (3, 64, 4)


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("horizon = 5", "horizon", "horizons"),
        ("[lstm]\nunit = 5", "lstm.unit", "units"),
        ("[model.ridge]\nscale = 'minmax'", "model.ridge.scale", "scaler"),
        ("[[assets]]\nsymbol = 'A'\nlead = ['B']", "assets.0.lead", "leads"),
    ],
)
def test_an_unknown_key_is_named_with_the_known_ones(config: Path, text: str, key: str, hint: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert f"'{key}'" in caught.value.what
    assert "pricecast.toml" in caught.value.what
    assert hint in caught.value.next_step


@pytest.mark.parametrize(
    "text",
    [
        "horizons = 0",
        "horizons = 'many'",
        "models = []",
        "[transform]\nscaler = 'x'",
        "[transform]\nadjust = 'x'",
    ],
)
def test_a_value_out_of_range_is_refused(config: Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError, match=r"pricecast\.toml"):
        load_settings()


def test_an_asset_listed_twice_is_refused(config: Path) -> None:
    config.write_text("assets = [{ symbol = 'A' }, { symbol = 'A' }]")
    with pytest.raises(ConfigError, match="listed twice: A"):
        load_settings()


def test_a_file_that_is_no_toml_or_is_not_there_is_named(config: Path) -> None:
    config.write_text("horizons = [")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_settings()
    with pytest.raises(ConfigError, match=r"other\.toml does not exist"):
        load_settings(Path("other.toml"))


@pytest.mark.parametrize(
    ("symbol", "calendar", "currency"),
    [
        ("ETH-USD", "24/7", "USD"),
        ("005930.KS", "XKRX", "KRW"),
        ("MSFT", "XNYS", "USD"),
        ("BP.L", "XLON", "GBp"),
    ],
)
def test_an_unlisted_symbol_takes_its_market_from_its_suffix(
    symbol: str, calendar: str, currency: str
) -> None:
    asset = Settings().asset(symbol)
    assert (asset.calendar, asset.currency, asset.leads) == (calendar, currency, ())


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().horizons = 7  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [("PRICECAST_HORIZONS", "0", "horizons"), ("PRICECAST_LSTM__UNIT", "3", "lstm.unit")],
)
def test_a_wrong_variable_of_the_environment_is_named(
    config: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, key: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=rf"'{key}' in the environment \(PRICECAST_\*\)"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PRICECAST_MODELS", "ridge"), ("PRICECAST_ASSETS", "AAPL"), ("PRICECAST_LSTM", "x")],
)
def test_a_variable_that_is_no_json_is_refused_with_its_key(
    config: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable.removeprefix("PRICECAST_").lower()):
        load_settings()


ENVIRONMENT = {
    "PRICECAST_HORIZONS": "3",
    "PRICECAST_SEED": "11",
    "PRICECAST_DATABASE": "other.db",
    "PRICECAST_MODELS": '["drift"]',
    "PRICECAST_LSTM__UNITS": "64",
    "PRICECAST_ASSETS": '[{"symbol": "ETH-USD", "calendar": "24/7"}]',
    "PRICECAST_MODEL": '{"ridge": {"time_steps": 3}}',
    "PRICECAST_NOTHING": "1",
    "HORIZONS": "4",
}


@pytest.fixture
def environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_settings_made_by_hand_ignore_the_environment(environment: None) -> None:
    settings = Settings(seed=5)
    assert (settings.seed, settings.horizons, settings.lstm.units) == (5, 5, 16)
    assert settings == Settings.model_validate({"seed": 5})
    assert settings == Settings.model_validate_json('{"seed": 5}')


def test_settings_made_by_hand_ignore_the_file(config: Path) -> None:
    config.write_text("horizons = 3\n")
    assert Settings().horizons == 5


def test_settings_that_are_loaded_do_not(environment: None) -> None:
    settings = load_settings()
    assert type(settings) is Settings
    assert (settings.horizons, settings.seed, settings.database) == (3, 11, "other.db")
    assert (settings.models, settings.lstm.units) == (("drift",), 64)
    assert settings.assets == (AssetSettings(symbol="ETH-USD", calendar="24/7"),)
    assert settings.model == {"ridge": ModelOverride(time_steps=3)}


FILE = """
horizons = 3
seed = 11
models = ["last-value", "ridge"]
assets = [
    { symbol = "BTC-USD", calendar = "24/7", leads = "auto", spreads = ["SPY"] },
    { symbol = "SPY", leads = ["BTC-USD"] },
]

[transform]
adjust = "dividends"
difference = "simple"
scaler = "minmax"
validation_fraction = 0.1

[lstm]
cell = "gru"
learning_rate = 0.0123456789012345678
clip_norm = 1e-300

[ridge]
alphas = [0.1, 0.2, 0.30000000000000004]

[ensemble]
members = ["ridge", "drift"]

[model.lstm-univariate]
time_steps = 7
target = "last"
lstm = { units = 9, dropout = 0.3 }

[download]
history_start = 2016-02-29
"""


def test_settings_come_back_from_json_as_they_were(config: Path) -> None:
    config.write_text(FILE)
    for settings in (Settings(), load_settings()):
        again = Settings.model_validate_json(settings.model_dump_json())
        assert again == settings
        assert again.model_dump_json() == settings.model_dump_json()


@pytest.mark.parametrize("name", RECIPES)
def test_settings_from_json_configure_the_same_models(config: Path, name: str) -> None:
    config.write_text(FILE)
    for settings in (Settings(), load_settings()):
        again = Settings.model_validate_json(settings.model_dump_json())
        for asset in settings.assets:
            hashes = {configure(one, one.asset(asset.symbol), name).config_hash for one in (settings, again)}
            assert len(hashes) == 1


def test_the_file_that_comes_back_is_another_one_than_the_defaults(config: Path) -> None:
    config.write_text(FILE)
    settings = load_settings()
    assert settings.transform.adjust is Adjustment.DIVIDENDS
    assert settings.ensemble == EnsembleSettings(members=("ridge", "drift"))
    configs = [configure(one, settings.assets[0], "ridge") for one in (settings, Settings())]
    assert len({config.config_hash for config in configs}) == 2


@pytest.mark.parametrize(
    ("database", "name"),
    [
        ("prices.db", "prices.db"),
        ("sqlite:///prices.db", "prices.db"),
        ("sqlite:////var/prices.db?timeout=5", "/var/prices.db"),
        ("postgresql://me:secret@host/prices", "postgresql://me:***@host/prices"),
        ("postgresql://me:s@cret@host/prices", "postgresql://me:***@host/prices"),
        ("postgresql://me:se/cret@host/prices", "postgresql://me:***@host/prices"),
        ("postgresql://me@corp:secret@host/prices", "postgresql://me@corp:***@host/prices"),
        ("postgresql://host:5432/prices", "postgresql://host:5432/prices"),
        ("postgresql://host/x?user=me&password=secret", "postgresql://host/x?user=me&password=***"),
        ("postgresql://host/x?sslpassword=secret&a=1", "postgresql://host/x?sslpassword=***&a=1"),
        ("mysql://me:s@host/x?passwd=secret", "mysql://me:***@host/x?passwd=***"),
    ],
)
def test_a_database_is_named_without_its_password(database: str, name: str) -> None:
    assert database_name(database) == name
