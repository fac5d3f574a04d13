"""Quarantined rows: how their values are written, and how a person's decision on a row is recognised."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.types import (
    SAME_PRICE,
    BoolArray,
    CorporateAction,
    DateArray,
    DecidedRow,
    Decision,
    FloatArray,
)


def row_as_json(values: Mapping[str, float]) -> str:
    """Write the named numbers of a row as JSON text: null for NaN, and words for infinities."""
    return json.dumps({name: _plain(value) for name, value in values.items()})


def is_decided(
    dates: DateArray,
    prices: FloatArray,
    decided: Sequence[DecidedRow],
    decision: Decision,
    splits: Sequence[CorporateAction],
) -> BoolArray:
    """Find which rows, dated (n,) and priced (n, 4), a person has decided on in that way.

    A row is recognised by its date and prices, missing prices included, in the units that they had
    (`DecidedRow.in_units_of`) or in those of the `splits` that have come since.
    """
    found = np.zeros(len(dates), dtype=bool)
    for one in decided:
        if one.decision is decision:
            then = np.outer(1.0 / _units_since(splits, one.in_units_of), one.prices)
            same = np.isclose(prices[:, None, :], then, rtol=SAME_PRICE, atol=0.0, equal_nan=True)
            found |= (dates == one.session_date) & same.all(axis=2).any(axis=1)
    return found


def _units_since(splits: Sequence[CorporateAction], day: np.datetime64) -> FloatArray:
    """List by how much the splits after a day may have divided older prices: by none, one, ... or all.

    A source applies splits in the order of their ex-dates, so that these are the products of the oldest 0, 1,
    ..., k of the k splits: (k + 1,) numbers.
    """
    later = sorted((one for one in splits if one.ex_date > day), key=lambda one: one.ex_date)
    return np.asarray(np.cumprod([1.0, *(one.value for one in later)]), dtype=np.float64)


def _plain(value: float) -> float | str | None:
    if np.isfinite(value):
        return value
    return None if np.isnan(value) else str(value)
