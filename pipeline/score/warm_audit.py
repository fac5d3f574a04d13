"""Are re-fits that go on from yesterday's weights worse than fits that start anew?"""

import numpy as np

from pipeline.score.metrics import diebold_mariano_p
from pipeline.types import AuditedErrors

FEWEST_ORIGINS = 30
SIGNIFICANCE = 0.05


def is_warm_worse(audited: AuditedErrors, horizons: int) -> bool:
    """Whether starting anew is significantly better (5%, one-sided) over the audited origins.

    Diebold and Mariano's test on each origin's mean squared log error over its horizons; False for fewer
    than 30 origins. A false alarm, which daily looks make likelier than 5%, costs time and no accuracy.
    """
    origins, place = np.unique(audited.origin_dates, return_inverse=True)
    if len(origins) < FEWEST_ORIGINS:
        return False
    count = np.bincount(place)
    warm = np.sqrt(np.bincount(place, audited.warm**2) / count)
    anew = np.sqrt(np.bincount(place, audited.cold**2) / count)
    p_value = diebold_mariano_p(warm, warm - anew, horizons)
    return bool(p_value < SIGNIFICANCE)
