"""Unit-root tests, recorded with every fit: is the differenced series stationary at all?"""

import warnings

import numpy as np
from statsmodels.tools.sm_exceptions import InterpolationWarning
from statsmodels.tsa.stattools import adfuller, kpss

from pipeline.types import FloatArray, Stationarity

FEWEST = 20
LEVEL = 0.05


def measure_stationarity(series: FloatArray) -> Stationarity:
    """ADF (Said and Dickey 1984, lags by AIC) and KPSS (1992, automatic lags) p-values of an (n,) series.

    NaN for fewer than 20 values or a constant series. KPSS p-values are clipped to 0.01..0.1 by its table.
    """
    if len(series) < FEWEST or np.ptp(series) == 0.0:
        return Stationarity(float("nan"), float("nan"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InterpolationWarning)
        kpss_p = kpss(series, nlags="auto", result_object=True).pvalue
    return Stationarity(float(adfuller(series, result_object=True).pvalue), float(kpss_p))


def is_stationary(measured: Stationarity) -> bool:
    """Whether both tests say so: ADF rejects a unit root at 5%, KPSS does not reject stationarity.

    A test that could not be computed has no say: a short or constant series shows no sign of wandering.
    """
    wanders = measured.adf_p >= LEVEL or measured.kpss_p < LEVEL
    return not wanders
