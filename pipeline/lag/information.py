"""Does a predicted change say anything about the move? The test that a verdict of skill rests on.

Each one-step return after an origin is met by the sum of the centred predictions that cover it (Hodrick
1992), scaled by its own running size and by the volatility known before the return (the Cauchy idea of So and
Shin 1999). Where there is no skill and the market has no drift, the terms are then martingale differences,
whatever the forecasts track; those of Clark and West (2006, 2007) are not for forecasts that track the level.

In a market that drifts, forecasts that rise with its level, or with time, would collect its mean return. So
the same is asked once more of the returns less their mean so far, and skill must show both times. The second
answer alone would not do: what is subtracted has seen the level, and the bias of Dickey and Fuller (1979) is
back for forecasts that track it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import lfilter
from scipy.special import log_ndtr

from pipeline.lag.market import DECAY, HISTORY
from pipeline.lag.means import plain
from pipeline.lag.predictions import Predictions
from pipeline.types import FloatArray

MIXTURE = 50.0
"""Variance at which the e-process gains most (rho of its half-normal mixture)."""
LARGEST_LOG = 700.0


@dataclass(frozen=True, eq=False)
class Information:
    """What the products of predictions and returns tell, (m,) each.

    `p_skill` that the predicted changes say nothing about the moves, `p_anti` that the moves do not go
    against them, `e_value` the evidence of skill since the first forecast, which holds whenever one looks as
    long as the returns are symmetric about their mean (see `e_paths`).
    """

    p_skill: FloatArray
    p_anti: FloatArray
    e_value: FloatArray


def inform(predictions: Predictions) -> Information:
    """Test the means of the information terms: above 0 is skill, below 0 its opposite.

    `p_skill` is the larger p-value of the two kinds of terms, `p_anti` that of the returns as they are.
    """
    terms = information_terms(predictions)
    test, driftless = (plain(kind) for kind in terms)
    opposite = replace(test, degrees=predictions.market.origins - 1)
    p_skill = np.maximum(test.p_upper(), driftless.p_upper())
    return Information(p_skill, opposite.p_lower(), evidence_paths(terms)[:, -1])


def information_terms(predictions: Predictions) -> FloatArray:
    """(2, m, n + h - 1): products of predictions and returns, and of the returns less their mean so far.

    Both have mean 0 without skill: the first where the market has no drift, the second where the forecasts do
    not track its level.
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
    """(m, k): the smaller of the two e-processes of (2, m, k) information terms after each of them.

    It never exceeds either, so whichever of them is valid lends it its guarantee.
    """
    return np.asarray(e_paths(terms).min(axis=0))


def e_paths(terms: FloatArray) -> FloatArray:
    """(..., k): the evidence of skill after each of (..., k) terms, valid whenever one looks.

    The half-normal mixture of self-normalised sums (de la Pena 1999; Choe and Ramdas 2021 compare forecasters
    so). Where each term, given those before it, is symmetric about 0, a path ever reaches 20 with a
    probability of 5% at most. Skewed terms break that bound: see the skewed market of the calibration.
    Finite: capped where it would overflow.
    """
    totals, spreads = np.cumsum(terms, axis=-1), np.cumsum(terms**2, axis=-1) + MIXTURE
    log_e = (
        np.log(2.0)
        - 0.5 * np.log(spreads / MIXTURE)
        + totals**2 / (2.0 * spreads)
        + log_ndtr(totals / np.sqrt(spreads))
    )
    return np.asarray(np.exp(np.minimum(log_e, LARGEST_LOG)))
