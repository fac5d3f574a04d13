"""Feature scaling, fitted on training rows only.

scikit-learn computes the statistics. All scalers used here are affine, so two numbers per feature are kept.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from pipeline.types import FloatArray, Scaling


@dataclass(frozen=True, eq=False)
class Scaler:
    """An affine scaler: scaled = (value - offset) / spread per feature; both are (f,), and spread > 0."""

    offset: FloatArray
    spread: FloatArray


def fit_scaler(training_rows: FloatArray, scaling: Scaling) -> Scaler:
    """Fit a scaler to (n, f) finite training rows.

    `minmax` scales them to 0..1, `standard` to mean 0 and standard deviation 1, `robust` to median 0 and
    interquartile range 1, `none` not at all. A constant feature has spread 1.
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
    """Invert `scale`: unscale(scale(x)) equals x within float error."""
    return scaled * scaler.spread + scaler.offset


def feature_scaler(scaler: Scaler, feature: int) -> Scaler:
    """Select the scaler of one feature, for arrays in which every column is that feature, such as targets."""
    return Scaler(scaler.offset[feature : feature + 1], scaler.spread[feature : feature + 1])
