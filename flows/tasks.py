"""The steps of the daily job as Prefect tasks, which call the functions of `pipeline.job`.

Only `download` is retried, because no other step can succeed on a second try. A rate limit is not retried
here: the daily job pauses all downloads instead. Prefect caches and persists no results, because all results
are in the database, and a step skips what is stored already.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import exponential_backoff

from flows.workers import task_runner_workers
from pipeline.errors import TransientSourceError
from pipeline.job import due
from pipeline.job.daily import Steps
from pipeline.job.steps import forecasts, prices, verdicts
from pipeline.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")


def is_transient(_task: Task[..., Any], _task_run: TaskRun, state: State[Any]) -> bool:
    """Return whether the task failed with a TransientSourceError, so that a retry may succeed."""
    try:
        state.result()
    except TransientSourceError:
        return True
    except Exception:  # noqa: BLE001 - no other failure is worth a retry
        return False
    return False


def _decorated(step: Callable[P, R], run_name: str) -> Task[P, R]:
    decorate = task(name=step.__name__, task_run_name=run_name, cache_policy=NO_CACHE, persist_result=False)
    return decorate(step)


download = _decorated(prices.download, "download {asset.symbol}")
ingest = _decorated(prices.ingest, "ingest {asset.symbol}")
assign = _decorated(due.assign, "assign {asset.symbol}")
backtest = _decorated(forecasts.backtest, "backtest {asset.symbol}")
score = _decorated(verdicts.score, "score {asset.symbol}")
issue = _decorated(forecasts.issue, "issue {asset.symbol}")
combine = _decorated(forecasts.combine, "combine {asset.symbol}")
judge = _decorated(verdicts.judge, "judge")


def prefect_steps(settings: Settings) -> Steps:
    """Return the steps as tasks; retries of `download` follow the section `[download]` of the settings."""
    retrying_download = download.with_options(
        retries=settings.download.tries - 1,
        retry_delay_seconds=exponential_backoff(settings.download.backoff_seconds),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_transient,
    )
    return Steps(
        download=retrying_download,
        ingest=ingest,
        assign=assign,
        backtest=backtest,
        score=score,
        issue=issue,
        combine=combine,
        judge=judge,
        workers=task_runner_workers,
    )
