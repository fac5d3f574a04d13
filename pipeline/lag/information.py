"""Does a predicted change say anything about the move? The test that a verdict of skill rests on.

Each one-step return after an origin is met by the sum of the centred predictions that cover it (Hodrick
1992), scaled by its own running size and by the volatility known before the return (the Cauchy idea of So and
Shin 1999). Where there is no skill the terms are then martingale differences, whatever the forecasts track;
those of Clark and West (2006, 2007) are not for forecasts that track the level.
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
    against them, `e_value` the evidence of skill that holds whenever one looks.
    """

    p_skill: FloatArray
    p_anti: FloatArray
    e_value: FloatArray


def inform(predictions: Predictions) -> Information:
    """Test the mean of the information terms: above 0 is skill, below 0 its opposite."""
    terms = information_terms(predictions)
    test = plain(terms)
    opposite = replace(test, degrees=predictions.market.origins - 1)
    return Information(test.p_upper(), opposite.p_lower(), e_paths(terms)[:, -1])


def information_terms(predictions: Predictions) -> FloatArray:
    """(m, n + h - 1): the products of predictions and returns; their mean is 0 without skill."""
    market = predictions.market
    h, steps = market.horizon, market.origins + market.horizon - 1
    padded = np.pad(predictions.centred, ((0, 0), (h - 1, h - 1)))
    covering = np.lib.stride_tricks.sliding_window_view(padded, h, axis=1).sum(axis=2)
    decayed = lfilter([1.0 - DECAY], [1.0, -DECAY], covering**2, axis=1)
    size = np.sqrt(decayed / (1.0 - DECAY ** np.arange(1, steps + 1)))
    instrument = np.divide(covering, size, out=np.zeros_like(covering), where=size > 0.0)
    following = market.returns[:, HISTORY : HISTORY + steps]
    return np.asarray(instrument * following * market.per_sigma)


def e_paths(terms: FloatArray) -> FloatArray:
    """(m, k): the evidence of skill after each of the (m, k) terms, valid whenever one looks.

    Where there is no skill, a path ever reaches 20 with a probability of 5% at most: the half-normal mixture
    of self-normalised sums (de la Pena 1999; Choe and Ramdas 2021 compare forecasters so). Finite: capped
    where it would overflow.
    """
    totals, spreads = np.cumsum(terms, axis=1), np.cumsum(terms**2, axis=1) + MIXTURE
    log_e = (
        np.log(2.0)
        - 0.5 * np.log(spreads / MIXTURE)
        + totals**2 / (2.0 * spreads)
        + log_ndtr(totals / np.sqrt(spreads))
    )
    return np.asarray(np.exp(np.minimum(log_e, LARGEST_LOG)))
