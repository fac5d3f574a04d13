import numpy as np
import pytest
from scipy import stats

from pipeline.lag.means import cosine_count, cosine_test, mean_test, t_test


def terms(m: int = 5, n: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.2, 1.0, (m, n))


def test_the_plain_test_is_students() -> None:
    test = t_test(terms())
    for row, values in enumerate(terms()):
        expected = stats.ttest_1samp(values, 0.0, alternative="greater")
        assert test.p_upper()[row] == pytest.approx(expected.pvalue)
        assert test.p_lower()[row] == pytest.approx(1.0 - expected.pvalue)
        low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
        assert 2 * test.half_width()[row] == pytest.approx(high - low)


def test_the_cosine_variance_is_the_mean_of_the_first_squared_projections() -> None:
    values, n = terms(), 80
    test = cosine_test(values, horizon=1)
    count = int(0.41 * n ** (2 / 3))
    for row, series in enumerate(values):
        squares = [
            (np.sqrt(2 / n) * np.sum(np.cos(np.pi * j * (np.arange(1, n + 1) - 0.5) / n) * series)) ** 2
            for j in range(1, count + 1)
        ]
        assert test.error[row] == pytest.approx(np.sqrt(np.mean(squares) / n))
    assert test.degrees == count


@pytest.mark.parametrize(
    ("n", "horizon", "count"),
    [(30, 1, 4), (500, 1, 25), (500, 5, 25), (100, 10, 5), (60, 20, 4), (1000, 2, 40)],
)
def test_overlap_leaves_fewer_cosines_but_never_fewer_than_four(n: int, horizon: int, count: int) -> None:
    assert cosine_count(n, horizon) == count


def test_one_step_terms_are_tested_plainly_and_overlapping_ones_by_cosines() -> None:
    assert mean_test(terms(), 1).degrees == 79
    assert mean_test(terms(), 3).degrees == cosine_count(80, 3)


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_terms_that_never_vary_prove_nothing(value: float) -> None:
    test = t_test(np.full((1, 40), value))
    assert (test.p_upper()[0], test.p_lower()[0]) == (1.0, 1.0)


def test_dependent_terms_are_less_certain_by_cosines_than_plainly() -> None:
    rng = np.random.default_rng(1)
    overlapping = np.lib.stride_tricks.sliding_window_view(rng.normal(size=(400, 504)), 5, axis=1).sum(axis=2)
    by_cosines = (cosine_test(overlapping, 5).p_upper() < 0.05).mean()
    plainly = (t_test(overlapping).p_upper() < 0.05).mean()
    assert by_cosines < 0.09
    assert plainly > 0.15
