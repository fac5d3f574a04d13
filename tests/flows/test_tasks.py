"""The tasks: named after what they do, and only a transient failure of a download is tried again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from pipeline.errors import RateLimitError, SourceError, TransientSourceError
from pipeline.job.context import Job
from pipeline.job.daily import Steps
from pipeline.settings import AssetSettings, DownloadSettings, Settings
from pipeline.sources.simulated import SimulatedSource
from pipeline.store import Engine
from pipeline.types import RawPrices
from tests.deployments.server import eventually

if TYPE_CHECKING:
    from prefect import Task
    from prefect.client.schemas.objects import TaskRun

ASSET = AssetSettings(symbol="SIM-LEAD", calendar="24/7")
MOMENT = datetime(2023, 6, 1, tzinfo=UTC)
BEGINNING = date(2015, 1, 1)
PATIENT = Settings(download=DownloadSettings(tries=3, backoff_seconds=0.01))
TRIES = PATIENT.download.tries

pytestmark = pytest.mark.prefect


@dataclass
class FailingSource:
    """The simulated market after some failures."""

    errors: list[Exception]
    name: str = "failing"
    asked: int = 0
    market: SimulatedSource = field(default_factory=SimulatedSource)

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.market.download(asset, start, as_of)


def job(source: FailingSource, settings: Settings = PATIENT) -> Job:
    return Job(settings, MOMENT, 1, source, cast(Engine, None), MOMENT)


def steps_of(settings: Settings) -> Steps:
    from flows.tasks import prefect_steps

    return prefect_steps(settings)


def tasks_of(steps: Steps) -> list[tuple[str, Any]]:
    """All of them but `first_date`, a look into the store, and `workers`, which opens those who train."""
    return [(name, step) for name, step in vars(steps).items() if name not in {"first_date", "workers"}]


def in_a_flow(work: Callable[[], Any]) -> tuple[Any, list["TaskRun"]]:
    """What the work gives or raises, and the task runs it made."""
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.runtime import flow_run

    @flow(name="work")
    def working() -> tuple[Any, str]:
        try:
            return work(), flow_run.get_id()
        except SourceError as error:
            return error, flow_run.get_id()

    outcome, run_id = working()
    chosen = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    with get_client(sync_client=True) as client:
        return outcome, eventually(lambda: _ended(client.read_task_runs(flow_run_filter=chosen)))


def _ended(runs: list["TaskRun"]) -> list["TaskRun"]:
    """The runs once the server knows how all of them ended, which it learns a little later than we do."""
    return runs if all(run.state and run.state.is_final() for run in runs) else []


def download(source: FailingSource, settings: Settings = PATIENT) -> tuple[Any, list["TaskRun"]]:
    return in_a_flow(lambda: steps_of(settings).download(job(source, settings), ASSET, BEGINNING))


def transient() -> TransientSourceError:
    return TransientSourceError(ASSET.symbol, "no answer", "Try later.")


def test_prefect_asks_again_after_a_transient_failure(prefect_server: str) -> None:
    source = FailingSource([transient(), transient()])
    prices, (run,) = download(source)
    assert prices.symbol == ASSET.symbol
    assert (source.asked, run.run_count) == (3, 3)
    assert run.name == "download SIM-LEAD"


def test_nobody_asks_more_often_than_the_settings_say(prefect_server: str) -> None:
    source = FailingSource([transient() for _ in range(20)])
    error, (run,) = download(source)
    assert isinstance(error, TransientSourceError)
    assert (source.asked, run.run_count) == (TRIES, TRIES)


def test_one_try_is_one_try(prefect_server: str) -> None:
    source = FailingSource([transient()])
    error, _ = download(source, Settings(download=DownloadSettings(tries=1)))
    assert isinstance(error, TransientSourceError)
    assert source.asked == 1


@pytest.mark.parametrize(
    "error",
    [
        SourceError(ASSET.symbol, "no such symbol", "Correct it."),
        SourceError("X", "odd answer", "Look at it."),
        RateLimitError(ASSET.symbol, "too many", "Try later."),
    ],
    ids=["no such symbol", "odd answer", "a rate limit, which the whole batch waits for"],
)
def test_another_failure_is_not_asked_about_again(prefect_server: str, error: Exception) -> None:
    source = FailingSource([error])
    raised, (run,) = download(source)
    assert raised is error
    assert (source.asked, run.run_count) == (1, 1)


def test_only_the_download_is_tried_again() -> None:
    steps = steps_of(PATIENT)
    retries = {name: cast("Task[..., Any]", step).retries for name, step in tasks_of(steps)}
    assert retries.pop("download") == TRIES - 1
    assert set(retries.values()) == {0}


def test_every_step_of_the_job_is_a_task_of_its_name() -> None:
    names = {name: cast("Task[..., Any]", step).name for name, step in tasks_of(steps_of(PATIENT))}
    assert names == {name: name for name in names}


def test_waiting_doubles_from_the_configured_pause() -> None:
    patient = Settings(download=DownloadSettings(tries=4, backoff_seconds=10.0))
    task = cast("Task[..., Any]", steps_of(patient).download)
    assert task.retry_delay_seconds == [10.0, 20.0, 40.0]
    assert task.retry_jitter_factor
