"""Price sources: `open_source` opens the one that the configuration names.

To add a source, write an adapter module in this package and add a line to `SOURCES`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.settings import DownloadSettings, Settings
from pipeline.sources.base import CheckedSource, PriceSource

__all__ = ["SOURCES", "PriceSource", "open_source", "with_assets_of_source"]

# Each imports its module when it is called, so that only the libraries of the source in use are loaded.


def _open_yahoo(_place: str, download: DownloadSettings) -> CheckedSource:
    from pipeline.sources.yahoo import YahooSource

    return YahooSource(download)


def _open_csv(place: str, _download: DownloadSettings) -> CheckedSource:
    from pipeline.sources.csv_folder import CsvSource

    try:
        return CsvSource(Path(place).expanduser())
    except RuntimeError as error:
        raise UsageError(
            f"the folder of the price source is unknown: {error}", "Give its full path."
        ) from error


def _open_simulated(_place: str, _download: DownloadSettings) -> CheckedSource:
    from pipeline.sources.simulated import SimulatedSource

    return SimulatedSource()


SOURCES: Mapping[str, Callable[[str, DownloadSettings], CheckedSource]] = {
    "yahoo": _open_yahoo,
    "csv:PATH": _open_csv,
    "simulated": _open_simulated,
}
"""How each source is opened, by its name in the configuration; PATH is where its files are."""


def open_source(spec: str, download: DownloadSettings) -> CheckedSource:
    """Open the source `spec`, as named in SOURCES, with a path in place of PATH.

    Opening accesses neither files nor the network: a missing file is an error of the first download. Raises
    UsageError for any other spec.
    """
    kind, _, place = spec.partition(":")
    opened = SOURCES.get(f"{kind}:PATH" if place else spec)
    if opened is None:
        raise UsageError(
            f"unknown price source '{spec}'",
            f"Set --source, or 'source' in the configuration, to one of: {', '.join(SOURCES)}.",
        )
    return opened(place, download)


def with_assets_of_source(settings: Settings) -> Settings:
    """Replace the assets in the settings by the simulated ones if the source is simulated.

    Settings that list a simulated asset already are not changed.
    """
    if settings.source != "simulated":
        return settings
    from pipeline.sources.simulated import with_simulated_assets

    return with_simulated_assets(settings)
