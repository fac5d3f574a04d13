"""How a run went, and what checks found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.types.ingestion import IngestSummary


class RunStatus(StrEnum):
    """How a run stands: DEGRADED lost some assets or models, FAILED all of them."""

    RUNNING = "running"
    DONE = "done"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True)
class Failure:
    """Something that one asset (and, where it is one's own, one model) could not do."""

    symbol: str
    model: str
    message: str


class Work(StrEnum):
    """What a run spends its time on, in the order of the data's way."""

    IMPORT = "import"
    LOAD = "load"
    TRANSFORM = "transform"
    TRACE = "trace"
    TRAIN = "train"
    FORECAST = "forecast"
    STORE = "store"
    JUDGE = "judge"
    WAIT = "wait"


@dataclass(frozen=True, eq=False)
class Timings:
    """Seconds by kind of work: of the process that ran the job, and of all its workers together."""

    own: Mapping[Work, float]
    workers: Mapping[Work, float]


@dataclass(frozen=True)
class RunSummary:
    """One daily run as a person asks about it."""

    run_id: int
    as_of: datetime
    status: RunStatus
    ingested: tuple[IngestSummary, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    n_forecasts: int
    n_scores: int
    n_verdicts: int
    timings: Timings | None = field(default=None, compare=False)


@dataclass(frozen=True)
class CheckResult:
    """What one check found. `next_step` says what to do where `ok` is False, and may advise where True."""

    name: str
    ok: bool
    message: str
    next_step: str = ""
