"""How a run went, and what checks found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.types.arrays import BoolArray, DateArray, FloatArray, IntArray
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
class StartedRun:
    """A run by its number, how it stands, and when it started."""

    run_id: int
    status: RunStatus
    started_at: datetime


@dataclass(frozen=True)
class PastRun:
    """A run of the record: what it was told (all settings, as JSON), and when."""

    run_id: int
    settings_json: str
    source: str
    as_of: datetime
    started_at: datetime
    code_version: str


@dataclass(frozen=True, eq=False)
class IssuedForecasts:
    """The (n,) forecasts that one run issued of one asset with one model, by kind, origin and horizon."""

    symbol: str
    model: str
    config_hash: str
    is_live: BoolArray
    origin_dates: DateArray
    horizons: IntArray
    target_dates: DateArray
    last_closes: FloatArray
    closes: FloatArray
    is_any_warm: bool
    """Did any of its fits go on from the weights of another?"""
    live_start_hash: str
    """Hash of the weights that its live fit went on from; empty where it started anew, or there is none."""


@dataclass(frozen=True)
class Replayed:
    """How many of the forecasts of an asset and model come again bit for bit, and why others do not."""

    symbol: str
    model: str
    issued: int
    same: int
    note: str


@dataclass(frozen=True)
class CheckResult:
    """What one check found. `next_step` says what to do where `ok` is False, and may advise where True."""

    name: str
    ok: bool
    message: str
    next_step: str = ""
