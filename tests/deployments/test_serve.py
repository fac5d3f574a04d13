"""`pricecast serve`: deployments, schedules and runs while it lives, nothing left behind when it goes."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from deployments.serve import HOST
from pipeline.store import open_store
from tests.deployments.server import Server, eventually, free_port

SERVED = {"after-new-york-close", "after-utc-day", "weekly-maintenance"}
STOP_SECONDS = 60.0
PRICECAST = [sys.executable, "-c", "from pipeline.cli import main; main()"]

pytestmark = pytest.mark.prefect


@contextmanager
def serving(port: int, environment: dict[str, str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`pricecast serve` as a process of its own, working in `folder`; ended if a test leaves it behind."""
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*PRICECAST, "serve", "--port", str(port)], env=environment, cwd=folder, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Asked first, so that it stops the server it may have started."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(server: Server) -> bool:
    try:
        return bool(server.ask("health"))
    except OSError:
        return False


def test_serve_starts_a_server_runs_what_is_due_and_stops_the_server_with_the_schedules_left_on(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    with open_store(str(tmp_path / "pricecast.db")):
        pass
    port, home = free_port(), tmp_path / "prefect"
    own = Server(f"http://{HOST}:{port}/api")
    with serving(port, {**surroundings, "PREFECT_HOME": str(home)}, tmp_path) as process:
        eventually(lambda: answers(own) and set(own.deployments()) == SERVED, 120.0)
        weekly = own.deployments()["weekly-maintenance"]["id"]
        run = own.ask(f"deployments/{weekly}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"]
        eventually(lambda: own.ask(f"flow_runs/{run}")["state"]["type"] == "COMPLETED", 90.0)
        child = _server_of(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0
    assert not answers(own)
    assert not Path(f"/proc/{child}").exists()
    assert len(list((tmp_path / "backups").glob("pricecast-*.db"))) == 1
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        assert list(database.execute("SELECT DISTINCT paused FROM deployment")) == [(0,)]
        assert list(database.execute("SELECT active FROM deployment_schedule")) == [(1,)] * len(SERVED)


def _server_of(pid: int) -> int:
    """The one child process that is a Prefect server."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = {child: Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") for child in children}
    (server,) = [child for child, words in commands.items() if words[3:5] == [b"server", b"start"]]
    return int(server)
