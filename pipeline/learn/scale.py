"""Feature scaling, fitted on training rows only and frozen.

scikit-learn computes the statistics; every one of its scalers used here is affine, so that two numbers a
feature are all that is kept.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from pipeline.types import FloatArray, Scaling


@dataclass(frozen=True, eq=False)
class Scaler:
    """scaled = (value - offset) / spread, a feature at a time; `offset` and `spread` are (f,), spread > 0."""

    offset: FloatArray
    spread: FloatArray


def fit_scaler(training_rows: FloatArray, scaling: Scaling) -> Scaler:
    """A scaler that knows the (n, f) finite training rows and nothing else.

    `minmax` maps them to 0..1, `standard` to mean 0 and standard deviation 1, `robust` to median 0 and
    interquartile range 1, `none` leaves them. A constant feature keeps its units (spread 1).
    """
    width = training_rows.shape[1]
    if scaling is Scaling.MINMAX:
        minmax = MinMaxScaler().fit(training_rows)
        return Scaler(minmax.data_min_, 1.0 / minmax.scale_)
    if scaling is Scaling.STANDARD:
        standard = StandardScaler().fit(training_rows)
        return Scaler(standard.mean_, standard.scale_)
    if scaling is Scaling.ROBUST:
        robust = RobustScaler().fit(training_rows)
        return Scaler(robust.center_, robust.scale_)
    return Scaler(np.zeros(width), np.ones(width))


def scale(values: FloatArray, scaler: Scaler) -> FloatArray:
    """Scale (..., f) values; NaN stays NaN."""
    return (values - scaler.offset) / scaler.spread


def unscale(scaled: FloatArray, scaler: Scaler) -> FloatArray:
    """The inverse of `scale`: unscale(scale(x)) equals x within float error."""
    return scaled * scaler.spread + scaler.offset


def feature_scaler(scaler: Scaler, feature: int) -> Scaler:
    """The scaler of one feature, for arrays whose every column is that feature (such as targets)."""
    return Scaler(scaler.offset[feature : feature + 1], scaler.spread[feature : feature + 1])
