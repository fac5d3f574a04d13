"""Frozen hand-overs between the stages.

Array conventions: n sessions (rows), s samples (one per origin), t time steps, f features, H horizons.
Session dates are `datetime64[D]`, strictly increasing. Prices are in the asset's currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
DateArray: TypeAlias = npt.NDArray[np.datetime64]

RAW_COLUMNS = (
    *("date_text", "session_date"),
    *("open", "high", "low", "close", "adj_close", "volume"),
    *("dividend", "split_ratio"),
)


@dataclass(frozen=True, eq=False)
class RawPrices:
    """What a source hands over, in the source's order, before anything is believed.

    `rows` has exactly the columns RAW_COLUMNS: `date_text` as the source wrote it, `session_date`
    (datetime64, NaT where the text is no date), floats elsewhere with NaN for what the source left out
    (`dividend` and `split_ratio` are NaN throughout when the source does not give them).
    """

    symbol: str
    origin: str
    """Where the rows came from, in words for messages: a file's path, 'Yahoo Finance', 'simulated'."""
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Bars:
    """Validated settled daily bars of one asset: (n,) arrays, dates strictly increasing, no NaN.

    Prices are finite and positive with low <= open, close <= high; volume is finite and >= 0.
    """

    symbol: str
    session_dates: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.session_dates)


@dataclass(frozen=True)
class RejectedBar:
    """One row that was not believed, as it was read, and why."""

    symbol: str
    date_text: str
    reason: str
    row: str
    """The row's values as JSON text."""


class ActionKind(StrEnum):
    """What a corporate action is."""

    DIVIDEND = "dividend"
    SPLIT = "split"


@dataclass(frozen=True)
class CorporateAction:
    """A dividend (amount a share) or a split (new shares for one old) on its ex-date."""

    symbol: str
    ex_date: np.datetime64
    kind: ActionKind
    value: float


@dataclass(frozen=True, eq=False)
class ValidatedPrices:
    """What validation believes of one download, what it does not, and what is not there."""

    bars: Bars
    rejected: tuple[RejectedBar, ...]
    actions: tuple[CorporateAction, ...]
    missing: DateArray
    """Expected settled sessions between the first and the newest one that have no accepted bar."""


@dataclass(frozen=True)
class IngestSummary:
    """What one download changed in the store."""

    symbol: str
    new: int
    revised: int
    rejected: int
    missing: int
    newest_session: np.datetime64


class FeatureSet(StrEnum):
    """What a model sees of each session (see `features`)."""

    UNIVARIATE = "univariate"
    BIVARIATE = "bivariate"
    MULTIVARIATE = "multivariate"


class Differencing(StrEnum):
    """How levels become changes (see `difference`)."""

    LOG = "log"
    SIMPLE = "simple"
    NONE = "none"


class Scaling(StrEnum):
    """How features are scaled (see `scale`)."""

    MINMAX = "minmax"
    STANDARD = "standard"
    ROBUST = "robust"
    NONE = "none"


@dataclass(frozen=True, eq=False)
class Features:
    """Differenced features of one asset, a row a session, with what is needed to come back to prices.

    `values` (n, f) hold NaN where a value cannot be known (the first row of a segment after
    differencing, a lead before its first bar). Column 0 is always the differenced close: the target.
    `segments` (n,) change wherever a session is missing between two rows.
    """

    symbol: str
    names: tuple[str, ...]
    session_dates: DateArray
    values: FloatArray
    closes: FloatArray
    segments: IntArray


@dataclass(frozen=True, eq=False)
class Windows:
    """`values` (s, t, f) as known at each origin and `targets` (s, H), the next H values of feature 0.

    `values` hold no NaN; a target is NaN where its session is missing or lies after the data.
    `rows` (s,) are the origins' row numbers in the features they came from.
    """

    rows: IntArray
    values: FloatArray
    targets: FloatArray

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Stationarity:
    """Unit-root tests of the differenced close on the training rows.

    ADF's null is a unit root, KPSS's null is stationarity; NaN where a test cannot be computed.
    """

    adf_p: float
    kpss_p: float


@dataclass(frozen=True)
class EpochLoss:
    """Mean loss of one epoch in scaled units; validation is NaN where there is no validation block."""

    epoch: int
    training: float
    validation: float


class ForecastKind(StrEnum):
    """Issued by a daily run for targets after its as_of, or by walk-forward through the past."""

    LIVE = "live"
    BACKTEST = "backtest"


