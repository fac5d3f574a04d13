"""Daily bars of an asset, and how bars of the same sessions are joined and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.types.arrays import BoolArray, DateArray, FloatArray

OHLC = ("open", "high", "low", "close")
BAR_VALUES = (*OHLC, "volume")

SAME_PRICE = 1e-6
"""Relative difference below which two values of one price are the same: sources round, some to float32."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Validated settled daily bars of one asset: (n,) arrays, dates strictly increasing, no NaN.

    Prices are finite and positive with low <= open, close <= high; volume is finite and >= 0.
    """

    symbol: str
    session_dates: DateArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.session_dates)

    @property
    def ohlc(self) -> FloatArray:
        """(n, 4): open, high, low and close of each bar."""
        return np.column_stack([getattr(self, name) for name in OHLC])

    def at(self, rows: BoolArray | npt.NDArray[np.integer[Any]] | slice) -> Bars:
        """The bars of the chosen rows."""
        return Bars(self.symbol, *(getattr(self, name)[rows] for name in ("session_dates", *BAR_VALUES)))


def closes_on(dates: DateArray, session_dates: DateArray, closes: FloatArray) -> FloatArray:
    """Look up the closes (m,) on the (m,) `dates`; NaN where the ascending `session_dates` lack the date."""
    if len(session_dates) == 0:
        return np.full(len(dates), np.nan)
    place = np.minimum(np.searchsorted(session_dates, dates), len(session_dates) - 1)
    return np.where(session_dates[place] == dates, closes[place], np.nan)


def overlaid(below: Bars, above: Bars) -> Bars:
    """Join the bars of two sets by session; where both have a bar, that of `above` is taken."""
    kept = below.at(~np.isin(below.session_dates, above.session_dates))
    order = np.argsort(np.concatenate([kept.session_dates, above.session_dates]))
    joined = {
        name: np.concatenate([getattr(kept, name), getattr(above, name)])[order]
        for name in ("session_dates", *BAR_VALUES)
    }
    return Bars(above.symbol, **joined)


def agreeing(bars: Bars, others: Bars, tolerance: float, names: Sequence[str]) -> BoolArray:
    """Find which of the (n,) bars have a bar of the same session in `others` that agrees in the named values.

    `tolerance` is relative to the larger of the two values.
    """
    if len(others) == 0:
        return np.zeros(len(bars), dtype=bool)
    place = np.minimum(np.searchsorted(others.session_dates, bars.session_dates), len(others) - 1)
    agrees: BoolArray = others.session_dates[place] == bars.session_dates
    for name in names:
        left, right = getattr(bars, name), getattr(others, name)[place]
        agrees &= np.abs(left - right) <= tolerance * np.maximum(np.abs(left), np.abs(right))
    return agrees
