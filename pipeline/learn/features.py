"""Feature sets: the inputs of a model for each session.

Column 0 is always the differenced close, which is also the target. Row i contains only what was known when
the bar of session i settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.learn.difference import difference
from pipeline.types import Bars, DateArray, Differencing, Features, FeatureSet, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class LeadCloses:
    """Closes of another asset as known at each of an asset's (n,) sessions; NaN where unknown."""

    symbol: str
    closes: FloatArray


def segments(session_dates: DateArray, expected: DateArray) -> IntArray:
    """Number the segments of (n,) sessions; a new segment starts after a missing expected session."""
    position = np.searchsorted(expected, session_dates)
    jumps = np.diff(position, prepend=position[:1]) > 1
    return np.cumsum(jumps).astype(np.int64)


def known_closes(symbol: str, closes: FloatArray, settled_at: DateArray, moments: DateArray) -> LeadCloses:
    """Select the close of the newest session that had settled by each of the (n,) moments.

    `closes` and `settled_at` (m,) are those of the other asset's expected sessions. A session that settles
    later the same day is not known yet, so the previous one is used. NaN before the first session, and where
    the newest session has no close: an older close is never used in its place.
    """
    newest = np.searchsorted(settled_at, moments, side="right") - 1
    return LeadCloses(symbol, np.where(newest >= 0, closes[np.maximum(newest, 0)], np.nan))


def build_features(
    bars: Bars,
    segment_numbers: IntArray,
    feature_set: FeatureSet,
    method: Differencing,
    leads: Sequence[LeadCloses],
    spreads: Sequence[LeadCloses] = (),
) -> Features:
    """Build the (n, f) features of `bars`, one row per session.

    univariate: the close. bivariate: the close and the High - Low range. multivariate: close, open, high,
    low, volume, the range, the close of each lead, and for each spread the log ratio of the closes and its
    change. All are differenced by `method`, except the range (log(high / low) under `log`), which is
    stationary, and the ratio. Changes across the border of two segments are NaN. `traded_closes` are set to
    the closes of `bars`.
    """
    named = _own_columns(bars, feature_set, method)
    if feature_set is FeatureSet.MULTIVARIATE:
        named += [(f"lead:{lead.symbol}", difference(lead.closes, method)) for lead in leads]
        named += [column for spread in spreads for column in _spread_columns(bars, spread)]
    values = np.column_stack([column for _, column in named])
    if method is not Differencing.NONE:
        values[_segment_starts(segment_numbers)] = np.nan
    return Features(
        bars.symbol,
        tuple(name for name, _ in named),
        bars.session_dates,
        values,
        bars.close,
        bars.close,
        segment_numbers,
    )


def _own_columns(bars: Bars, feature_set: FeatureSet, method: Differencing) -> list[tuple[str, FloatArray]]:
    """Build the named features of the asset itself."""
    close = [("close", difference(bars.close, method))]
    high_low = [("range", _range(bars, method))]
    if feature_set is FeatureSet.UNIVARIATE:
        return close
    if feature_set is FeatureSet.BIVARIATE:
        return close + high_low
    others = [
        ("open", difference(bars.open, method)),
        ("high", difference(bars.high, method)),
        ("low", difference(bars.low, method)),
        ("volume", difference(bars.volume + 1.0, method)),
    ]
    return close + others + high_low


def _spread_columns(bars: Bars, other: LeadCloses) -> list[tuple[str, FloatArray]]:
    """Build the named features of a spread: the log ratio of the closes, and its change."""
    ratio = np.log(bars.close / other.closes)
    change = difference(ratio, Differencing.SIMPLE)
    return [(f"spread:{other.symbol}", ratio), (f"spread-change:{other.symbol}", change)]


def _range(bars: Bars, method: Differencing) -> FloatArray:
    """Compute the High - Low range (n,), as a log ratio under `log`."""
    return np.log(bars.high / bars.low) if method is Differencing.LOG else bars.high - bars.low


def _segment_starts(segment_numbers: IntArray) -> IntArray:
    """Find the first row of each segment."""
    return np.flatnonzero(np.diff(segment_numbers, prepend=-1) > 0)
