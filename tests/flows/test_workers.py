"""Networks trained by Prefect's task runners: the same rows as without them."""

import sqlite3
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from pipeline.job.workers import InTurn
from tests.deployments.server import eventually
from tests.job.test_workers import assert_equal_bits, made_assignment
from tests.market import AS_OF, Market, market_in

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

pytestmark = [pytest.mark.prefect, pytest.mark.tensorflow]

ISSUED = """
SELECT symbol, model, kind, horizon, origin_date, forecast_close, lower_80, fits.epochs, fits.data_hash
FROM forecasts JOIN fits USING (fit_id, symbol, model, kind) ORDER BY forecast_id
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    market = market_in(tmp_path_factory.mktemp("market"))
    market.configure('["lstm-univariate", "ridge"]')
    text = market.config.read_text(encoding="utf-8") + "\n[lstm]\nunits = 3\nepochs = 2\n"
    market.config.write_text("workers = 1\n" + text, encoding="utf-8")
    return market


Issued = list[tuple[object, ...]]


def issued(file: Path) -> Issued:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(ISSUED).fetchall()


@pytest.fixture(scope="module")
def alone(market: Market) -> Issued:
    """What the job issues without Prefect, training in this process."""
    assert market.run() == 0
    return issued(market.database)


def tasks_of_last_run() -> set[str]:
    """The names of the tasks of the flow that ended last."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.client.schemas.sorting import FlowRunSort

    with get_client(sync_client=True) as client:
        (last,) = client.read_flow_runs(sort=FlowRunSort.END_TIME_DESC, limit=1)
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[last.id]))
        return {run.name for run in client.read_task_runs(flow_run_filter=chosen)}


@pytest.mark.parametrize("runner", ["process-pool", "dask"])
def test_a_task_runner_trains_the_same_networks_bit_for_bit(
    market: Market, alone: Issued, prefect_server: str, runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.runners import run_under_prefect

    other = market.folder / f"{runner}.db"
    monkeypatch.setenv("PRICECAST_TASK_RUNNER", runner)
    monkeypatch.setenv("PRICECAST_WORKERS", "2")
    summary = run_under_prefect(str(market.config), as_of=AS_OF, database=str(other))
    assert summary.failures == ()
    assert issued(other) == alone
    assert len(alone) == 2 * 2 * 2 * (20 + 1)
    trained = {"train GOOD-USD lstm-univariate", "train ODD-USD lstm-univariate"}
    assert eventually(lambda: trained <= tasks_of_last_run())


def test_without_its_package_dask_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from flows.workers import task_runner_workers
    from pipeline.errors import ConfigError
    from pipeline.settings import Settings

    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    with (
        pytest.raises(ConfigError, match=r"pricecast\[dask\]"),
        task_runner_workers(Settings(task_runner="dask")),
    ):
        pass


def test_what_a_task_runner_loses_with_a_dead_process_is_done_in_a_new_one() -> None:
    from flows.workers import TaskRunnerWorkers

    class LosingRunner:
        def submit(self, *_: object) -> "LosingRunner":
            return self

        def result(self) -> None:
            raise BrokenProcessPool("it died")

    assignment = made_assignment("lstm-univariate", 1)
    found = TaskRunnerWorkers(cast("TaskRunner[Any]", LosingRunner())).submit(assignment).result
    assert_equal_bits(found, InTurn().submit(assignment).result)
