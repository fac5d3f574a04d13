"""Turn the status of runs into the final state of a Prefect flow run."""

from collections.abc import Sequence
from typing import TypeVar, cast

from prefect.states import Completed

from pipeline.errors import PricecastError
from pipeline.types import Failure, RunStatus, RunSummary

R = TypeVar("R")

DEGRADED = "Degraded"
"""The name of the Completed state of a run in which some assets or models failed."""


class RunFailedError(PricecastError):
    """All assets of a run failed; `summaries` hold the failures."""

    def __init__(self, summaries: Sequence[RunSummary]) -> None:
        super().__init__(summary_line(summaries), "Fix the causes of the listed failures, then run again.")
        self.args = (summaries,)
        self.summaries = tuple(summaries)


def final_state(summaries: Sequence[RunSummary], result: R) -> R:
    """Return the final state of a flow: Completed, under the name Degraded when assets or models failed.

    A degraded run does not end as Failed, so that Prefect does not repeat work that is stored already. Raises
    RunFailedError when all assets of a run failed. The state has the type of `result`, because Prefect
    returns the result to the flow's caller.
    """
    if any(summary.status is RunStatus.FAILED for summary in summaries):
        raise RunFailedError(summaries)
    is_degraded = any(summary.status is RunStatus.DEGRADED for summary in summaries)
    name = DEGRADED if is_degraded else None
    return cast(R, Completed(name=name, message=summary_line(summaries), data=result))


def summary_line(summaries: Sequence[RunSummary]) -> str:
    """Return one line on the runs: the assets and models that failed, or else the number of new rows."""
    failed = dict.fromkeys(failure_label(failure) for summary in summaries for failure in summary.failures)
    if failed:
        return f"failed: {', '.join(failed)}"
    forecasts = sum(summary.n_forecasts for summary in summaries)
    scores = sum(summary.n_scores for summary in summaries)
    return f"{forecasts} new forecasts, {scores} new scores"


def failure_label(failure: Failure) -> str:
    """Return the symbol of a failure, and the model when it is a single model's failure."""
    return f"{failure.symbol} {failure.model}".strip()
