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
    A new bar has to be on the level of a stored one right after it, too; the ones before the first stored bar
    are off where most of the stored ones that follow are.

    A bar that is off its known close and on the level of a stored bar before it that was confirmed is a
    correction, and trusted. A `released` bar is trusted, and the level goes on from it. A bar that is
    followed by LASTING others on its own level is off, and these are not: nothing that spans the jump can be
    learnt from, and both sides of it can.
    """
    prices = np.column_stack([bars.open, bars.high, bars.low, bars.close])
    level = before if np.isfinite(before) else _first_level(prices)
    if not _is_any_off(prices, known_closes, level):
        return np.full(len(bars), np.nan)
    walk = _Walk(bars.session_dates, prices, known_closes, released)
    ratios = walk.ratios(level, is_anchored=bool(np.isfinite(before)))
    return ratios if np.isfinite(before) else _with_foreign_start(ratios, prices, known_closes)


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

    def ratios(self, level: float, *, is_anchored: bool) -> FloatArray:
        """As `jumps`, from a level on, which is a stored bar's if it `is_anchored`."""
        ratios = self._ratios_to_next()
        day = self.dates[0]
        is_settled = False
        for row, known in enumerate(self.known_closes):
            is_new = not np.isfinite(known)
            reference = level if is_new else known
            is_on = not self._is_off(row, reference) or (is_anchored and not self._is_off(row, level))
            is_free = is_new and (is_settled or self.dates[row] - day > LONG)
            is_settled = False
            if self.released[row] or ((is_on or is_free) and np.isnan(ratios[row])):
                ratios[row], level, day = np.nan, self.prices[row, 3], self.dates[row]
                is_anchored = is_anchored or not is_new
            else:
                ratios[row] = ratios[row] if is_on else self.prices[row, 3] / reference
                is_settled = is_new and self._lasts(row)
                level, day = (level, day) if is_new else (known, self.dates[row])
        return ratios

    def _ratios_to_next(self) -> FloatArray:
        """By how many times each (n,) new bar is off a stored one right after it; NaN where it is not."""
        following = np.append(self.known_closes[1:], np.nan)
        is_near = np.append(np.diff(self.dates) <= LONG, False)
        clashes = np.isnan(self.known_closes) & is_near & _off(self.prices, following)
        return np.where(clashes, self.prices[:, 3] / following, np.nan)

    def _is_off(self, row: int, reference: float) -> bool:
        return bool(_off(self.prices[row : row + 1], np.array([reference]))[0])

    def _lasts(self, row: int) -> bool:
        """Do LASTING bars that are not stored yet follow on the level of this one?"""
        after = slice(row + 1, row + 1 + LASTING)
        prices, closes = self.prices[after], self.prices[row : row + LASTING, 3]
        is_whole = len(prices) == LASTING and bool(np.isnan(self.known_closes[after]).all())
        return is_whole and not _off(prices, closes).any()


def _is_any_off(prices: FloatArray, known_closes: FloatArray, level: float) -> bool:
    previous = np.concatenate(([level], prices[:-1, 3]))[: len(prices)]
    return bool((_off(prices, previous) | _off(prices, known_closes)).any())


def _off(prices: FloatArray, references: FloatArray) -> BoolArray:
    """Which (n, 4) bars are off the level of the (n,) references; never where that is NaN."""
    with np.errstate(invalid="ignore"):
        lowest, highest = prices.min(axis=1) / references, prices.max(axis=1) / references
        is_beyond: BoolArray = (lowest > FACTOR) | (highest < 1.0 / FACTOR)
        return is_beyond | _near(lowest, highest, THREE_FOR_TWO) | _near(lowest, highest, 1.0 / THREE_FOR_TWO)


def _near(lowest: FloatArray, highest: FloatArray, split: float) -> BoolArray:
    return (lowest > split * (1.0 - NEAR_THREE_FOR_TWO)) & (highest < split * (1.0 + NEAR_THREE_FOR_TWO))


def _first_level(prices: FloatArray) -> float:
    """The close that a stretch without a jump begins with, the one that most of the first bars agree with.

    NaN of no bars.
    """
    first = prices[:LASTING]
    if len(first) == 0:
        return np.nan
    stretches = np.cumsum(np.append(True, _off(first[1:], first[:-1, 3]))) - 1
    closes = first[np.unique(stretches, return_index=True)[1], 3]
    agreeing = [
        int((~_off(first, np.full(len(first), close)) | (stretches == place)).sum())
        for place, close in enumerate(closes)
    ]
    return float(closes[int(np.argmax(agreeing))])


def _with_foreign_start(ratios: FloatArray, prices: FloatArray, known_closes: FloatArray) -> FloatArray:
    """The (n,) ratios, with those of the bars before the first stored one where they come in other units."""
    stored = np.flatnonzero(np.isfinite(known_closes))[:LASTING]
    if len(stored) == 0 or 2 * int(np.isfinite(ratios[stored]).sum()) <= len(stored):
        return ratios
    is_start = np.arange(len(ratios)) < stored[0]
    return np.where(is_start, np.nanmedian(prices[stored, 3] / known_closes[stored]), ratios)
