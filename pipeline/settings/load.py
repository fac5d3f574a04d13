"""Read the settings: built-in defaults, then `pricecast.toml`, then `PRICECAST_*` variables.

Nested keys take a double underscore in the environment: `PRICECAST_LSTM__UNITS=64` is `[lstm] units = 64`.
An unknown key of the file or a value out of range is a `ConfigError` that names the key and the file.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from pipeline.errors import ConfigError
from pipeline.settings.assets import AssetSettings
from pipeline.settings.learning import ModelOverride
from pipeline.settings.run import Settings

DEFAULT_CONFIG_FILE = Path("pricecast.toml")


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
