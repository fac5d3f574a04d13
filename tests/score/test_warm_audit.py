import numpy as np
import pytest

from pipeline.score.warm_audit import is_warm_worse
from pipeline.types import AuditedErrors


def audited(origins: int, excess: float, seed: int = 0, horizons: int = 2) -> AuditedErrors:
    """Errors of equal size but for `excess`: warm ones are larger by that share."""
    rng = np.random.default_rng(seed)
    dates = np.repeat(np.datetime64("2024-01-01") + np.arange(origins), horizons)
    cold, warm = rng.normal(0, 0.02, (2, origins * horizons))
    shared = rng.normal(0, 0.02, origins * horizons)
    return AuditedErrors(dates, (shared + 0.1 * warm) * (1 + excess), shared + 0.1 * cold)


def test_warm_fits_that_err_more_are_found_out() -> None:
    assert is_warm_worse(audited(200, excess=0.2), horizons=2)


@pytest.mark.parametrize("excess", [0.0, -0.2], ids=["equal", "better"])
def test_warm_fits_that_err_no_more_stay(excess: float) -> None:
    alarms = sum(is_warm_worse(audited(200, excess, seed), horizons=2) for seed in range(100))
    assert alarms <= 12


def test_a_few_origins_prove_nothing() -> None:
    assert not is_warm_worse(audited(29, excess=5.0), horizons=2)
    assert is_warm_worse(audited(30, excess=5.0), horizons=2)


def test_equal_forecasts_are_no_worse() -> None:
    same = audited(100, 0.0)
    assert not is_warm_worse(AuditedErrors(same.origin_dates, same.cold, same.cold), horizons=2)


def test_no_audit_at_all_is_no_evidence() -> None:
    nothing = np.array([])
    assert not is_warm_worse(AuditedErrors(nothing.astype("datetime64[D]"), nothing, nothing), horizons=2)


def test_an_origin_counts_once_however_many_of_its_horizons_were_audited() -> None:
    """A cold fit is far better where one horizon was audited, and a little worse where four were."""
    rng = np.random.default_rng(0)
    origins = np.repeat(np.datetime64("2024-01-01") + np.arange(200), np.where(np.arange(200) % 2, 1, 4))
    is_single = np.isin(origins, origins[4::5])
    cold = 0.02 * (1.0 + 0.05 * rng.normal(size=len(origins)))
    warm = cold * np.where(is_single, 1.3, 0.9)
    assert is_warm_worse(AuditedErrors(origins, warm, cold), horizons=1)


def test_an_answer_is_yes_or_no() -> None:
    assert is_warm_worse(audited(5, excess=5.0), horizons=2) is False
    assert is_warm_worse(audited(200, excess=0.2), horizons=2) is True
