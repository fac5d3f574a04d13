"""Bars that stand on another price level than the ones before them, without a split that says so.

A market moves within its bars: the range of a wild day touches the close before it. A bar that lies as a
whole beyond 1.75 times that close, or below its 1.75th part, is in other units: pence for pounds (100 times),
or a split that the source has not applied to the prices before it.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np

from pipeline.types import Bars, BoolArray, DateArray, FloatArray, QuarantineCode

FACTOR = 1.75
"""A bar that lies as a whole further away is off its level."""
THREE_FOR_TWO, NEAR_THREE_FOR_TWO = 1.5, 0.04
"""The one usual split below FACTOR: taken for it where all four prices lie so near (relative)."""
SPLITS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50)
SPLIT_DAY_MOVE = 0.12
"""In logarithms: by how much a jump may differ from a split, for the market moves on that day too."""
HUNDREDFOLD = (60.0, 160.0)
LASTING = 20
"""A level that has lasted for so many bars is the new one; only the bar that came to it stays in doubt."""
LONG = np.timedelta64(60, "D")
"""After so long without a bar, any level is possible."""


def jumps(bars: Bars, known_closes: FloatArray, released: BoolArray) -> FloatArray:
    """By how many times each of the (n,) bars is off the level that is trusted; NaN where it stands on it.

    The bars are those of a download, of rows that wait in quarantine and of the stored ones around them; the
    stored ones have `known_closes` (n,; NaN where none is stored). Where nothing is stored, the level of most
    of the first LASTING bars is trusted. Beginning with the first trusted bar, each later one is compared
    with the trusted bar before it, and each earlier one with the trusted bar after it. A new bar has to be on
    the level of a stored one right after it, too.

    A bar that is off its known close and on the level of the trusted bar before it is a correction, and
    trusted. A `released` bar is trusted, and the level goes on from it. A bar that is followed by LASTING
    others on its own level is off, and these are not: nothing that spans the jump can be learnt from, and
    both sides of it can. New bars that go on at the level of a bar that contradicts a stored one are off,
    however many there are.

    What is trusted is then taken as stored and the rest is judged again, until nothing changes. So the same
    bars are judged alike when they come again, beside those of them that have been stored since.
    """
    prices = np.column_stack([bars.open, bars.high, bars.low, bars.close])
    if not _is_any_off(prices, known_closes):
        return np.full(len(bars), np.nan)
    known = known_closes if np.isfinite(known_closes).any() else _first_trusted(prices)
    while True:
        ratios = _ratios(bars.session_dates, prices, known, released)
        trusted = np.where(np.isnan(ratios), prices[:, 3], known)
        if np.array_equal(trusted, known, equal_nan=True):
            return ratios
        known = trusted


def reason_of(ratio: float) -> tuple[QuarantineCode, str]:
    """Why a bar that is `ratio` times as high as the trusted level is quarantined: the code, and in words."""
    times = max(ratio, 1.0 / ratio)
    low, high = HUNDREDFOLD
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
    """As `jumps`, judged once; at least one of the (n,) closes is known."""
    first = int(np.argmax(np.isfinite(known_closes)))
    onwards, back = slice(first, None), slice(first, None, -1)
    later = _Walk(dates[onwards], prices[onwards], known_closes[onwards], released[onwards]).ratios()
    earlier = _Walk(dates[back], prices[back], known_closes[back], released[back]).ratios()
    return np.concatenate([earlier[:0:-1], later])


class _Standing(Enum):
    """What the bar that gave a level says of the bars after it."""

    TRUSTED = auto()
    LEFT = auto()
    """It is trusted, and the bar after it came to another level that lasts."""
    CONTRADICTED = auto()
    """It is a stored bar, and the download has another one of the same session."""


@dataclass(frozen=True)
class _Level:
    close: float
    day: np.datetime64
    standing: _Standing


@dataclass(frozen=True, eq=False)
class _Walk:
    """Bars (n,) compared one after the other with the level that is trusted, from a stored bar on."""

    dates: DateArray
    prices: FloatArray
    known_closes: FloatArray
    released: BoolArray

    def ratios(self) -> FloatArray:
        """As `jumps`."""
        ratios = self._ratios_to_next()
        level = _Level(self.known_closes[0], self.dates[0], _Standing.TRUSTED)
        for row, known in enumerate(self.known_closes):
            is_trusted = self._is_trusted(row, level) and np.isnan(ratios[row])
            if is_trusted or self.released[row]:
                ratios[row] = np.nan
            elif np.isnan(ratios[row]):
                ratios[row] = self.prices[row, 3] / (known if np.isfinite(known) else level.close)
            level = self._level_after(row, level, is_trusted=bool(np.isnan(ratios[row])))
        return ratios

    def _ratios_to_next(self) -> FloatArray:
        """By how many times each (n,) new bar is off a stored one right after it; NaN where it is not."""
        following = np.append(self.known_closes[1:], np.nan)
        is_near = np.append(np.abs(np.diff(self.dates)) <= LONG, False)
        clashes = np.isnan(self.known_closes) & is_near & _off(self.prices, following)
        return np.where(clashes, self.prices[:, 3] / following, np.nan)

    def _is_trusted(self, row: int, level: _Level) -> bool:
        known, is_on = self.known_closes[row], not self._is_off(row, level.close)
        if np.isfinite(known):
            return is_on or not self._is_off(row, known)
        is_late = abs(self.dates[row] - level.day) > LONG
        is_left = level.standing is _Standing.LEFT
        return is_on or ((is_late or is_left) and not self._goes_on_contradicting(row, level))

    def _level_after(self, row: int, level: _Level, *, is_trusted: bool) -> _Level:
        if is_trusted:
            return _Level(self.prices[row, 3], self.dates[row], _Standing.TRUSTED)
        if np.isfinite(self.known_closes[row]):
            return _Level(self.known_closes[row], self.dates[row], _Standing.CONTRADICTED)
        if self._goes_on_contradicting(row, level):
            return level
        return replace(level, standing=_Standing.LEFT if self._lasts(row) else _Standing.TRUSTED)

    def _goes_on_contradicting(self, row: int, level: _Level) -> bool:
        """Do this bar and all before it, back to one that contradicts a stored bar, share a level?"""
        return level.standing is _Standing.CONTRADICTED and not self._is_off(row, self.prices[row - 1, 3])

    def _is_off(self, row: int, reference: float) -> bool:
        return bool(_off(self.prices[row : row + 1], np.array([reference]))[0])

    def _lasts(self, row: int) -> bool:
        """Do LASTING bars that are not stored yet follow on the level of this one?"""
        after = slice(row + 1, row + 1 + LASTING)
        prices, closes = self.prices[after], self.prices[row : row + LASTING, 3]
        is_whole = len(prices) == LASTING and bool(np.isnan(self.known_closes[after]).all())
        return is_whole and not _off(prices, closes).any()


def _is_any_off(prices: FloatArray, known_closes: FloatArray) -> bool:
    return bool(_off(prices[1:], prices[:-1, 3]).any() or _off(prices, known_closes).any())


def _off(prices: FloatArray, references: FloatArray) -> BoolArray:
    """Which (n, 4) bars are off the level of the (n,) references; never where that is NaN."""
    with np.errstate(invalid="ignore"):
        lowest, highest = prices.min(axis=1) / references, prices.max(axis=1) / references
        is_beyond: BoolArray = (lowest > FACTOR) | (highest < 1.0 / FACTOR)
        return is_beyond | _near(lowest, highest, THREE_FOR_TWO) | _near(lowest, highest, 1.0 / THREE_FOR_TWO)


def _near(lowest: FloatArray, highest: FloatArray, split: float) -> BoolArray:
    return (lowest > split * (1.0 - NEAR_THREE_FOR_TWO)) & (highest < split * (1.0 + NEAR_THREE_FOR_TWO))


def _first_trusted(prices: FloatArray) -> FloatArray:
    """The (n,) closes, NaN but for the first of the stretch that most of the first bars agree with."""
    first = prices[:LASTING]
    starts = np.flatnonzero(np.append(True, _off(first[1:], first[:-1, 3])))
    stretches = np.cumsum(np.isin(np.arange(len(first)), starts)) - 1
    agreeing = [
        int((~_off(first, np.full(len(first), first[start, 3])) | (stretches == place)).sum())
        for place, start in enumerate(starts)
    ]
    trusted = starts[int(np.argmax(agreeing))]
    return np.where(np.arange(len(prices)) == trusted, prices[:, 3], np.nan)
