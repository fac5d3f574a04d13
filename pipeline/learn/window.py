"""Windows of consecutive sessions, and the targets that follow them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pipeline.types import Differencing, Features, FloatArray, IntArray, Windows


def make_windows(features: Features, time_steps: int, horizons: int) -> Windows:
    """Build every complete window of `features`, with its targets at horizons 1..H.

    The window of origin row i consists of rows i-time_steps+1..i, all in one segment and without NaN. Its
    targets are feature 0 in rows i+1..i+H of the same segment, NaN where there is no such row.
    """
    n = len(features.session_dates)
    if n < time_steps:
        return _empty(time_steps, features.values.shape[1], horizons)
    values = sliding_window_view(features.values, time_steps, axis=0).swapaxes(1, 2)
    rows = np.arange(time_steps - 1, n)
    within = features.segments[rows] == features.segments[rows - time_steps + 1]
    usable = within & np.isfinite(values).all(axis=(1, 2))
    chosen = rows[usable]
    targets = _targets(features.values[:, 0], features.segments, chosen, horizons)
    return Windows(chosen, np.ascontiguousarray(values[usable]), targets)


def last_horizon_only(windows: Windows, method: Differencing) -> Windows:
    """Replace the targets by one (s, 1): the total change to the last horizon, or its level under `none`.

    NaN where any session up to the last horizon is missing.
    """
    steps = windows.targets
    whole = steps[:, -1] if method is Differencing.NONE else steps.sum(axis=1)
    known = np.where(np.isfinite(steps).all(axis=1), whole, np.nan)
    return Windows(windows.rows, windows.values, known[:, None])


def select(windows: Windows, chosen: IntArray) -> Windows:
    """Select the windows at the positions `chosen`, in that order."""
    return Windows(windows.rows[chosen], windows.values[chosen], windows.targets[chosen])


def _targets(target: FloatArray, segments: IntArray, rows: IntArray, horizons: int) -> FloatArray:
    """Select the (s, H) values that follow the origins at `rows` in the same segment; NaN where none."""
    ahead = rows[:, None] + np.arange(1, horizons + 1)[None, :]
    inside = ahead < len(target)
    reachable = np.minimum(ahead, len(target) - 1)
    same_segment = segments[reachable] == segments[rows][:, None]
    return np.where(inside & same_segment, target[reachable], np.nan)


def _empty(time_steps: int, width: int, horizons: int) -> Windows:
    """Create windows without samples."""
    return Windows(np.array([], dtype=np.int64), np.empty((0, time_steps, width)), np.empty((0, horizons)))
