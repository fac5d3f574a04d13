"""`pricecast serve`: deployments, schedules and runs while it lives, nothing left behind when it goes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployments.serve import HOST, running_server
from pipeline.errors import UsageError
from pipeline.store import open_store
from tests.deployments.conftest import free_port
from tests.deployments.server import Server, eventually

SERVED = {"after-new-york-close", "after-utc-day", "weekly-maintenance"}
STOP_SECONDS = 60.0


@contextmanager
def serving(environment: dict[str, str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`serve` as a process of its own, working in `folder`; killed if a test leaves it behind."""
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.serve"], env=environment, cwd=folder, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def answers(server: Server) -> bool:
    try:
        return bool(server.ask("health"))
    except OSError:
        return False


def served(server: Server) -> bool:
    """Are the deployments there, and without the work pool that `prefect deploy` would give them?"""
    found = server.deployments()
    return set(found) >= SERVED and all(found[name]["work_pool_name"] is None for name in SERVED)


@pytest.mark.prefect
def test_serve_uses_the_server_it_is_given_runs_what_is_due_and_leaves_the_schedules_on(
    server: Server, surroundings: dict[str, str], tmp_path: Path
) -> None:
    open_store(str(tmp_path / "pricecast.db")).dispose()
    with serving({**surroundings, "PREFECT_API_URL": server.url}, tmp_path) as process:
        eventually(lambda: served(server))
        weekly = server.deployments()["weekly-maintenance"]
        run = server.ask(f"deployments/{weekly['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        eventually(lambda: server.ask(f"flow_runs/{run['id']}")["state"]["type"] == "COMPLETED", 90.0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0
    assert len(list((tmp_path / "backups").glob("pricecast-*.db"))) == 1
    for one in server.deployments().values():
        assert not one["paused"]
        assert [schedule["active"] for schedule in one["schedules"]] == [True]


@pytest.mark.prefect
def test_serve_starts_a_server_of_its_own_and_stops_it_at_the_end(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    port, home = free_port(), tmp_path / "prefect"
    own = Server(f"http://{HOST}:{port}/api")
    environment = {**surroundings, "PREFECT_SERVER_API_PORT": str(port), "PREFECT_HOME": str(home)}
    with serving(environment, tmp_path) as process:
        eventually(lambda: answers(own) and served(own), 120.0)
        child = _only_child(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0
    assert not answers(own)
    assert not Path(f"/proc/{child}").exists()
    assert (home / "server.log").stat().st_size > 0


def _only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert b"server" in Path(f"/proc/{child}/cmdline").read_bytes()
    return int(child)


@pytest.mark.prefect
def test_a_taken_port_is_refused_before_anything_starts(server: Server, tmp_path: Path) -> None:
    port = int(server.url.split(":")[2].partition("/")[0])
    home = tmp_path / "prefect"
    with pytest.raises(UsageError, match=f"port {port} .* in use"), running_server(port, home):
        pass
    assert not home.exists()


def test_the_command_loads_prefect_only_when_it_serves(tmp_path: Path) -> None:
    script = (
        "import deployments.serve, flows.runners, flows.parameters, sys; assert 'prefect' not in sys.modules"
    )
    environment = {"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, timeout=60, check=True)
