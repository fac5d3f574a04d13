"""What a run is asked for: settings, moment and symbols, and the assets that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.calendars import calendar_of
from pipeline.errors import UsageError
from pipeline.settings import AssetSettings, Settings, load_settings
from pipeline.sources import with_assets_of_source


@dataclass(frozen=True)
class Request:
    """What a run is asked for; without `symbols` every configured asset."""

    settings: Settings
    as_of: datetime
    symbols: tuple[str, ...] = ()
    command: str = "run"


@dataclass(frozen=True)
class Selection:
    """The assets to forecast, and their leads that are only downloaded."""

    assets: tuple[AssetSettings, ...]
    leads: tuple[AssetSettings, ...]

    @property
    def all(self) -> tuple[AssetSettings, ...]:
        """Every asset to download, leads first."""
        return self.leads + self.assets


def chosen_settings(
    config: Path | None = None, *, database: str | None = None, source: str | None = None
) -> Settings:
    """Load the settings of file and environment; `database` and `source`, where given, replace theirs.

    With the simulated source the assets are the simulated ones, unless simulated ones are configured. Raises
    ConfigError as `load_settings` does.
    """
    given = {"database": database, "source": source}
    settings = load_settings(config)
    settings = settings.model_copy(update={key: value for key, value in given.items() if value is not None})
    return with_assets_of_source(settings)


def selected_assets(request: Request) -> Selection:
    """Select the assets of a request and their leads; UsageError when there is nothing to forecast."""
    settings = request.settings
    symbols = request.symbols or tuple(asset.symbol for asset in settings.assets)
    if not symbols:
        raise UsageError("no assets to forecast", "Add [[assets]] to pricecast.toml, or give --symbols.")
    assets = tuple(settings.asset(symbol) for symbol in dict.fromkeys(symbols))
    lead_symbols = dict.fromkeys(lead for asset in assets for lead in settings.needed_symbols(asset))
    leads = tuple(settings.asset(symbol) for symbol in lead_symbols if symbol not in symbols)
    return Selection(assets, leads)


def check_as_of(as_of: datetime, now: datetime) -> None:
    """Raise UsageError for a moment in the future."""
    if as_of > now:
        raise UsageError(
            f"--as-of {as_of:%Y-%m-%d %H:%M} UTC lies in the future",
            f"Give a moment up to now ({now:%Y-%m-%d %H:%M} UTC), or leave --as-of out.",
        )


def check_calendars(settings: Settings, assets: Sequence[AssetSettings]) -> None:
    """Raise ConfigError for an asset whose calendar does not exist."""
    for asset in assets:
        calendar_of(asset, settings)
