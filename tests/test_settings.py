from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import ConfigError
from pipeline.settings import Settings, load_settings


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
