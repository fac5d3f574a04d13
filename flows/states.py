"""How the status of a job shows as the state of its flow run."""

from collections.abc import Sequence
from typing import TypeVar, cast

from prefect.states import Completed

from pipeline.errors import PricecastError
from pipeline.types import Failure, RunStatus, RunSummary

R = TypeVar("R")

DEGRADED = "Degraded"
"""The name of the Completed state of a run that lost some assets or models."""


class RunFailedError(PricecastError):
    """No asset got through on some day; `summaries` say why."""

    def __init__(self, summaries: Sequence[RunSummary]) -> None:
        super().__init__(sentence(summaries), "Correct what the failures name, then run again.")
        self.args = (summaries,)
        self.summaries = tuple(summaries)


def final_state(summaries: Sequence[RunSummary], result: R) -> R:
    """Completed, or Completed under the name Degraded with a message that names the failures.

    Degraded is no failure, so that Prefect does not run again what is stored already. Raises RunFailedError
    when a run has failed. The state is typed as the result it carries: that is what a flow's caller gets.
    """
    if any(summary.status is RunStatus.FAILED for summary in summaries):
        raise RunFailedError(summaries)
    is_degraded = any(summary.status is RunStatus.DEGRADED for summary in summaries)
    name = DEGRADED if is_degraded else None
    return cast(R, Completed(name=name, message=sentence(summaries), data=result))


def sentence(summaries: Sequence[RunSummary]) -> str:
    """What came of the runs, in one line: what was lost, otherwise what was stored."""
    lost = dict.fromkeys(who(failure) for summary in summaries for failure in summary.failures)
    if lost:
        return f"not done: {', '.join(lost)}"
    forecasts = sum(summary.n_forecasts for summary in summaries)
    scores = sum(summary.n_scores for summary in summaries)
    return f"{forecasts} new forecasts, {scores} new scores"


def who(failure: Failure) -> str:
    """The asset, and the model where the failure is one model's own."""
    return f"{failure.symbol} {failure.model}".strip()
