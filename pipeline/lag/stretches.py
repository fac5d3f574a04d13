"""Find the longest stretch of consecutive sessions in a series of forecasts."""

from __future__ import annotations

import numpy as np

from pipeline.types import IntArray


def longest_stretch(rows: int, first: IntArray, second: IntArray) -> slice:
    """Find the longest run of `rows` rows that contains no pair (first[i], second[i]); the newest if tied.

    `first` and `second` (k,) are row numbers with first <= second. A run contains a pair if both rows are in
    it, so a row paired with itself belongs to no run.
    """
    earliest = np.zeros(rows, dtype=np.int64)
    np.maximum.at(earliest, second, first + 1)
    earliest = np.maximum.accumulate(earliest)
    lengths = np.arange(1, rows + 1) - earliest
    if rows == 0 or lengths.max() <= 0:
        return slice(0, 0)
    end = rows - 1 - int(np.argmax(lengths[::-1]))
    return slice(int(earliest[end]), end + 1)
