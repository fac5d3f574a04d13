"""From features to forecasts: what models learn from, what a fit is, and what it issues."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.types.arrays import DateArray, FloatArray, IntArray
from pipeline.types.prices import Adjustment


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


class Target(StrEnum):
    """What a model learns to forecast: every session of the horizon, or the last of them alone."""

    EACH = "each"
    LAST = "last"


class Weighting(StrEnum):
    """How much an ensemble believes in the mean change of its members."""

    EQUAL = "equal"
    SHRUNK = "shrunk"


class Cell(StrEnum):
    """The recurrent layer of a network."""

    LSTM = "lstm"
    GRU = "gru"


class Shape(StrEnum):
    """What a network says of a window (see `networks.architectures`)."""

    DIRECT = "direct"
    SEQUENCE = "sequence"
    REPEAT = "repeat"
    RECURSIVE = "recursive"
    SEQ2SEQ = "seq2seq"


class Schedule(StrEnum):
    """How the learning rate falls over the epochs."""

    CONSTANT = "constant"
    COSINE = "cosine"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True)
class LeadLag:
    """How the changes of a lead go before those of an asset (see `lead_lag`), on the rows of one fit.

    The correlation is that of the lead's change at a session with the asset's change `sessions_ahead` later,
    where it is strongest; `p_value` allows for the choice of that session. NaN where it is undefined.
    """

    lead: str
    sessions_ahead: int
    correlation: float
    p_value: float
    n: int
    is_used: bool


@dataclass(frozen=True, eq=False)
class Features:
    """Differenced features of one asset, a row a session, with what is needed to come back to prices.

    `values` (n, f) hold NaN where a value cannot be known (the first row of a segment after
    differencing, a lead before its first bar). Column 0 is always the differenced close: the target.
    `closes` (n,) are in the units that the features are made of, `traded_closes` (n,) in those of the
    market; they are the same unless prices are adjusted for dividends (see `adjust`). `segments` (n,) change
    wherever a session is missing between two rows.
    """

    symbol: str
    names: tuple[str, ...]
    session_dates: DateArray
    values: FloatArray
    closes: FloatArray
    traded_closes: FloatArray
    segments: IntArray

    @property
    def basis(self) -> FloatArray:
        """(n,): what to multiply `closes` by to have them as traded at each session; 1 where they are."""
        return self.traded_closes / self.closes


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
    """Issued by a daily run for targets after its as_of, or by walk-forward through the past.

    An audit is what a fit that started anew says beside a warm one; nothing but the audit looks at it.
    """

    LIVE = "live"
    BACKTEST = "backtest"
    AUDIT = "audit"


class FitWay(StrEnum):
    """Started anew, or from the weights of the fit before."""

    COLD = "cold"
    WARM = "warm"


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
    start_hash: str = ""
    """Hash of the weights it went on from; empty for a fit that started anew."""
    lead_lags: tuple[LeadLag, ...] = ()
    """What its leads were worth on its training rows."""
    adjustment: Adjustment = Adjustment.SPLITS
    """What the prices it learnt from, and those that its forecasts are scored by, are adjusted for."""

    @property
    def way(self) -> FitWay:
        return FitWay.WARM if self.start_hash else FitWay.COLD


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

    `horizons` (H,) in sessions, `origin_dates` (o,), `last_closes` (o,), `target_dates` (o, H), `closes`
    (o, H): finite and positive.
    """

    fit: FitRecord
    horizons: IntArray
    origin_dates: DateArray
    last_closes: FloatArray
    target_dates: DateArray
    closes: FloatArray


@dataclass(frozen=True, eq=False)
class MemberForecasts:
    """What m models issued for the same o origins, oldest first, H horizons each.

    `closes` (m, o, H) are finite and positive; `actual_closes` (o, H) are NaN where not scored yet.
    `fit_ids` (o,) and `naive_maes` (o,) are those of the first model's fits.
    """

    origin_dates: DateArray
    last_closes: FloatArray
    target_dates: DateArray
    closes: FloatArray
    actual_closes: FloatArray
    fit_ids: IntArray
    naive_maes: FloatArray


@dataclass(frozen=True, eq=False)
class Bands:
    """Prediction intervals beside a block's closes, each (o, H); NaN where too few past errors exist."""

    lower_80: FloatArray
    upper_80: FloatArray
    lower_95: FloatArray
    upper_95: FloatArray
