"""The schedules of prefect.yaml: what Prefect makes of them, and who else keeps the same times."""

import subprocess
import sys
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from deployments.serve import DEFINITIONS, deployments
from tests.deployments.conftest import ROOT
from tests.deployments.server import Server, eventually

FOLDER = DEFINITIONS.parent
DESCRIBED = {one["name"]: one for one in yaml.safe_load(DEFINITIONS.read_text())["deployments"]}
NEW_YORK, UTC_DAY, WEEKLY = "after-new-york-close", "after-utc-day", "weekly-maintenance"


def prefect(arguments: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "prefect", *arguments.split()]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def deployed(server: Server, surroundings: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The deployments as the server has them after the two commands that prefect.yaml names."""
    environment = {**surroundings, "PREFECT_API_URL": server.url}
    prefect("work-pool create pricecast --type process", environment)
    prefect("--no-prompt deploy --all --prefect-file deployments/prefect.yaml", environment)
    return server.deployments()


@pytest.mark.prefect
@pytest.mark.parametrize(
    ("name", "zone", "clock", "weekdays"),
    [
        (NEW_YORK, "America/New_York", time(18, 30), {0, 1, 2, 3, 4}),
        (UTC_DAY, "UTC", time(4, 15), {0, 1, 2, 3, 4, 5, 6}),
        (WEEKLY, "UTC", time(6, 30), {6}),
    ],
    ids=[NEW_YORK, UTC_DAY, WEEKLY],
)
def test_the_server_schedules_runs_at_the_local_times(
    server: Server,
    deployed: dict[str, dict[str, Any]],
    name: str,
    zone: str,
    clock: time,
    weekdays: set[int],
) -> None:
    runs = eventually(lambda: server.scheduled_runs(deployed[name]["id"]))
    starts = [
        datetime.fromisoformat(run["expected_start_time"].replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
        for run in runs
    ]
    assert {start.time() for start in starts} == {clock}
    assert {start.weekday() for start in starts} <= weekdays


@pytest.mark.prefect
def test_a_second_run_waits_for_the_first(deployed: dict[str, dict[str, Any]]) -> None:
    assert set(deployed) == set(DESCRIBED)
    for one in deployed.values():
        assert one["global_concurrency_limit"]["limit"] == 1
        assert one["concurrency_options"]["collision_strategy"] == "ENQUEUE"


@pytest.mark.prefect
def test_what_serve_would_serve_is_what_is_deployed(deployed: dict[str, dict[str, Any]]) -> None:
    for served in deployments():
        there = deployed[served.name]
        assert (served.entrypoint, served.parameters) == (there["entrypoint"], there["parameters"])
        assert [(one.schedule.cron, one.schedule.timezone) for one in served.schedules or []] == [
            (one["schedule"]["cron"], one["schedule"]["timezone"]) for one in there["schedules"]
        ]
        assert served.concurrency_limit == there["global_concurrency_limit"]["limit"]
        assert served.concurrency_options is not None
        assert served.concurrency_options.collision_strategy == "ENQUEUE"


def test_the_systemd_timer_keeps_the_times_of_the_daily_schedules() -> None:
    lines = (FOLDER / "pricecast.timer").read_text().splitlines()
    found = {line.partition("=")[2] for line in lines if line.startswith("OnCalendar=")}
    assert found == {_calendar(DESCRIBED[name]["schedules"][0]) for name in (NEW_YORK, UTC_DAY)}


def _calendar(schedule: dict[str, str]) -> str:
    """A cron schedule in systemd's words."""
    minute, hour, _, _, weekdays = schedule["cron"].split()
    days = {"*": "", "1-5": "Mon..Fri "}[weekdays]
    return f"{days}*-*-* {int(hour):02}:{int(minute):02}:00 {schedule['timezone']}"


@pytest.mark.parametrize("unit", sorted(FOLDER.glob("*.service")), ids=lambda unit: unit.name)
def test_the_systemd_units_call_commands_that_exist(unit: Path) -> None:
    (start,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    assert start.partition("bin/")[2] in {"pricecast run --direct", "pricecast serve"}
