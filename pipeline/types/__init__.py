"""Frozen hand-overs between the stages.

Array conventions: n sessions (rows), s samples (one per origin), t time steps, f features, H horizons.
Session dates are `datetime64[D]`, strictly increasing. Prices are in the asset's currency.
"""

from pipeline.types.arrays import (
    BoolArray,
    DateArray,
    FloatArray,
    IntArray,
)
from pipeline.types.learning import (
    Bands,
    Cell,
    Differencing,
    EpochLoss,
    Features,
    FeatureSet,
    FitRecord,
    FitWay,
    ForecastBlock,
    ForecastKind,
    Provenance,
    Scaling,
    Schedule,
    Shape,
    Stationarity,
    Windows,
)
from pipeline.types.prices import (
    RAW_COLUMNS,
    ActionKind,
    Bars,
    CorporateAction,
    IngestSummary,
    RawPrices,
    RejectedBar,
    ValidatedPrices,
)
from pipeline.types.runs import (
    CheckResult,
    Failure,
    RunStatus,
    RunSummary,
)
from pipeline.types.scoring import (
    AuditedErrors,
    MetricValue,
    PendingForecasts,
    Scores,
    SeriesKey,
    TrackRecord,
)
from pipeline.types.verdicts import Evidence, Judgement, LagVerdict, Trial, Verdict

__all__ = [
    "RAW_COLUMNS",
    "ActionKind",
    "AuditedErrors",
    "Bands",
    "Bars",
    "BoolArray",
    "Cell",
    "CheckResult",
    "CorporateAction",
    "DateArray",
    "Differencing",
    "EpochLoss",
    "Evidence",
    "Failure",
    "FeatureSet",
    "Features",
    "FitRecord",
    "FitWay",
    "FloatArray",
    "ForecastBlock",
    "ForecastKind",
    "IngestSummary",
    "IntArray",
    "Judgement",
    "LagVerdict",
    "MetricValue",
    "PendingForecasts",
    "Provenance",
    "RawPrices",
    "RejectedBar",
    "RunStatus",
    "RunSummary",
    "Scaling",
    "Schedule",
    "Scores",
    "SeriesKey",
    "Shape",
    "Stationarity",
    "TrackRecord",
    "Trial",
    "ValidatedPrices",
    "Verdict",
    "Windows",
]
