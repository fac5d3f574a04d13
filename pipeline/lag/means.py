"""Is a mean different from zero? The tests of a series' mean that everything else rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct
from scipy.stats import t as student

from pipeline.types import FloatArray

FEWEST_COSINES = 4


@dataclass(frozen=True, eq=False)
class MeanTest:
    """Means (m,) of m series, their standard errors (m,) and the degrees of freedom of their t."""

    mean: FloatArray
    error: FloatArray
    degrees: int

    def p_upper(self) -> FloatArray:
        """(m,): probability of so large a t if the mean were 0; 1 where the t is not finite."""
        return self._p_value(self._t())

    def p_lower(self) -> FloatArray:
        """(m,): probability of so small a t if the mean were 0; 1 where the t is not finite."""
        return self._p_value(-self._t())

    def half_width(self, confidence: float = 0.95) -> FloatArray:
        """(m,): half the width of the two-sided interval of the mean."""
        return np.asarray(self.error * student.ppf(0.5 + confidence / 2.0, self.degrees))

    def _t(self) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.mean / self.error

    def _p_value(self, t: FloatArray) -> FloatArray:
        return np.where(np.isfinite(t), student.sf(t, self.degrees), 1.0)


def mean_test(values: FloatArray, horizon: int) -> MeanTest:
    """The mean of (m, n) terms that overlap over `horizon` sessions: plain t at 1, cosines above."""
    return plain(values) if horizon == 1 else cosine(values, horizon)


def plain(values: FloatArray) -> MeanTest:
    """Student's t of (m, n) independent terms: n - 1 degrees of freedom."""
    n = values.shape[1]
    return MeanTest(values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n), n - 1)


def cosine(values: FloatArray, horizon: int) -> MeanTest:
    """The mean of (m, n) dependent terms, by the equal-weighted cosine long-run variance.

    The variance of the mean is the mean of the first B squared type-II cosine coefficients over n, with B
    degrees of freedom (Lazarus, Lewis, Stock and Watson 2018).
    """
    n = values.shape[1]
    count = cosines(n, horizon)
    coefficients = dct(values, type=2, norm="ortho", axis=1)[:, 1 : count + 1]
    return MeanTest(values.mean(axis=1), np.sqrt(np.mean(coefficients**2, axis=1) / n), count)


def cosines(n: int, horizon: int) -> int:
    """How many cosines n terms allow: 0.41 n^(2/3), fewer when they overlap, at least 4."""
    count = int(0.41 * n ** (2.0 / 3.0))
    return max(min(count, n // (2 * horizon)), FEWEST_COSINES)
