"""Where prices come from: `open_source` turns a word of the configuration into a `PriceSource`.

A new source is an adapter file here and a line in `open_source`.
"""

from pathlib import Path

from pipeline.errors import UsageError
from pipeline.settings import DownloadSettings, Settings
from pipeline.sources.base import PriceSource

__all__ = ["PriceSource", "open_source", "with_assets_of_source"]

EXPECTED = "yahoo, csv:PATH, simulated"


def open_source(spec: str, download: DownloadSettings) -> PriceSource:
    """The source called `spec`: `yahoo`, `csv:PATH` (a folder or a long file) or `simulated`.

    Opening asks nothing of the outside world: a missing file or network shows at the first download.
    Raises UsageError for any other spec.
    """
    # Adapters are imported here so that only the one in use loads its libraries.
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
    raise UsageError(f"unknown price source '{spec}'", f"Give --source or 'source' as one of: {EXPECTED}.")


def with_assets_of_source(settings: Settings) -> Settings:
    """The settings; of the simulated source with its own assets, unless some of them are configured."""
    if settings.source != "simulated":
        return settings
    from pipeline.sources.simulated import with_simulated_assets

    return with_simulated_assets(settings)
