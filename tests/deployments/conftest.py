import os
from pathlib import Path

import pytest

from flows.runners import PREFECT_DEFAULTS
from tests.deployments.server import Server, shared_server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a command that knows nothing of the person who runs the tests."""
    home = tmp_path_factory.mktemp("home")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    own = {"HOME": str(home), "PREFECT_HOME": str(home / "prefect"), "PYTHONPATH": str(ROOT)}
    return {**inherited, **PREFECT_DEFAULTS, **own}


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A real Prefect server, scheduler included, in a folder of its own."""
    return shared_server(pytestconfig, tmp_path_factory)
