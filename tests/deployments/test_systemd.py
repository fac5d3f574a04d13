"""The systemd units: the same times as prefect.yaml, and commands that exist."""

from pathlib import Path

import pytest
import yaml

from deployments.serve import DEFINITIONS

FOLDER = DEFINITIONS.parent
DAILY = ("after-new-york-close", "after-utc-day")


def test_the_systemd_timer_keeps_the_times_of_the_daily_schedules() -> None:
    lines = (FOLDER / "pricecast.timer").read_text().splitlines()
    described = {one["name"]: one for one in yaml.safe_load(DEFINITIONS.read_text())["deployments"]}
    found = {line.partition("=")[2] for line in lines if line.startswith("OnCalendar=")}
    assert found == {_calendar(described[name]["schedules"][0]) for name in DAILY}


def _calendar(schedule: dict[str, str]) -> str:
    """A cron schedule in systemd's words."""
    minute, hour, _, _, weekdays = schedule["cron"].split()
    days = {"*": "", "1-5": "Mon..Fri "}[weekdays]
    return f"{days}*-*-* {int(hour):02}:{int(minute):02}:00 {schedule['timezone']}"


@pytest.mark.parametrize("unit", sorted(FOLDER.glob("*.service")), ids=lambda unit: unit.name)
def test_the_systemd_units_call_commands_that_exist(unit: Path) -> None:
    (start,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    assert start.partition("bin/")[2] in {"pricecast run --direct", "pricecast serve"}
