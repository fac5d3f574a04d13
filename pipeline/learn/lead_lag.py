"""Lead-lag analysis: cross-correlations of an asset with its leads, on differenced training rows only.

Row i of a lead's feature holds the lead's value as known at the asset's own close of session i, so that a
correlation with a later change of the asset could have been used for forecasting.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from pipeline.types import Differencing, Features, FloatArray, LeadLag

LEAD_PREFIX = "lead:"
"""Start of the names of features that are leads."""
MIN_ROWS = 30
"""Fewest rows for a correlation."""
SIGNIFICANCE = 0.05
"""Familywise significance level for the choice of leads."""
MAX_LEADS = 5
"""Largest number of leads chosen, because each adds weights to learn from the same rows."""


def lead_lags(features: Features, rows: slice, ahead: int, method: Differencing) -> tuple[LeadLag, ...]:
    """Correlate each lead in the features with the asset's changes 1..`ahead` sessions later, within `rows`.

    `method` is the differencing of the features; levels are differenced first, because independent random
    walks are spuriously correlated. All leads are marked as used.
    """
    values = features.values[rows]
    if method is Differencing.NONE:
        values = np.diff(values, axis=0)
    columns = [(name, place) for place, name in enumerate(features.names) if name.startswith(LEAD_PREFIX)]
    return tuple(
        _lead_lag(name.removeprefix(LEAD_PREFIX), values[:, 0], values[:, place], ahead)
        for name, place in columns
    )


def choose_leads(measured: tuple[LeadLag, ...], known: Collection[str]) -> tuple[LeadLag, ...]:
    """Mark as used the leads with a significant correlation (5% over all, Bonferroni) that are in `known`.

    At most five are used, those with the smallest p-values.
    """
    level = SIGNIFICANCE / max(1, len(measured))
    significant = [one for one in measured if one.p_value < level and one.lead in known]
    used = {one.lead for one in sorted(significant, key=lambda one: one.p_value)[:MAX_LEADS]}
    return tuple(replace(one, is_used=one.lead in used) for one in measured)


def leads_known_in_window(features: Features, origin_row: int, time_steps: int) -> set[str]:
    """Find the leads that are known in every row of the window that ends at `origin_row`."""
    window = features.values[max(0, origin_row - time_steps + 1) : origin_row + 1]
    is_known = np.asarray(np.isfinite(window).all(axis=0))
    return {
        name.removeprefix(LEAD_PREFIX)
        for name, known in zip(features.names, is_known, strict=True)
        if known and name.startswith(LEAD_PREFIX)
    }


def without_leads(features: Features) -> Features:
    """Remove all leads from the features."""
    return _select_features(features, [name for name in features.names if not name.startswith(LEAD_PREFIX)])


def with_used_leads(features: Features, measured: tuple[LeadLag, ...]) -> Features:
    """Remove the leads that are not used from the features."""
    unused = {LEAD_PREFIX + one.lead for one in measured if not one.is_used}
    return _select_features(features, [name for name in features.names if name not in unused])


def _select_features(features: Features, names: Sequence[str]) -> Features:
    """Select features by name."""
    kept = [features.names.index(name) for name in names]
    return replace(features, names=tuple(names), values=np.ascontiguousarray(features.values[:, kept]))


def cross_correlation(own: FloatArray, lead: FloatArray, sessions: int) -> tuple[float, int]:
    """Correlate the (n,) lead with the (n,) own changes `sessions` rows later; also count the rows used.

    Rows where either is NaN are left out. NaN for fewer than 30 rows, or if one of them is constant.
    """
    earlier, later = lead[: len(lead) - sessions], own[sessions:]
    known = np.isfinite(earlier) & np.isfinite(later)
    x, y = earlier[known], later[known]
    if len(x) < MIN_ROWS or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return float("nan"), len(x)
    return float(np.corrcoef(x, y)[0, 1]), len(x)


def _lead_lag(lead: str, own: FloatArray, changes: FloatArray, ahead: int) -> LeadLag:
    """Find the lag 1..`ahead` with the strongest correlation of a lead, and its p-value.

    The p-value is two-sided and multiplied by the number of lags tried. If the series are independent and
    one of them is white noise, a correlation is approximately normal with variance 1/n (Bartlett 1946).
    """
    found = [(*cross_correlation(own, changes, sessions), sessions) for sessions in range(1, ahead + 1)]
    known = [each for each in found if math.isfinite(each[0])]
    if not known:
        return LeadLag(lead, 1, float("nan"), float("nan"), found[0][1], is_used=True)
    correlation, n, sessions = max(known, key=lambda each: abs(each[0]))
    p_value = min(1.0, ahead * math.erfc(abs(correlation) * math.sqrt(n / 2.0)))
    return LeadLag(lead, sessions, correlation, p_value, n, is_used=True)
