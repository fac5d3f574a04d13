"""The steps of the daily job as Prefect tasks: each does what its plain twin in `pipeline.job.steps` does.

Only `download` is tried again, because only there may the same question get another answer; a rate limit is
not: the daily job makes the whole batch wait. Nothing is cached or persisted: the store is the one memory,
and it knows what it has already.
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
    """Did the task fail in a way that asking again later may cure?"""
    try:
        state.result()
    except TransientSourceError:
        return True
    except Exception:  # noqa: BLE001 - whatever else has failed, asking again does not cure it
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
    """The steps as tasks; `[download]` of the settings says how patiently Prefect asks the source."""
    patience = settings.download
    patient_download = download.with_options(
        retries=patience.tries - 1,
        retry_delay_seconds=exponential_backoff(patience.backoff_seconds),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_transient,
    )
    return Steps(
        download=patient_download,
        ingest=ingest,
        assign=assign,
        backtest=backtest,
        score=score,
        issue=issue,
        combine=combine,
        judge=judge,
        workers=task_runner_workers,
    )
