"""Bars that stand on another price level than the ones before them, without a split that says so.

A market moves within its bars: the range of a wild day touches the close before it. A bar that lies as a
whole beyond 1.75 times that close, or below its 1.75th part, is in other units: pence for pounds (100 times),
or a split that the source has not applied to the prices before it.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.types import Bars, BoolArray, DateArray, FloatArray

FACTOR = 1.75
"""A bar that lies as a whole further away is off its level."""
THREE_FOR_TWO, NEAR_THREE_FOR_TWO = 1.5, 0.04
"""The one usual split below FACTOR: taken for it where all four prices lie so near (relative)."""
SPLITS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50)
NEAR_SPLIT = 0.12
"""In logarithms: the market moves on the day of a split too."""
HUNDREDFOLD = (60.0, 160.0)
LASTING = 20
"""A level that has lasted for so many bars is the new one; only the bar that came to it stays in doubt."""
LONG = np.timedelta64(60, "D")
"""After so long without a bar, any level is possible."""


def jumps(bars: Bars, known_closes: FloatArray, before: float, released: BoolArray) -> FloatArray:
    """By how many times each of the (n,) bars is off the level that is trusted; NaN where it stands on it.

    The level is that of the `known_closes` (n,; NaN where none is stored), or of the trusted bar before; of
    the first bar it is the close `before` it, and where that is NaN, that of most of the first LASTING bars.
    A `released` bar is trusted, and the level goes on from it. A bar that is followed by LASTING others on
    its own level is off, and these are not: nothing that spans the jump can be learnt from, and both sides
    of it can.
    """
    prices = np.column_stack([bars.open, bars.high, bars.low, bars.close])
    level = before if np.isfinite(before) else _first_level(prices)
    if not _is_any_off(prices, known_closes, level):
        return np.full(len(bars), np.nan)
    return _Walk(bars.session_dates, prices, known_closes, released).ratios(level)


def reason_of(ratio: float) -> str:
    """What to call a bar that is so many times as high as the trusted level."""
    times = max(ratio, 1.0 / ratio)
    low, high = HUNDREDFOLD
    if low <= times <= high:
        return f"about 100 times too {'high' if ratio > 1.0 else 'low'}"
    nearest = min((*SPLITS, THREE_FOR_TWO), key=lambda split: abs(np.log(times / split)))
    if abs(np.log(times / nearest)) > NEAR_SPLIT:
        return "a jump of the whole bar without a split"
    new, old = ("3", "2") if nearest == THREE_FOR_TWO else (f"{nearest:g}", "1")
    split = f"{new}:{old}" if ratio < 1.0 else f"{old}:{new}"
    return f"a jump like a split of {split} that is not applied to the prices before"


@dataclass(frozen=True, eq=False)
class _Walk:
    """Bars (n,) compared one after the other with the level that is trusted."""

    dates: DateArray
    prices: FloatArray
    known_closes: FloatArray
    released: BoolArray

    def ratios(self, level: float) -> FloatArray:
        """As `jumps`, from a level on."""
        ratios = np.full(len(self.dates), np.nan)
        day = self.dates[0]
        is_settled = False
        for row, known in enumerate(self.known_closes):
            is_new = not np.isfinite(known)
            reference = level if is_new else known
            is_late = is_new and self.dates[row] - day > LONG
            is_on = is_settled and is_new
            is_trusted = is_on or is_late or self.released[row] or not _is_off(self.prices[row], reference)
            is_settled = False
            if is_trusted:
                level, day = self.prices[row, 3], self.dates[row]
            else:
                ratios[row] = self.prices[row, 3] / reference
                is_settled = is_new and self._lasts(row)
                level = level if is_new else known
        return ratios

    def _lasts(self, row: int) -> bool:
        """Do LASTING bars that are not stored yet follow on the level of this one?"""
        after = slice(row + 1, row + 1 + LASTING)
        prices, closes = self.prices[after], self.prices[row : row + LASTING, 3]
        is_whole = len(prices) == LASTING and bool(np.isnan(self.known_closes[after]).all())
        return is_whole and not _off(prices, closes).any()


def _is_any_off(prices: FloatArray, known_closes: FloatArray, level: float) -> bool:
    previous = np.concatenate(([level], prices[:-1, 3]))[: len(prices)]
    return bool((_off(prices, previous) | _off(prices, known_closes)).any())


def _is_off(prices: FloatArray, reference: float) -> bool:
    return bool(_off(prices[None, :], np.array([reference]))[0])


def _off(prices: FloatArray, references: FloatArray) -> BoolArray:
    """Which (n, 4) bars are off the level of the (n,) references; never where that is NaN."""
    with np.errstate(invalid="ignore"):
        lowest, highest = prices.min(axis=1) / references, prices.max(axis=1) / references
        is_beyond: BoolArray = (lowest > FACTOR) | (highest < 1.0 / FACTOR)
        return is_beyond | _near(lowest, highest, THREE_FOR_TWO) | _near(lowest, highest, 1.0 / THREE_FOR_TWO)


def _near(lowest: FloatArray, highest: FloatArray, split: float) -> BoolArray:
    return (lowest > split * (1.0 - NEAR_THREE_FOR_TWO)) & (highest < split * (1.0 + NEAR_THREE_FOR_TWO))


def _first_level(prices: FloatArray) -> float:
    """The close that most of the first bars are on the level of; NaN where there are none."""
    first = prices[:LASTING]
    on_level = [int((~_off(first, np.full(len(first), close))).sum()) for close in first[:, 3]]
    return float(first[int(np.argmax(on_level)), 3]) if on_level else np.nan
