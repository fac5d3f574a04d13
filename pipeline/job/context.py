"""What every step of a run is given, and what it gives back."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.learn.history import PointInTime
from pipeline.sources.base import PriceSource
from pipeline.store import Engine
from pipeline.types import Failure


@dataclass(frozen=True, eq=False)
class Job(PointInTime):
    """One run of the daily job: what it may know (`as_of`) and when it really runs (`started_at`)."""

    run_id: int
    source: PriceSource
    store: Engine
    started_at: datetime


@dataclass(frozen=True)
class StepResult:
    """The number of rows that a step stored, and the models that it failed for."""

    count: int
    failures: tuple[Failure, ...] = ()
