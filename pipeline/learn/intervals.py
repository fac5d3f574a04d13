"""Conformal prediction bands from the past errors of the same series of forecasts.

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018) on absolute log errors, over a window of the
newest errors, so that the width adapts to the market. Every error used was known at the forecast's origin.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pipeline.types import Bands, DateArray, Features, FloatArray, ForecastBlock, closes_on


@dataclass(frozen=True, eq=False)
class PastErrors:
    """Absolute log errors (m,) of one horizon, with the ascending target dates (m,) that revealed them."""

    target_dates: DateArray
    abs_log_errors: FloatArray


def backtest_errors(blocks: Sequence[ForecastBlock], features: Features) -> Iterator[PastErrors]:
    """Compute the absolute log errors of a backtest, one series per horizon, from the closes in `features`.

    They are on the price basis of each origin, as in scoring; targets without a close are left out.
    """
    origin_dates = np.concatenate([block.origin_dates for block in blocks])
    basis = closes_on(origin_dates, features.session_dates, features.basis)
    target_dates = np.concatenate([block.target_dates for block in blocks])
    closes = np.concatenate([block.closes for block in blocks])
    for horizon_dates, horizon_closes in zip(target_dates.T, closes.T, strict=True):
        actual = basis * closes_on(horizon_dates, features.session_dates, features.closes)
        errors = np.abs(np.log(horizon_closes / actual))
        known = np.isfinite(errors)
        yield PastErrors(horizon_dates[known], errors[known])


def conformal_bands(
    origin_dates: DateArray, closes: FloatArray, past: Sequence[PastErrors], window: int
) -> Bands:
    """Compute the conformal bands (o, H) around the (o, H) `closes` from past errors, one series per horizon.

    An origin uses the newest `window` errors whose target date is no later than the origin. A band is NaN
    for fewer than 4 (80%) or 19 (95%) of them.
    """
    newest = [_newest_sorted(origin_dates, errors, window) for errors in past]
    radius_80, radius_95 = (
        np.column_stack([conformal_radius(errors, coverage) for errors in newest])
        for coverage in (0.80, 0.95)
    )
    return Bands(
        lower_80=closes * np.exp(-radius_80),
        upper_80=closes * np.exp(radius_80),
        lower_95=closes * np.exp(-radius_95),
        upper_95=closes * np.exp(radius_95),
    )


def conformal_radius(sorted_errors: FloatArray, coverage: float) -> FloatArray:
    """Compute the ceil((m + 1) coverage)-th smallest of m errors in each row (o,); NaN if m is too small.

    `sorted_errors` (o, w) hold m finite absolute errors per row in ascending order, then infinity.
    """
    known = np.isfinite(sorted_errors).sum(axis=1)
    rank = np.ceil((known + 1) * coverage - 1e-9).astype(np.int64)
    place = np.minimum(rank, sorted_errors.shape[1]) - 1
    found = np.take_along_axis(sorted_errors, place[:, None], axis=1)[:, 0]
    return np.where(rank <= known, found, np.nan)


def _newest_sorted(origin_dates: DateArray, errors: PastErrors, window: int) -> FloatArray:
    """Sort the newest errors known at each origin: (o, window), ascending, then infinity."""
    known = np.searchsorted(errors.target_dates, origin_dates, side="right")
    padded = np.concatenate([np.full(window, np.inf), errors.abs_log_errors])
    return np.sort(sliding_window_view(padded, window)[known], axis=1)
