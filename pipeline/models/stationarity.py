"""Unit-root tests of the differenced series, which are recorded with every fit."""

import warnings

import numpy as np
from statsmodels.tools.sm_exceptions import InterpolationWarning
from statsmodels.tsa.stattools import adfuller, kpss

from pipeline.types import FloatArray, Stationarity

MIN_VALUES = 20
"""Fewest values for the tests."""
LEVEL = 0.05
"""Significance level of the tests."""


def measure_stationarity(series: FloatArray) -> Stationarity:
    """Test an (n,) series for stationarity by ADF (Said and Dickey 1984) and KPSS (1992).

    The lags of ADF are chosen by AIC, those of KPSS automatically. NaN for fewer than 20 values or a constant
    series. The p-values of KPSS are clipped to 0.01..0.1 by its table.
    """
    if len(series) < MIN_VALUES or np.ptp(series) == 0.0:
        return Stationarity(float("nan"), float("nan"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InterpolationWarning)
        kpss_p = kpss(series, nlags="auto", result_object=True).pvalue
    return Stationarity(float(adfuller(series, result_object=True).pvalue), float(kpss_p))


def is_stationary(measured: Stationarity) -> bool:
    """Decide on stationarity: ADF rejects a unit root at 5%, and KPSS does not reject stationarity.

    A p-value of NaN counts as no evidence against stationarity.
    """
    is_nonstationary = measured.adf_p >= LEVEL or measured.kpss_p < LEVEL
    return not is_nonstationary
