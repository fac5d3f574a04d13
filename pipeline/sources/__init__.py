"""Price sources: `open_source` opens the one that the configuration names.

To add a source, write an adapter module in this package and add a line to `open_source`.
"""

from pathlib import Path

from pipeline.errors import UsageError
from pipeline.settings import DownloadSettings, Settings
from pipeline.sources.base import PriceSource

__all__ = ["PriceSource", "open_source", "with_assets_of_source"]

EXPECTED = "yahoo, csv:PATH, simulated"


def open_source(spec: str, download: DownloadSettings) -> PriceSource:
    """Open the source `spec`: `yahoo`, `csv:PATH` (a folder or a long file) or `simulated`.

    Opening accesses neither files nor the network: a missing file is an error of the first download. Raises
    UsageError for any other spec.
    """
    # Imported here, so that only the libraries of the source in use are loaded.
    kind, _, place = spec.partition(":")
    if spec == "yahoo":
        from pipeline.sources.yahoo import YahooSource

        return YahooSource(download)
    if kind == "csv" and place:
        from pipeline.sources.csv_folder import CsvSource

        return CsvSource(Path(place).expanduser())
    if spec == "simulated":
        from pipeline.sources.simulated import SimulatedSource

        return SimulatedSource()
    raise UsageError(
        f"unknown price source '{spec}'",
        f"Set --source, or 'source' in the configuration, to one of: {EXPECTED}.",
    )


def with_assets_of_source(settings: Settings) -> Settings:
    """Replace the assets in the settings by the simulated ones if the source is simulated.

    Settings that list a simulated asset already are not changed.
    """
    if settings.source != "simulated":
        return settings
    from pipeline.sources.simulated import with_simulated_assets

    return with_simulated_assets(settings)
