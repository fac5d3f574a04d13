"""Tests of whether the mean of a series is zero, for independent and for overlapping terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct
from scipy.stats import t as student

from pipeline.types import FloatArray

MIN_COSINES = 4
"""Fewest cosine coefficients, and so degrees of freedom, of a long-run variance."""


@dataclass(frozen=True, eq=False)
class MeanTest:
    """Means (m,) of m series, their standard errors (m,) and the degrees of freedom of their t statistics."""

    mean: FloatArray
    error: FloatArray
    degrees: int

    def p_upper(self) -> FloatArray:
        """Compute the p-values (m,) of a zero mean against a positive one; 1 where t is not finite."""
        return self._p_value(self._t())

    def p_lower(self) -> FloatArray:
        """Compute the p-values (m,) of a zero mean against a negative one; 1 where t is not finite."""
        return self._p_value(-self._t())

    def half_width(self, confidence: float = 0.95) -> FloatArray:
        """Compute half the width (m,) of the two-sided confidence interval of the mean."""
        return np.asarray(self.error * student.ppf(0.5 + confidence / 2.0, self.degrees))

    def _t(self) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.mean / self.error

    def _p_value(self, t: FloatArray) -> FloatArray:
        return np.where(np.isfinite(t), student.sf(t, self.degrees), 1.0)


def mean_test(values: FloatArray, horizon: int) -> MeanTest:
    """Test the mean of (m, n) terms of overlapping horizons: `t_test` at horizon 1, `cosine_test` above."""
    return t_test(values) if horizon == 1 else cosine_test(values, horizon)


def t_test(values: FloatArray) -> MeanTest:
    """Test the mean of (m, n) independent terms by Student's t with n - 1 degrees of freedom."""
    n = values.shape[1]
    return MeanTest(values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n), n - 1)


def cosine_test(values: FloatArray, horizon: int) -> MeanTest:
    """Test the mean of (m, n) dependent terms by the equal-weighted cosine long-run variance.

    The variance of the mean is the mean of the first B squared type-II cosine coefficients, divided by n, and
    its t statistic has B degrees of freedom (Lazarus, Lewis, Stock and Watson 2018).
    """
    n = values.shape[1]
    count = cosine_count(n, horizon)
    coefficients = dct(values, type=2, norm="ortho", axis=1)[:, 1 : count + 1]
    return MeanTest(values.mean(axis=1), np.sqrt(np.mean(coefficients**2, axis=1) / n), count)


def cosine_count(n: int, horizon: int) -> int:
    """Choose B, the number of cosines, for n terms: 0.41 n^(2/3), at most n / (2 horizon), at least 4."""
    count = int(0.41 * n ** (2.0 / 3.0))
    return max(min(count, n // (2 * horizon)), MIN_COSINES)
