"""From a flow's parameters, which are plain texts, to what the job takes. Imports no Prefect."""

from pathlib import Path

from pipeline.job.request import chosen_settings
from pipeline.settings import Settings


def settings_from(config: str | None, source: str | None = None, database: str | None = None) -> Settings:
    """The settings of the file `config` (or of the usual places), with what the parameters say otherwise.

    Raises ConfigError as `load_settings` does.
    """
    file = Path(config) if config else None
    return chosen_settings(file, database=database or None, source=source or None)
