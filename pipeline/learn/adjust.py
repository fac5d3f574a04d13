"""Prices adjusted for dividends: what a share is worth whose dividends are reinvested.

The first bar is as traded and what follows accumulates forward, where vendors' adjusted closes start from the
newest bar and go back: so a row depends on nothing that comes later, bit for bit.
"""

from dataclasses import replace

import numpy as np

from pipeline.types import OHLC, Adjustment, Bars, FloatArray, Prices


def adjusted(prices: Prices, adjustment: Adjustment) -> Bars:
    """The bars: as stored, or with prices that carry the total return since the first of them."""
    bars = prices.bars
    if adjustment is Adjustment.SPLITS:
        return bars
    shares = reinvested_shares(prices)
    values = {name: getattr(bars, name) * shares for name in OHLC}
    return replace(bars, **values)


def adjusted_back(prices: Prices) -> FloatArray:
    """(n,): the closes in units of the newest, as vendors adjust them: `adj_close` of the view `prices`."""
    shares = reinvested_shares(prices)
    return prices.bars.close * shares / shares[-1:]


def reinvested_shares(prices: Prices) -> FloatArray:
    """(n,): what one share of the first bar has become by each, every dividend buying more of it.

    On its ex-date, or on the first bar after it, a dividend d after the close c makes one share
    1 / (1 - d / c) of them. One that is not below the close before, or has none before it, changes nothing.
    """
    dates, dividends = prices.bars.session_dates, prices.dividends
    places = np.searchsorted(dates, dividends.ex_dates)
    between = (places > 0) & (places < len(dates))
    places, amounts = places[between], dividends.amounts[between]
    before = prices.bars.close[places - 1]
    is_paid = amounts < before
    bought = np.ones(len(dates))
    np.divide.at(bought, places[is_paid], 1.0 - amounts[is_paid] / before[is_paid])
    return np.asarray(np.cumprod(bought))
