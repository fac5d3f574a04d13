"""Turn a flow's parameters, which are plain text, into settings. Imports no Prefect."""

from pathlib import Path

from pipeline.job.request import chosen_settings
from pipeline.settings import Settings


def settings_from(config: str | None, source: str | None = None, database: str | None = None) -> Settings:
    """Load the settings from the file `config` (or the default places) and override them by the parameters.

    Raises ConfigError as `load_settings` does.
    """
    file = Path(config) if config else None
    return chosen_settings(file, database=database or None, source=source or None)
