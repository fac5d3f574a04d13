"""The audit of warm starts: are re-fits that start from earlier weights worse than cold fits?"""

import numpy as np

from pipeline.score.metrics import diebold_mariano_p
from pipeline.types import AuditedErrors

MIN_ORIGINS = 30
"""Fewest audited origins for a test."""
SIGNIFICANCE = 0.05
"""Significance level of the test."""


def is_warm_worse(audited: AuditedErrors, horizons: int) -> bool:
    """Test whether warm fits are significantly worse than cold fits over the audited origins.

    Diebold and Mariano's test (one-sided, 5%) on each origin's mean squared log error over its horizons;
    False for fewer than 30 origins. Testing after every day raises the false alarm rate above 5%; a false
    alarm costs training time, not accuracy.
    """
    origins, place = np.unique(audited.origin_dates, return_inverse=True)
    if len(origins) < MIN_ORIGINS:
        return False
    count = np.bincount(place)
    warm = np.sqrt(np.bincount(place, audited.warm**2) / count)
    cold = np.sqrt(np.bincount(place, audited.cold**2) / count)
    p_value = diebold_mariano_p(warm, warm - cold, horizons)
    return bool(p_value < SIGNIFICANCE)
