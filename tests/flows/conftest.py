import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flows.runners import PREFECT_DEFAULTS, prepare_prefect
from tests.deployments.server import shared_server

# Before any test module here imports Prefect.
prepare_prefect(PREFECT_DEFAULTS)

LIGHT = """
source = "simulated"
horizons = 2
models = ["last-value", "drift", "ridge"]

[[assets]]
symbol = "SIM-LEAD"
calendar = "24/7"

[[assets]]
symbol = "SIM-FOLLOW"
calendar = "24/7"
leads = ["SIM-LEAD"]

[transform]
train_sessions = 200
time_steps = 5

[backtest]
origins = 40
refit_every = 20
"""

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def prefect_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API's address of the shared server, which flows in this process report to.

    They send no heartbeats: the thread that does holds up the end of each flow for a second.
    """
    url = shared_server(pytestconfig, tmp_path_factory).url
    from prefect.context import _temporary_global_settings_context, get_settings_context
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    own = {PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    # Threads of Prefect's own, such as that which passes on what a process pool tells, know the global ones.
    with temporary_settings(own), _temporary_global_settings_context(get_settings_context()):
        yield url


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with a simulated market and models that train in an instant."""
    file = tmp_path / "light.toml"
    file.write_text(LIGHT, encoding="utf-8")
    return str(file)


def rows_of(file: Path) -> Rows:
    """All rows of all tables, without the wall clock and the settings' own record of the file's name."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [_lasting(dict(row)) for row in connection.execute(f"SELECT * FROM {name} ORDER BY rowid")]
            for name in names
        }


def _lasting(row: dict[str, Any]) -> dict[str, Any]:
    lasting_moments = {"as_of_utc"}
    return {
        name: value
        for name, value in row.items()
        if name in lasting_moments or not (name.endswith("_at_utc") or name == "settings")
    }
