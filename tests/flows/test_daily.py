"""The daily flow: the same rows as without Prefect, its states, its moment and what it shows."""

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import flows
from flows.parameters import settings_from
from pipeline.clock import parse_moment
from pipeline.errors import ConfigError, UsageError
from pipeline.job.daily import run_daily
from pipeline.job.request import Request
from pipeline.sources import open_source
from pipeline.store import open_store
from pipeline.types import RunStatus, RunSummary
from tests.flows.conftest import rows_of

if TYPE_CHECKING:
    from prefect import Flow

DAY = "2023-06-01"
UNKNOWN = "NOBODY"
ROOT = Path(flows.__file__).parents[1]

pytestmark = pytest.mark.prefect


@pytest.fixture
def daily_forecast(prefect_server: str) -> "Flow[..., RunSummary]":
    from flows.daily import daily_forecast

    return daily_forecast


def test_the_flow_and_the_plain_job_leave_the_same_rows(
    daily_forecast: "Flow[..., RunSummary]", config: str, tmp_path: Path
) -> None:
    for day in (DAY, "2023-06-03"):
        summary = daily_forecast(config, as_of=day, database=str(tmp_path / "flow.db"))
        settings = settings_from(config, database=str(tmp_path / "plain.db"))
        request = Request(settings, parse_moment(day))
        source = open_source(settings.source, settings.download)
        with open_store(settings.database) as store:
            assert summary == run_daily(request, source, store)
    by_flow, by_job = rows_of(tmp_path / "flow.db"), rows_of(tmp_path / "plain.db")
    assert by_flow == by_job
    assert len(by_flow["forecasts"]) > 400
    assert all(by_flow[name] for name in ("runs", "price_bars", "fits", "scores", "metrics", "verdicts"))


def test_a_run_that_loses_an_asset_completes_as_degraded(
    daily_forecast: "Flow[..., RunSummary]", config: str, tmp_path: Path
) -> None:
    from prefect.artifacts import Artifact

    state = daily_forecast(
        config, symbols=["SIM-LEAD", UNKNOWN], as_of=DAY, database=str(tmp_path / "x.db"), return_state=True
    )
    assert state.is_completed()
    assert (state.name, state.message) == ("Degraded", f"failed: {UNKNOWN}")
    assert state.result().status is RunStatus.DEGRADED
    shown = json.loads(str(Artifact.get("latest-forecasts").data))
    assert {row["symbol"] for row in shown} == {"SIM-LEAD"}
    assert {row["horizon"] for row in shown} == {1, 2}
    assert f"**{UNKNOWN}**" in str(Artifact.get("daily-run").data)
    assert json.loads(str(Artifact.get("model-scoreboard").data))[0]["verdict"]


def test_a_run_that_loses_every_asset_fails_and_says_why(
    daily_forecast: "Flow[..., RunSummary]", config: str, tmp_path: Path
) -> None:
    from flows.states import RunFailedError

    state = daily_forecast(
        config, symbols=[UNKNOWN], as_of=DAY, database=str(tmp_path / "x.db"), return_state=True
    )
    assert state.is_failed()
    with pytest.raises(RunFailedError, match=f"failed: {UNKNOWN}") as caught:
        state.result()
    (summary,) = caught.value.summaries
    assert summary.status is RunStatus.FAILED


def test_after_a_run_the_job_may_warn_outside_of_any_flow(
    daily_forecast: "Flow[..., RunSummary]", config: str, tmp_path: Path
) -> None:
    daily_forecast(config, as_of=DAY, database=str(tmp_path / "x.db"))
    logging.getLogger("pipeline.job.daily").warning("said outside of a flow")


def test_a_scheduled_run_knows_what_was_known_at_its_scheduled_moment(
    daily_forecast: "Flow[..., RunSummary]", config: str, tmp_path: Path
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.flow_engine import run_flow_sync
    from prefect.states import Scheduled

    scheduled = datetime(2023, 6, 1, 4, 15, tzinfo=UTC)
    parameters = {"config": config, "symbols": ["SIM-LEAD"], "database": str(tmp_path / "x.db")}
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(
            daily_forecast, parameters=parameters, state=Scheduled(scheduled_time=scheduled)
        )
    summary = run_flow_sync(daily_forecast, flow_run=run, parameters=parameters)
    assert summary.as_of == scheduled
    assert str(summary.ingested[0].newest_session) == "2023-05-31"


def test_a_run_without_schedule_or_as_of_knows_up_to_its_start(
    daily_forecast: "Flow[..., RunSummary]", config: str, tmp_path: Path
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    summary = daily_forecast(config, symbols=["SIM-LEAD"], database=str(tmp_path / "x.db"))
    assert before <= summary.as_of <= datetime.now(UTC)


def test_a_moment_in_the_future_and_a_missing_file_are_a_persons_errors(
    daily_forecast: "Flow[..., RunSummary]", config: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="future"):
        daily_forecast(config, as_of="2123-01-01", database=str(tmp_path / "x.db"))
    with pytest.raises(ConfigError, match="does not exist"):
        daily_forecast(str(tmp_path / "absent.toml"))


def test_a_run_that_starts_early_has_the_scheduled_moment_as_its_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows import moments

    scheduled = datetime(2026, 3, 20, 22, 30, tzinfo=UTC)
    monkeypatch.setattr(moments, "moment_of_run", lambda as_of: scheduled)
    monkeypatch.setattr(moments, "utc_now", lambda: scheduled - timedelta(seconds=1))
    assert moments.clock_of_run(None)() == scheduled
    monkeypatch.setattr(moments, "utc_now", lambda: scheduled + timedelta(seconds=1))
    assert moments.clock_of_run(None)() == scheduled + timedelta(seconds=1)


def test_the_command_gets_the_summary_back_and_nothing_is_printed(
    prefect_server: str, config: str, tmp_path: Path
) -> None:
    script = f"""
import os, sys
from flows.runners import run_under_prefect
assert "prefect" not in sys.modules
told = []
summary = run_under_prefect({config!r}, symbols=["SIM-LEAD", {UNKNOWN!r}], as_of={DAY!r},
                            database={str(tmp_path / "x.db")!r}, progress=lambda *args: told.append(args))
assert summary.status == "degraded", summary
assert told[-1] == ("verdicts", "", 1, 1), told
assert run_under_prefect({config!r}, symbols=[{UNKNOWN!r}], as_of={DAY!r}).status == "failed"
assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
assert os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "30", "a person's own setting wins"
"""
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "PREFECT_API_URL": prefect_server,
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "30",
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
