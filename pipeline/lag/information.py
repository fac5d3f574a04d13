"""The information test: do the predicted changes carry information about the moves?

The verdict SKILLED rests on this test. Each one-session return after an origin is multiplied by the sum of
the centred predictions whose horizon covers it (Hodrick 1992). The sum is divided by its own running root
mean square, the return by the volatility known before it (the Cauchy estimator of So and Shin 1999). Under
no skill and no market drift these terms are martingale differences, even for forecasts that track the price
level; the terms of Clark and West (2006, 2007) are not.

In a market with drift, forecasts that rise with the price level, or with time, would earn the market's mean
return. The test is therefore repeated on the returns less their running mean, and skill must be significant
in both. The second test alone would not be valid: the subtracted mean depends on the price level, which
brings back the bias of Dickey and Fuller (1979) for forecasts that track the level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter
from scipy.special import log_ndtr

from pipeline.lag.market import DECAY, HISTORY
from pipeline.lag.means import t_test
from pipeline.lag.predictions import Predictions
from pipeline.types import FloatArray

MIXTURE_VARIANCE = 50.0
"""The parameter rho of the half-normal mixture: the accumulated variance at which its power is highest."""
MAX_LOG_E_VALUE = 700.0
"""Cap of the log e-value, below the overflow of exp at 709."""


@dataclass(frozen=True, eq=False)
class Information:
    """The results of the information test, (m,) each.

    `p_skill`: p-value of the null hypothesis that the predicted changes carry no information about the moves.
    `p_anti`: p-value of the null hypothesis that the moves do not go against the predicted changes.
    `e_value`: evidence of skill since the first forecast, valid at any stopping time if the returns are
    symmetric about their mean (see `e_paths`).
    """

    p_skill: FloatArray
    p_anti: FloatArray
    e_value: FloatArray


def information_test(predictions: Predictions) -> Information:
    """Test whether the means of the information terms of m series differ from 0.

    A mean above 0 is skill, a mean below 0 means that moves go against predictions. `p_skill` is the larger
    of the two p-values, of the raw and of the demeaned returns; `p_anti` is that of the raw returns.
    """
    terms = information_terms(predictions)
    test, driftless = (t_test(kind) for kind in terms)
    opposite = replace(test, degrees=predictions.market.origins - 1)
    p_skill = np.maximum(test.p_upper(), driftless.p_upper())
    return Information(p_skill, opposite.p_lower(), evidence_paths(terms)[:, -1])


def information_terms(predictions: Predictions) -> FloatArray:
    """Compute the information terms (2, m, n + h - 1) of raw returns and of returns less their running mean.

    Without skill both have mean 0: the first if the market has no drift, the second if the forecasts do not
    track the price level.
    """
    market = predictions.market
    h, steps = market.horizon, market.origins + market.horizon - 1
    padded = np.pad(predictions.centred, ((0, 0), (h - 1, h - 1)))
    covering = np.lib.stride_tricks.sliding_window_view(padded, h, axis=1).sum(axis=2)
    decayed = lfilter([1.0 - DECAY], [1.0, -DECAY], covering**2, axis=1)
    size = np.sqrt(decayed / (1.0 - DECAY ** np.arange(1, steps + 1)))
    instrument = np.divide(covering, size, out=np.zeros_like(covering), where=size > 0.0)
    following = market.returns[:, HISTORY : HISTORY + steps]
    means = np.cumsum(market.returns, axis=1) / np.arange(1, market.returns.shape[1] + 1)
    drift = means[:, HISTORY - 1 : HISTORY - 1 + steps]
    return np.asarray(instrument * market.per_sigma * np.stack([following, following - drift]))


def evidence_paths(terms: FloatArray) -> FloatArray:
    """Compute the minimum (m, k) of the two e-processes of (2, m, k) information terms, term by term.

    The minimum never exceeds either e-process, so it is valid if at least one of them is.
    """
    return np.asarray(e_paths(terms).min(axis=0))


def e_paths(terms: FloatArray) -> FloatArray:
    """Compute the e-processes (..., k) of (..., k) terms: evidence of a mean above 0 after each term.

    The half-normal mixture of self-normalised sums (de la Pena 1999; Choe and Ramdas 2021 compare forecasters
    by it). If each term is symmetric about 0 given the earlier ones, the probability that a path ever reaches
    20 is at most 5%. The bound does not hold for skewed terms: see the skewed market of the calibration.
    The values are capped, and so finite, where they would overflow.
    """
    totals, spreads = np.cumsum(terms, axis=-1), np.cumsum(terms**2, axis=-1) + MIXTURE_VARIANCE
    log_e = (
        np.log(2.0)
        - 0.5 * np.log(spreads / MIXTURE_VARIANCE)
        + totals**2 / (2.0 * spreads)
        + log_ndtr(totals / np.sqrt(spreads))
    )
    return np.asarray(np.exp(np.minimum(log_e, MAX_LOG_E_VALUE)))