@dataclass(frozen=True)
class Provenance:
    """What a fit rests on: the same provenance gives the same forecasts, bit for bit."""

    symbol: str
    model: str
    config_hash: str
    data_hash: str
    seed: int
    code_version: str
    trained_from: np.datetime64
    trained_through: np.datetime64
    """The last session that any training or validation target touches."""
    n_training: int
    n_validation: int
    stationarity: Stationarity
    naive_mae: float
    """Mean absolute one-session change of the close over the training sessions (the scale of MASE)."""


@dataclass(frozen=True, eq=False)
class FitRecord:
    """One fit as the store keeps it. `weights` are `.npz` bytes without pickle, empty when not kept."""

    provenance: Provenance
    kind: ForecastKind
    epochs: tuple[EpochLoss, ...]
    best_epoch: int
    weights: bytes


@dataclass(frozen=True, eq=False)
class ForecastBlock:
    """The forecasts that one fit issued: o origins, H horizons.

    `origin_dates` (o,), `last_closes` (o,), `target_dates` (o, H), `closes` (o, H): finite and positive.
    """

    fit: FitRecord
    origin_dates: DateArray
    last_closes: FloatArray
    target_dates: DateArray
    closes: FloatArray


@dataclass(frozen=True, eq=False)
class Bands:
    """Prediction intervals beside a block's closes, each (o, H); NaN where too few past errors exist."""

    lower_80: FloatArray
    upper_80: FloatArray
    lower_95: FloatArray
    upper_95: FloatArray


@dataclass(frozen=True, eq=False)
class PendingForecasts:
    """Stored forecasts whose target has a settled bar and that have no current score, (m,) each.

    `origin_closes` and `target_closes` are the newest revisions, on today's price basis;
    `last_closes` are what the forecast knew, on the basis of its origin.
    """

    forecast_ids: IntArray
    last_closes: FloatArray
    origin_closes: FloatArray
    target_closes: FloatArray
    forecast_closes: FloatArray


@dataclass(frozen=True, eq=False)
class Scores:
    """Scored forecasts, (m,) each. Prices are in the basis of the forecast's origin."""

    forecast_ids: IntArray
    actual_closes: FloatArray
    errors: FloatArray
    """Forecast minus actual."""
    naive_errors: FloatArray
    """Last close minus actual."""


@dataclass(frozen=True)
class SeriesKey:
    """One series of forecasts: what is scored and judged together."""

    symbol: str
    model: str
    config_hash: str
    horizon: int


@dataclass(frozen=True, eq=False)
class TrackRecord:
    """The scored as-issued forecasts of one series, (m,) each, ordered by origin date.

    `is_live` tells live from backtest. Bands are NaN where none was issued.
    """

    key: SeriesKey
    origin_dates: DateArray
    target_dates: DateArray
    is_live: npt.NDArray[np.bool_]
    last_closes: FloatArray
    forecast_closes: FloatArray
    actual_closes: FloatArray
    naive_maes: FloatArray
    bands: Bands

    def __len__(self) -> int:
        return len(self.origin_dates)


@dataclass(frozen=True)
class MetricValue:
    """One metric of one series and kind of forecast. NaN where it is undefined."""

    key: SeriesKey
    kind: ForecastKind
    metric: str
    value: float
    n: int


class Verdict(StrEnum):
    """What a series of forecasts is worth (see `lag`)."""

    SKILLED = "SKILLED"
    ECHO = "ECHO"
    SUSPECT_ECHO = "SUSPECT_ECHO"
    NO_SKILL = "NO_SKILL"
    WORSE = "WORSE"
    INSUFFICIENT = "INSUFFICIENT"


@dataclass(frozen=True)
class LagVerdict:
    """What the lag judgement says of one series, with its evidence. NaN where undefined."""

    key: SeriesKey
    verdict: Verdict
    n: int
    skill: float
    dm_p_value: float
    """One-sided: the probability of so much skill if there were none."""
    p_echo: float
    nearest_naive: str
    distance: float
    """From the nearest naive rule, in units of the typical move."""
    mean_lag_sessions: float
    is_promoted: bool
    sentence: str


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


@dataclass(frozen=True)
class CheckResult:
    """What one check found. `next_step` says what to do where `ok` is False, and may advise where True."""

    name: str
    ok: bool
    message: str
    next_step: str = ""
