"""From a flow's parameters, which are plain texts, to what the job takes. Imports no Prefect."""

from pathlib import Path

from pipeline.settings import Settings, load_settings
from pipeline.sources.simulated import with_simulated_assets


def settings_from(config: str | None, source: str | None = None, database: str | None = None) -> Settings:
    """The settings of the file `config` (or of the usual places), with what the parameters say otherwise.

    Raises ConfigError as `load_settings` does.
    """
    settings = load_settings(Path(config) if config else None)
    overrides = {"source": source, "database": database}
    settings = settings.model_copy(update={key: value for key, value in overrides.items() if value})
    return with_simulated_assets(settings) if settings.source == "simulated" else settings
