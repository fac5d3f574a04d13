import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.serve import HOST, running_server
from flows.runners import PREFECT_DEFAULTS
from tests.deployments.server import Server

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a command that knows nothing of the person who runs the tests."""
    home = tmp_path_factory.mktemp("home")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    own = {"HOME": str(home), "PREFECT_HOME": str(home / "prefect"), "PYTHONPATH": str(ROOT)}
    return {**inherited, **PREFECT_DEFAULTS, **own}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real Prefect server, scheduler included, in a folder of its own."""
    with running_server(free_port(), tmp_path_factory.mktemp("prefect")) as url:
        yield Server(url)
