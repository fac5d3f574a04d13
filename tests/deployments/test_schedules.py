"""What Prefect makes of prefect.yaml: schedules, limits, and runs that a worker can load."""

import subprocess
import sys
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from deployments.serve import DEFINITIONS, deployments
from pipeline.store import open_store
from tests.deployments.conftest import ROOT
from tests.deployments.server import Server, eventually

DESCRIBED = {one["name"]: one for one in yaml.safe_load(DEFINITIONS.read_text())["deployments"]}
NEW_YORK, UTC_DAY, WEEKLY = "after-new-york-close", "after-utc-day", "weekly-maintenance"
PREFECT = Path(sys.executable).with_name("prefect")
WORK_SECONDS = 90

pytestmark = pytest.mark.prefect


def prefect(arguments: str, environment: dict[str, str], folder: Path = ROOT) -> None:
    """A command of Prefect as a person gives it: only what is installed can be imported."""
    environment = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [PREFECT, *arguments.split()],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def environment(server: Server, surroundings: dict[str, str]) -> dict[str, str]:
    return {**surroundings, "PREFECT_API_URL": server.url}


@pytest.fixture(scope="module")
def deployed(server: Server, environment: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The deployments as the server has them after the two commands that prefect.yaml names."""
    prefect("work-pool create pricecast --type process", environment)
    prefect("--no-prompt deploy --all --prefect-file deployments/prefect.yaml", environment)
    return server.deployments()


@pytest.mark.parametrize(
    ("name", "zone", "clock", "weekdays"),
    [
        (NEW_YORK, "America/New_York", time(18, 30), {0, 1, 2, 3, 4}),
        (UTC_DAY, "UTC", time(4, 15), {0, 1, 2, 3, 4, 5, 6}),
        (WEEKLY, "UTC", time(6, 30), {6}),
    ],
    ids=[NEW_YORK, UTC_DAY, WEEKLY],
)
def test_the_server_schedules_a_run_at_the_local_time_of_every_such_day(
    server: Server,
    deployed: dict[str, dict[str, Any]],
    name: str,
    zone: str,
    clock: time,
    weekdays: set[int],
) -> None:
    runs = eventually(lambda: server.scheduled_runs(deployed[name]["id"]))
    starts = sorted(
        datetime.fromisoformat(run["expected_start_time"].replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
        for run in runs
    )
    first, last = starts[0].date(), starts[-1].date()
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    assert {start.time() for start in starts} == {clock}
    assert [start.date() for start in starts] == [day for day in days if day.weekday() in weekdays]


def test_the_server_has_the_deployments_of_the_file_and_a_second_run_waits_for_the_first(
    deployed: dict[str, dict[str, Any]],
) -> None:
    assert set(deployed) == set(DESCRIBED)
    for name, there in deployed.items():
        described = DESCRIBED[name]
        assert (there["entrypoint"], there["parameters"]) == (
            described["entrypoint"],
            described["parameters"],
        )
        assert there["global_concurrency_limit"]["limit"] == 1
        assert there["concurrency_options"]["collision_strategy"] == "ENQUEUE"


def test_serve_describes_what_the_file_describes() -> None:
    served = {one.name: one for one in deployments()}
    assert set(served) == set(DESCRIBED)
    for name, one in served.items():
        described, options = DESCRIBED[name], one.concurrency_options
        crons = [
            {"cron": each.schedule.cron, "timezone": each.schedule.timezone} for each in one.schedules or []
        ]
        assert (one.entrypoint, one.parameters) == (described["entrypoint"], described["parameters"])
        assert crons == described["schedules"]
        assert options is not None
        limit = {"limit": one.concurrency_limit, "collision_strategy": str(options.collision_strategy.value)}
        assert limit == described["concurrency_limit"]


def test_a_process_worker_elsewhere_finds_the_flows_of_the_file(
    server: Server, environment: dict[str, str], deployed: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    database, folder = tmp_path / "prices.db", tmp_path / "backups"
    with open_store(str(database)):
        pass
    runs = {
        WEEKLY: {"folder": str(folder)},
        UTC_DAY: {"symbols": ["NOBODY"]},
    }
    ids = {
        name: server.ask(
            f"deployments/{deployed[name]['id']}/create_flow_run",
            {"state": {"type": "SCHEDULED"}, "parameters": parameters},
        )["id"]
        for name, parameters in runs.items()
    }
    arguments = "worker start --pool pricecast --run-once --prefetch-seconds 1 --install-policy never"
    own = {"PRICECAST_DATABASE": str(database), "PRICECAST_SOURCE": "simulated"}
    prefect(arguments, {**environment, **own}, tmp_path)
    states = {
        name: eventually(lambda run=run: _end_of(server, run), WORK_SECONDS) for name, run in ids.items()
    }
    assert states[WEEKLY]["type"] == "COMPLETED"
    assert len(list(folder.iterdir())) == 1
    # The flow was found, loaded and told what is wrong with its parameters.
    assert states[UTC_DAY]["type"] == "FAILED"
    assert "NOBODY" in states[UTC_DAY]["message"]


def _end_of(server: Server, run: str) -> dict[str, Any] | None:
    state: dict[str, Any] = server.ask(f"flow_runs/{run}")["state"]
    return state if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None
