import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.learn.difference import difference, rebase, undifference
from pipeline.types import Differencing, FloatArray

prices = arrays(np.float64, st.integers(2, 60), elements=st.floats(0.01, 1e6))


@pytest.mark.parametrize("method", Differencing)
@given(levels=prices)
def test_undifferencing_gives_the_levels_back(method: Differencing, levels: FloatArray) -> None:
    changes = difference(levels, method)
    restored = undifference(changes[1:], levels[0], method)
    np.testing.assert_allclose(restored, levels[1:], rtol=1e-9, atol=1e-9 * levels.max())


@pytest.mark.parametrize("method", Differencing)
@given(starts=arrays(np.float64, 4, elements=st.floats(1.0, 1e4)))
def test_a_batch_is_undifferenced_row_by_row(method: Differencing, starts: FloatArray) -> None:
    changes = np.linspace(-0.1, 0.1, 12).reshape(4, 3)
    together = undifference(changes, starts, method)
    for row, start in enumerate(starts):
        np.testing.assert_array_equal(together[row], undifference(changes[row], start, method))


@pytest.mark.parametrize("method", Differencing)
@given(factors=arrays(np.float64, 4, elements=st.floats(0.01, 1.0)))
def test_rebased_changes_lead_to_rebased_levels(method: Differencing, factors: FloatArray) -> None:
    changes, starts = np.linspace(-0.1, 0.1, 12).reshape(4, 3), np.array([100.0, 90.0, 80.0, 70.0])
    levels = undifference(changes, starts, method)
    rebased = undifference(rebase(changes, factors, method), starts * factors, method)
    np.testing.assert_allclose(rebased, levels * factors[:, None], rtol=1e-12)
    np.testing.assert_array_equal(rebase(changes, np.ones(4), method), changes)


def test_log_changes_are_logarithms_of_ratios_beside_the_session_that_ends_them() -> None:
    changes = difference(np.array([100.0, 110.0, 99.0]), Differencing.LOG)
    assert np.isnan(changes[0])
    np.testing.assert_allclose(changes[1:], [0.0953101798, -0.1053605157], atol=1e-9)


def test_no_levels_have_no_changes() -> None:
    assert len(difference(np.array([]), Differencing.LOG)) == 0
