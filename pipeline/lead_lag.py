"""Which assets go before another: cross-correlations of differenced series, on training rows only.

Row i of a lead's feature holds what of it was known at the asset's own close of session i, so that any
correlation with a later change of the asset is one that a forecaster could have used.
"""

import math
from dataclasses import replace

import numpy as np

from pipeline.models.base import ModelConfig
from pipeline.types import Features, FloatArray, LeadLag

LEAD = "lead:"
FEWEST_ROWS = 30
SIGNIFICANCE = 0.05
MOST_LEADS = 5
"""So many are chosen at most: every feature more has to be learnt from the same rows."""


def training_rows(origin_row: int, config: ModelConfig) -> slice:
    """The rows that a fit at `origin_row` learns from; its validation block comes after them."""
    first = max(0, origin_row - config.train_sessions + 1)
    count = origin_row - first + 1
    return slice(first, origin_row + 1 - int(count * config.validation_fraction))


def lead_lags(features: Features, rows: slice, ahead: int) -> tuple[LeadLag, ...]:
    """What each lead of the features says of the asset's changes 1..`ahead` sessions later, within `rows`.

    All count as used.
    """
    own = features.values[rows, 0]
    columns = [(name, place) for place, name in enumerate(features.names) if name.startswith(LEAD)]
    return tuple(
        _lead_lag(name.removeprefix(LEAD), own, features.values[rows, place], ahead)
        for name, place in columns
    )


def chosen(measured: tuple[LeadLag, ...]) -> tuple[LeadLag, ...]:
    """The same, with those used that lead significantly: 5% over all of them (Bonferroni), 5 at most."""
    level = SIGNIFICANCE / max(1, len(measured))
    significant = sorted((one for one in measured if one.p_value < level), key=lambda one: one.p_value)
    used = {one.lead for one in significant[:MOST_LEADS]}
    return tuple(replace(one, is_used=one.lead in used) for one in measured)


def only_used(features: Features, measured: tuple[LeadLag, ...]) -> Features:
    """The features without the leads that are not used."""
    unused = {LEAD + one.lead for one in measured if not one.is_used}
    kept = [place for place, name in enumerate(features.names) if name not in unused]
    names = tuple(features.names[place] for place in kept)
    return replace(features, names=names, values=np.ascontiguousarray(features.values[:, kept]))


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
