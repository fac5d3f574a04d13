"""Runs: their status, failures, timings and forecasts; and the results of checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pipeline.types.arrays import BoolArray, DateArray, FloatArray, IntArray
from pipeline.types.ingestion import IngestSummary


class RunStatus(StrEnum):
    """The status of a run; DEGRADED: some assets or models failed, FAILED: no asset succeeded."""

    RUNNING = "running"
    DONE = "done"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True)
class Failure:
    """An error that stopped one asset, or one model of an asset.

    `model` is empty when the failure is not a single model's.
    """

    symbol: str
    model: str
    message: str


class Work(StrEnum):
    """The kinds of work that a run's time is spent on, in the order of the pipeline."""

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
    """Seconds by kind of work: in the process that ran the job, and in all its workers together."""

    own: Mapping[Work, float]
    workers: Mapping[Work, float]


@dataclass(frozen=True)
class RunSummary:
    """The outcome of one daily run: what was ingested, issued, scored and judged, and what failed."""

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
    """A run's number, status and start."""

    run_id: int
    status: RunStatus
    started_at: datetime


@dataclass(frozen=True)
class PastRun:
    """A stored run with the settings (as JSON), source and as_of that it was started with."""

    run_id: int
    settings_json: str
    source: str
    as_of: datetime
    started_at: datetime
    code_version: str


@dataclass(frozen=True, eq=False)
class IssuedForecasts:
    """The n forecasts that one run issued for one asset and model, sorted by kind, origin and horizon."""

    symbol: str
    model: str
    config_hash: str
    is_live: BoolArray
    origin_dates: DateArray
    horizons: IntArray
    target_dates: DateArray
    last_closes: FloatArray
    closes: FloatArray
    has_warm_fit: bool
    """Whether any of its fits was warm."""
    live_start_hash: str
    """Hash of the weights that its live fit started from; empty when that fit was cold or there is none."""


@dataclass(frozen=True)
class Replayed:
    """The result of replaying one asset and model: how many forecasts come out the same, bit for bit.

    `issued` counts the forecasts of the run, `same` those that the replay reproduced; `note` says why others
    differ.
    """

    symbol: str
    model: str
    issued: int
    same: int
    note: str


@dataclass(frozen=True)
class CheckResult:
    """The result of one check; `next_step` says what to do when `ok` is False, and may advise when True."""

    name: str
    ok: bool
    message: str
    next_step: str = ""
