"""Features, training windows, fits and the forecasts that fits issue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.types.arrays import DateArray, FloatArray, IntArray
from pipeline.types.prices import Adjustment


class FeatureSet(StrEnum):
    """Which features of each session a model learns from (see `learn.features`)."""

    UNIVARIATE = "univariate"
    BIVARIATE = "bivariate"
    MULTIVARIATE = "multivariate"


class Differencing(StrEnum):
    """How price levels are turned into changes (see `learn.difference`)."""

    LOG = "log"
    SIMPLE = "simple"
    NONE = "none"


class Scaling(StrEnum):
    """How features are scaled (see `learn.scale`)."""

    MINMAX = "minmax"
    STANDARD = "standard"
    ROBUST = "robust"
    NONE = "none"


class Target(StrEnum):
    """What a model learns to forecast: the sessions 1 to H ahead (each), or session H ahead only (last)."""

    EACH = "each"
    LAST = "last"


class Weighting(StrEnum):
    """The weight of the mean change of an ensemble's members (see `learn.combine`).

    EQUAL: 1. SHRUNK: estimated from past forecasts, the rest of the weight going to the last value.
    """

    EQUAL = "equal"
    SHRUNK = "shrunk"


class Cell(StrEnum):
    """The recurrent layer of a network."""

    LSTM = "lstm"
    GRU = "gru"


class Shape(StrEnum):
    """The shape of a network's output for a window, such as many to one (see `networks.architectures`)."""

    DIRECT = "direct"
    SEQUENCE = "sequence"
    REPEAT = "repeat"
    RECURSIVE = "recursive"
    SEQ2SEQ = "seq2seq"


class Schedule(StrEnum):
    """How the learning rate decreases over the epochs."""

    CONSTANT = "constant"
    COSINE = "cosine"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True)
class LeadLag:
    """How the changes of a lead correlate with later changes of an asset, on the training rows of one fit.

    `correlation` is between the lead's change at a session and the asset's change `sessions_ahead` sessions
    later, where it is strongest; `p_value` is corrected for the choice of that session. `n` is the number of
    pairs, `is_used` whether the lead is a feature of the fit. NaN where undefined. See `learn.lead_lag`.
    """

    lead: str
    sessions_ahead: int
    correlation: float
    p_value: float
    n: int
    is_used: bool


@dataclass(frozen=True, eq=False)
class Features:
    """Differenced features of one asset, one row per session, with the closes to turn them into prices.

    `values` (n, f) hold NaN where a value cannot be known (the first row of a segment after
    differencing, a lead before its first bar). Column 0 is always the differenced close: the target.
    `closes` (n,) are the closes that were differenced, `traded_closes` (n,) the closes as traded; they are
    equal unless prices are adjusted for dividends (see `learn.adjust`). `segments` (n,) are the numbers of
    unbroken stretches of sessions: the number grows wherever a session is missing between two rows.
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
        """Return the factors (n,) that turn `closes` into traded closes; 1 where prices are not adjusted."""
        return self.traded_closes / self.closes


@dataclass(frozen=True, eq=False)
class Windows:
    """Training samples: input windows and their targets, one sample per origin.

    `values` (s, t, f) are the features as known at each origin and hold no NaN. `targets` (s, H) are the
    next H values of feature 0, NaN where the session is missing or lies after the data. `rows` (s,) are the
    row numbers of the origins in the features.
    """

    rows: IntArray
    values: FloatArray
    targets: FloatArray

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Stationarity:
    """p-values of two stationarity tests of the differenced close, on the training rows.

    The null hypothesis of the ADF test is a unit root, that of the KPSS test stationarity. NaN where a test
    cannot be computed.
    """

    adf_p: float
    kpss_p: float


@dataclass(frozen=True)
class EpochLoss:
    """Mean training and validation loss of one epoch, in scaled units; NaN without a validation block."""

    epoch: int
    training: float
    validation: float


class ForecastKind(StrEnum):
    """How a forecast was issued.

    LIVE: by a daily run, for targets after its as_of. BACKTEST: by walk-forward through past origins. AUDIT:
    by a cold fit, for comparison with the warm fit of the same origin; used for nothing else.
    """

    LIVE = "live"
    BACKTEST = "backtest"
    AUDIT = "audit"


class FitWay(StrEnum):
    """How a fit started: from random weights (COLD) or from the weights of an earlier fit (WARM)."""

    COLD = "cold"
    WARM = "warm"


@dataclass(frozen=True)
class Provenance:
    """Everything that determines a fit: equal provenance gives equal forecasts, bit for bit."""

    symbol: str
    model: str
    config_hash: str
    data_hash: str
    seed: int
    code_version: str
    trained_from: np.datetime64
    trained_through: np.datetime64
    """The last session that any training or validation target depends on."""
    n_training: int
    n_validation: int
    stationarity: Stationarity
    naive_mae: float
    """Mean absolute one-session change of the close over the training sessions: the denominator of MASE."""
    start_hash: str = ""
    """Hash of the weights that a warm fit started from; empty for a cold fit."""
    lead_lags: tuple[LeadLag, ...] = ()
    """The correlations of its leads on its training rows."""
    adjustment: Adjustment = Adjustment.SPLITS
    """What the prices for training and scoring are adjusted for."""

    @property
    def way(self) -> FitWay:
        """Return WARM for a fit that started from stored weights, otherwise COLD."""
        return FitWay.WARM if self.start_hash else FitWay.COLD


@dataclass(frozen=True, eq=False)
class FitRecord:
    """One fit as it is stored; `weights` are `.npz` bytes without pickle, empty when not kept."""

    provenance: Provenance
    kind: ForecastKind
    epochs: tuple[EpochLoss, ...]
    best_epoch: int
    weights: bytes


@dataclass(frozen=True, eq=False)
class ForecastBlock:
    """The forecasts that one fit issued for o origins and H horizons.

    `horizons` (H,) are in sessions. `last_closes` (o,) are the closes of the `origin_dates` (o,); `closes`
    (o, H), finite and positive, are the forecasts for the `target_dates` (o, H).
    """

    fit: FitRecord
    horizons: IntArray
    origin_dates: DateArray
    last_closes: FloatArray
    target_dates: DateArray
    closes: FloatArray


@dataclass(frozen=True, eq=False)
class MemberForecasts:
    """The forecasts of m ensemble members for the same o origins, oldest first, and H horizons.

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
    """Prediction intervals of a block's forecasts, each (o, H); NaN where there are too few past errors."""

    lower_80: FloatArray
    upper_80: FloatArray
    lower_95: FloatArray
    upper_95: FloatArray
