"""Adjust prices for dividends: the value of a share whose dividends are reinvested (total return).

Prices are adjusted forward from the first bar, which is as traded. Vendors adjust backward from the newest
bar; forward, a row does not depend, bit for bit, on anything later.
"""

from dataclasses import replace

import numpy as np

from pipeline.types import OHLC, Adjustment, Bars, FloatArray, Prices


def adjusted(prices: Prices, adjustment: Adjustment) -> Bars:
    """Adjust the bars: as stored for splits, or to total-return prices since the first bar for dividends."""
    bars = prices.bars
    if adjustment is Adjustment.SPLITS:
        return bars
    shares = reinvested_shares(prices)
    values = {name: getattr(bars, name) * shares for name in OHLC}
    return replace(bars, **values)


def adjusted_back(prices: Prices) -> FloatArray:
    """Adjust the closes (n,) backward from the newest, as vendors do: `adj_close` of the view `prices`."""
    shares = reinvested_shares(prices)
    return prices.bars.close * shares / shares[-1:]


def reinvested_shares(prices: Prices) -> FloatArray:
    """Compute the number of shares (n,) at each bar, of one share at the first, with dividends reinvested.

    A dividend d multiplies the shares by 1 / (1 - d / c), where c is the close before it, on its ex-date or
    on the first bar after it. A dividend that is not below that close, or has no close before it, is ignored.
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
