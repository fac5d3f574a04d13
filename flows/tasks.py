"""The steps of the daily job as Prefect tasks: each does what its plain twin in `pipeline.steps` does.

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
from pipeline import assign as assigning
from pipeline import steps
from pipeline.daily import Steps
from pipeline.errors import TransientSourceError
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


download = _decorated(steps.download, "download {asset.symbol}")
ingest = _decorated(steps.ingest, "ingest {asset.symbol}")
assign = _decorated(assigning.assign, "assign {asset.symbol}")
backtest = _decorated(steps.backtest, "backtest {asset.symbol}")
score = _decorated(steps.score, "score {asset.symbol}")
issue = _decorated(steps.issue, "issue {asset.symbol}")
combine = _decorated(steps.combine, "combine {asset.symbol}")
judge = _decorated(steps.judge, "judge")


def prefect_steps(settings: Settings) -> Steps:
    """The steps as tasks; `[download]` of the settings says how patiently Prefect asks the source."""
    patience = settings.download
    patient_download = download.with_options(
        retries=patience.tries - 1,
        retry_delay_seconds=exponential_backoff(patience.backoff_seconds),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_transient,
    )
    in_order = (steps.first_due, patient_download, ingest, assign, backtest, score, issue, combine, judge)
    return Steps(*in_order, workers=task_runner_workers)
