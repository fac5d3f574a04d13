"""Which assets go before another: cross-correlations of differenced series, on training rows only.

Row i of a lead's feature holds what of it was known at the asset's own close of session i, so that any
correlation with a later change of the asset is one that a forecaster could have used.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from pipeline.types import Differencing, Features, FloatArray, LeadLag

LEAD = "lead:"
FEWEST_ROWS = 30
SIGNIFICANCE = 0.05
MOST_LEADS = 5
"""So many are chosen at most: every feature more has to be learnt from the same rows."""


def lead_lags(features: Features, rows: slice, ahead: int, method: Differencing) -> tuple[LeadLag, ...]:
    """What each lead of the features says of the asset's changes 1..`ahead` sessions later, within `rows`.

    `method` is that of the features; levels are differenced first, since walks that know nothing of each
    other correlate. All count as used.
    """
    values = features.values[rows]
    if method is Differencing.NONE:
        values = np.diff(values, axis=0)
    columns = [(name, place) for place, name in enumerate(features.names) if name.startswith(LEAD)]
    return tuple(
        _lead_lag(name.removeprefix(LEAD), values[:, 0], values[:, place], ahead) for name, place in columns
    )


def chosen(measured: tuple[LeadLag, ...], known: Collection[str]) -> tuple[LeadLag, ...]:
    """The same, with those of the `known` used that lead significantly: 5% over all (Bonferroni).

    Five at most, the surest.
    """
    level = SIGNIFICANCE / max(1, len(measured))
    significant = [one for one in measured if one.p_value < level and one.lead in known]
    used = {one.lead for one in sorted(significant, key=lambda one: one.p_value)[:MOST_LEADS]}
    return tuple(replace(one, is_used=one.lead in used) for one in measured)


def known_through(features: Features, origin_row: int, time_steps: int) -> set[str]:
    """The leads that are known in every row of the window that ends at `origin_row`."""
    window = features.values[max(0, origin_row - time_steps + 1) : origin_row + 1]
    is_known = np.asarray(np.isfinite(window).all(axis=0))
    return {
        name.removeprefix(LEAD)
        for name, known in zip(features.names, is_known, strict=True)
        if known and name.startswith(LEAD)
    }


def without_leads(features: Features) -> Features:
    """The features without any lead."""
    return _only(features, [name for name in features.names if not name.startswith(LEAD)])


def only_used(features: Features, measured: tuple[LeadLag, ...]) -> Features:
    """The features without the leads that are not used."""
    unused = {LEAD + one.lead for one in measured if not one.is_used}
    return _only(features, [name for name in features.names if name not in unused])


def _only(features: Features, names: Sequence[str]) -> Features:
    kept = [features.names.index(name) for name in names]
    return replace(features, names=tuple(names), values=np.ascontiguousarray(features.values[:, kept]))


def cross_correlation(own: FloatArray, lead: FloatArray, sessions: int) -> tuple[float, int]:
    """The correlation of the (n,) lead at each row with the (n,) own `sessions` rows later, and its rows.

    Rows where either is unknown are left out; NaN for fewer than 30, or where one never changes.
    """
    earlier, later = lead[: len(lead) - sessions], own[sessions:]
    known = np.isfinite(earlier) & np.isfinite(later)
    x, y = earlier[known], later[known]
    if len(x) < FEWEST_ROWS or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return float("nan"), len(x)
    return float(np.corrcoef(x, y)[0, 1]), len(x)


def _lead_lag(lead: str, own: FloatArray, changes: FloatArray, ahead: int) -> LeadLag:
    """The strongest of the sessions ahead.

    Two-sided p-value: under independence, and where one of the series is white, a correlation is normal with
    variance 1/n (Bartlett 1946); times the number of sessions looked at.
    """
    found = [(*cross_correlation(own, changes, sessions), sessions) for sessions in range(1, ahead + 1)]
    known = [each for each in found if math.isfinite(each[0])]
    if not known:
        return LeadLag(lead, 1, float("nan"), float("nan"), found[0][1], is_used=True)
    correlation, n, sessions = max(known, key=lambda each: abs(each[0]))
    p_value = min(1.0, ahead * math.erfc(abs(correlation) * math.sqrt(n / 2.0)))
    return LeadLag(lead, sessions, correlation, p_value, n, is_used=True)
