"""Conformal prediction bands from the errors that the same series of forecasts has made before.

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018) on absolute log errors, on the newest errors
only, so that the width follows the market. Every error used was known at the forecast's origin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.types import Bands, DateArray, FloatArray


@dataclass(frozen=True, eq=False)
class PastErrors:
    """Absolute log errors (m,) of one horizon and the sessions (m,) that revealed them, in their order."""

    target_dates: DateArray
    abs_log_errors: FloatArray


def conformal_bands(
    origin_dates: DateArray, closes: FloatArray, past: Sequence[PastErrors], window: int
) -> Bands:
    """Bands around the (o, H) `closes`; `past` has one series of errors a horizon.

    The forecast of an origin uses the newest `window` errors whose target was no later than that origin.
    A band is NaN until there are enough of them: 4 for 80%, 19 for 95%.
    """
    radius_80, radius_95 = (
        np.column_stack([_radii(origin_dates, errors, window, coverage) for errors in past])
        for coverage in (0.80, 0.95)
    )
    return Bands(
        lower_80=closes * np.exp(-radius_80),
        upper_80=closes * np.exp(radius_80),
        lower_95=closes * np.exp(-radius_95),
        upper_95=closes * np.exp(radius_95),
    )


def conformal_radius(abs_errors: FloatArray, coverage: float) -> float:
    """The ceil((m + 1) coverage)-th smallest of m absolute errors; NaN when m is too small for it."""
    rank = int(np.ceil((len(abs_errors) + 1) * coverage - 1e-9))
    if rank > len(abs_errors):
        return float("nan")
    return float(np.partition(abs_errors, rank - 1)[rank - 1])


def _radii(origin_dates: DateArray, errors: PastErrors, window: int, coverage: float) -> FloatArray:
    known = np.searchsorted(errors.target_dates, origin_dates, side="right")
    return np.array(
        [conformal_radius(errors.abs_log_errors[max(0, m - window) : m], coverage) for m in known]
    )
