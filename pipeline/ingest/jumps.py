"""Find bars whose prices are off the level of the bars around them, without a split that explains it.

The range of even a volatile day normally reaches back to the close of the day before. A bar that lies as a
whole above 1.75 times that close, or below 1/1.75 of it, is taken to be in other units: pence instead of
pounds (100 times), or a split that the source has not applied to the earlier prices.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np

from pipeline.types import Bars, BoolArray, DateArray, FloatArray, QuarantineCode

JUMP_FACTOR = 1.75
"""A bar whose whole range is further than this from the level, as a ratio, is off the level."""
THREE_FOR_TWO, NEAR_THREE_FOR_TWO = 1.5, 0.04
"""The usual split below JUMP_FACTOR: a bar is off if all four prices are so near its ratio (relative)."""
SPLITS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50)
SPLIT_DAY_MOVE = 0.12
"""In logarithms: how much a jump may differ from the ratio of a split: the market moves on that day too."""
HUNDREDFOLD_RANGE = (60.0, 160.0)
ACCEPTED_AFTER = 20
"""A new level is accepted after so many bars on it; only the first bar on it stays in quarantine."""
LONG_GAP = np.timedelta64(60, "D")
"""After a gap of this length any price level is accepted."""


def jumps(bars: Bars, known_closes: FloatArray, released: BoolArray) -> FloatArray:
    """Compare each of the (n,) bars with the accepted price level: its ratio to the level, or NaN if on it.

    The bars are those of a download, of rows in quarantine, and of the stored prices around them; stored bars
    have `known_closes` (n,; NaN for the others). Where nothing is stored, the level of most of the first
    ACCEPTED_AFTER bars is accepted. From the first accepted bar on, each later bar is compared with the
    accepted bar before it, and each earlier bar with the accepted bar after it. A new bar also has to be on
    the level of a stored bar right after it.

    - A bar that is off its own stored close, but on the level of the accepted bar before it, is a correction
      and is accepted.
    - A `released` bar is accepted, and sets the level for the bars after it.
    - A bar that ACCEPTED_AFTER further bars follow on its own level is off, and those bars are accepted: no
      window that spans the jump may be learnt from, but both sides of it may.
    - New bars that continue the level of a bar that contradicts a stored bar are off, however many there are.

    Accepted bars are then treated as stored, and the rest is judged again, until nothing changes. So the same
    bars are judged alike when they come again after some of them have been stored.
    """
    prices = bars.ohlc
    if not _is_any_off(prices, known_closes):
        return np.full(len(bars), np.nan)
    known = known_closes if np.isfinite(known_closes).any() else _first_accepted(prices)
    while True:
        ratios = _ratios(bars.session_dates, prices, known, released)
        accepted = np.where(np.isnan(ratios), prices[:, 3], known)
        if np.array_equal(accepted, known, equal_nan=True):
            return ratios
        known = accepted


def reason_of(ratio: float) -> tuple[QuarantineCode, str]:
    """Name why a bar `ratio` times as high as the accepted level is quarantined: code and words."""
    times = max(ratio, 1.0 / ratio)
    low, high = HUNDREDFOLD_RANGE
    if low <= times <= high:
        return QuarantineCode.HUNDREDFOLD, f"about 100 times too {'high' if ratio > 1.0 else 'low'}"
    nearest = min((*SPLITS, THREE_FOR_TWO), key=lambda split: abs(np.log(times / split)))
    if abs(np.log(times / nearest)) > SPLIT_DAY_MOVE:
        return QuarantineCode.PRICE_JUMP, "a jump of the whole bar without a split"
    new, old = (3, 2) if nearest == THREE_FOR_TWO else (nearest, 1)
    return (
        QuarantineCode.UNAPPLIED_SPLIT,
        f"a jump like a split of {new}:{old} or {old}:{new} that is not applied to all prices",
    )


def _ratios(
    dates: DateArray, prices: FloatArray, known_closes: FloatArray, released: BoolArray
) -> FloatArray:
    """Compare the bars on both sides of the first known close with the level: (n,) ratios, NaN if on it."""
    first = int(np.argmax(np.isfinite(known_closes)))
    onwards, back = slice(first, None), slice(first, None, -1)
    later = _Walk(dates[onwards], prices[onwards], known_closes[onwards], released[onwards]).ratios()
    earlier = _Walk(dates[back], prices[back], known_closes[back], released[back]).ratios()
    return np.concatenate([earlier[:0:-1], later])


class _LevelState(Enum):
    """What has happened since the bar that set a level."""

    CURRENT = auto()
    LEFT = auto()
    """The bar after it began another level, which lasts."""
    CONTRADICTED = auto()
    """The level is that of a stored bar, and the download has another price for the same session."""


@dataclass(frozen=True)
class _Level:
    close: float
    day: np.datetime64
    state: _LevelState


@dataclass(frozen=True, eq=False)
class _Walk:
    """Bars (n,) to be compared in their order with the accepted level, the first of them stored."""

    dates: DateArray
    prices: FloatArray
    known_closes: FloatArray
    released: BoolArray

    def ratios(self) -> FloatArray:
        """Compare each bar with the accepted level before it: (n,) ratios, NaN for accepted bars."""
        ratios = self._ratios_to_next()
        level = _Level(self.known_closes[0], self.dates[0], _LevelState.CURRENT)
        for row, known in enumerate(self.known_closes):
            is_accepted = self._is_accepted(row, level) and np.isnan(ratios[row])
            if is_accepted or self.released[row]:
                ratios[row] = np.nan
            elif np.isnan(ratios[row]):
                ratios[row] = self.prices[row, 3] / (known if np.isfinite(known) else level.close)
            level = self._level_after(row, level, is_accepted=bool(np.isnan(ratios[row])))
        return ratios

    def _ratios_to_next(self) -> FloatArray:
        """Compare each of the (n,) new bars with a stored bar right after it: ratio, or NaN if it is near."""
        following = np.append(self.known_closes[1:], np.nan)
        is_near = np.append(np.abs(np.diff(self.dates)) <= LONG_GAP, False)
        clashes = np.isnan(self.known_closes) & is_near & _off(self.prices, following)
        return np.where(clashes, self.prices[:, 3] / following, np.nan)

    def _is_accepted(self, row: int, level: _Level) -> bool:
        known, is_on = self.known_closes[row], not self._is_off(row, level.close)
        if np.isfinite(known):
            return is_on or not self._is_off(row, known)
        is_late = abs(self.dates[row] - level.day) > LONG_GAP
        is_left = level.state is _LevelState.LEFT
        return is_on or ((is_late or is_left) and not self._continues_contradiction(row, level))

    def _level_after(self, row: int, level: _Level, *, is_accepted: bool) -> _Level:
        if is_accepted:
            return _Level(self.prices[row, 3], self.dates[row], _LevelState.CURRENT)
        if np.isfinite(self.known_closes[row]):
            return _Level(self.known_closes[row], self.dates[row], _LevelState.CONTRADICTED)
        if self._continues_contradiction(row, level):
            return level
        return replace(level, state=_LevelState.LEFT if self._lasts(row) else _LevelState.CURRENT)

    def _continues_contradiction(self, row: int, level: _Level) -> bool:
        """Do this bar and all bars back to one that contradicts a stored bar share a level?"""
        return level.state is _LevelState.CONTRADICTED and not self._is_off(row, self.prices[row - 1, 3])

    def _is_off(self, row: int, reference: float) -> bool:
        return bool(_off(self.prices[row : row + 1], np.array([reference]))[0])

    def _lasts(self, row: int) -> bool:
        """Do ACCEPTED_AFTER bars that are not stored yet follow this bar on its level?"""
        after = slice(row + 1, row + 1 + ACCEPTED_AFTER)
        prices, closes = self.prices[after], self.prices[row : row + ACCEPTED_AFTER, 3]
        is_whole = len(prices) == ACCEPTED_AFTER and bool(np.isnan(self.known_closes[after]).all())
        return is_whole and not _off(prices, closes).any()


def _is_any_off(prices: FloatArray, known_closes: FloatArray) -> bool:
    return bool(_off(prices[1:], prices[:-1, 3]).any() or _off(prices, known_closes).any())


def _off(prices: FloatArray, references: FloatArray) -> BoolArray:
    """Find which (n, 4) bars are off the level of the (n,) references; none where the reference is NaN."""
    with np.errstate(invalid="ignore"):
        lowest, highest = prices.min(axis=1) / references, prices.max(axis=1) / references
        is_beyond: BoolArray = (lowest > JUMP_FACTOR) | (highest < 1.0 / JUMP_FACTOR)
        return is_beyond | _near(lowest, highest, THREE_FOR_TWO) | _near(lowest, highest, 1.0 / THREE_FOR_TWO)


def _near(lowest: FloatArray, highest: FloatArray, split: float) -> BoolArray:
    return (lowest > split * (1.0 - NEAR_THREE_FOR_TWO)) & (highest < split * (1.0 + NEAR_THREE_FOR_TWO))


def _first_accepted(prices: FloatArray) -> FloatArray:
    """Choose the bar that sets the first level, where nothing is stored: (n,) closes, NaN for other bars."""
    first = prices[:ACCEPTED_AFTER]
    starts = np.flatnonzero(np.append(True, _off(first[1:], first[:-1, 3])))
    stretches = np.cumsum(np.isin(np.arange(len(first)), starts)) - 1
    agreeing = [
        int((~_off(first, np.full(len(first), first[start, 3])) | (stretches == place)).sum())
        for place, start in enumerate(starts)
    ]
    accepted = starts[int(np.argmax(agreeing))]
    return np.where(np.arange(len(prices)) == accepted, prices[:, 3], np.nan)
