"""A real store that the real daily job fills in about a second: simulated prices and quick models."""

from pathlib import Path

import pytest

from pipeline.clock import parse_moment
from pipeline.job.daily import run_daily
from pipeline.job.request import Request, chosen_settings
from pipeline.settings import Settings
from pipeline.sources.simulated import SimulatedSource
from pipeline.store import open_store
from pipeline.types import RunSummary

DAY = "2022-06-01"
SYMBOLS = ("SIM-LEAD", "SIM-FOLLOW")
MODELS = ("last-value", "drift", "ridge")
CONFIG = """
source = "simulated"
horizons = 2
models = ["last-value", "drift", "ridge"]

[transform]
train_sessions = 200
time_steps = 5

[backtest]
origins = 40
refit_every = 40
"""


def light_config(folder: Path) -> Path:
    file = folder / "light.toml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def light_settings(folder: Path) -> Settings:
    return chosen_settings(light_config(folder), database=str(folder / "light.db"))


def run_light(folder: Path, command: str = "run") -> RunSummary:
    """One run into `folder`/light.db."""
    settings = light_settings(folder)
    request = Request(settings, parse_moment(DAY), SYMBOLS, command)
    with open_store(settings.database) as store:
        return run_daily(request, SimulatedSource(), store)


def light_store(factory: pytest.TempPathFactory) -> Path:
    """The database of one run, made once for all tests that only read it."""
    folder = factory.getbasetemp() / "light"
    if not folder.exists():
        folder.mkdir()
        run_light(folder)
    return folder / "light.db"
