"""Rows to trials: the longest stretch of consecutive sessions."""

from __future__ import annotations

import numpy as np

from pipeline.types import IntArray


def longest_stretch(rows: int, first: IntArray, second: IntArray) -> slice:
    """The longest run of `rows` rows that holds no pair (first[i], second[i]) whole, the newest of equals.

    `first` and `second` (k,) are row numbers with first <= second; a row paired with itself is in no run.
    """
    earliest = np.zeros(rows, dtype=np.int64)
    np.maximum.at(earliest, second, first + 1)
    earliest = np.maximum.accumulate(earliest)
    lengths = np.arange(1, rows + 1) - earliest
    if rows == 0 or lengths.max() <= 0:
        return slice(0, 0)
    end = rows - 1 - int(np.argmax(lengths[::-1]))
    return slice(int(earliest[end]), end + 1)
