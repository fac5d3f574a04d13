import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learn.intervals import PastErrors, backtest_errors, conformal_bands, conformal_radius
from pipeline.types import Features
from tests.made import DAY, made_dates, unbroken
from tests.store.examples import make_block, make_fit


def test_errors_of_a_backtest_are_log_errors_in_the_units_of_each_origin() -> None:
    dates, closes = made_dates(6), 10.0 * np.arange(1.0, 7.0)
    adjusted = np.where(np.arange(6) < 3, 0.5, 1.0) * closes
    features = Features("MADE", ("close",), dates, closes[:, None], adjusted, closes, unbroken(6))
    first, second = (make_block(make_fit(), dates[rows], forecast=100.0) for rows in ([2], [3, 4]))

    one_ahead, two_ahead = backtest_errors([first, second], features)

    assert one_ahead.target_dates.tolist() == dates[[3, 4, 5]].tolist()
    np.testing.assert_allclose(one_ahead.abs_log_errors, np.abs(np.log(100.0 / np.array([80.0, 50.0, 60.0]))))
    assert two_ahead.target_dates.tolist() == dates[[4, 5]].tolist()
    np.testing.assert_allclose(two_ahead.abs_log_errors, np.abs(np.log(100.0 / np.array([100.0, 60.0]))))


@pytest.mark.parametrize(("coverage", "fewest"), [(0.80, 4), (0.95, 19)])
def test_a_radius_needs_enough_errors_for_its_coverage(coverage: float, fewest: int) -> None:
    errors = np.arange(30) + 1.0
    too_few, enough = (np.where(errors <= m, errors, np.inf) for m in (fewest - 1, fewest))
    radii = conformal_radius(np.stack([too_few, enough, np.full(30, np.inf)]), coverage)
    np.testing.assert_array_equal(radii, [np.nan, fewest, np.nan])


@pytest.mark.parametrize("coverage", [0.80, 0.95])
@pytest.mark.parametrize("m", [25, 100])
def test_exchangeable_errors_are_covered_as_promised(coverage: float, m: int) -> None:
    rng = np.random.default_rng(m)
    trials = 4000
    samples = np.abs(rng.standard_t(3, size=(trials, m + 1)))
    radii = conformal_radius(np.sort(samples[:, :-1], axis=1), coverage)
    covered = np.mean(samples[:, -1] <= radii)
    promised = np.ceil((m + 1) * coverage) / (m + 1)
    assert covered == pytest.approx(promised, abs=4 * np.sqrt(coverage * (1 - coverage) / trials))


@given(origin=st.integers(0, 59), seed=st.integers(0, 5))
def test_a_band_does_not_know_errors_revealed_after_its_origin(origin: int, seed: int) -> None:
    dates = made_dates(60)
    errors = np.abs(np.random.default_rng(seed).normal(size=60))
    altered = np.where(dates > dates[origin], errors + 1.0, errors)
    earlier = dates[: origin + 1]
    closes = np.full((len(earlier), 2), 100.0)
    before, after = (
        conformal_bands(earlier, closes, [PastErrors(dates, each), PastErrors(dates + DAY, each)], 30)
        for each in (errors, altered)
    )
    for name in ("lower_80", "upper_80", "lower_95", "upper_95"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_only_the_newest_errors_count() -> None:
    dates = made_dates(40)
    past = PastErrors(dates, np.concatenate([np.full(20, 9.0), np.full(20, 0.1)]))
    bands = conformal_bands(dates[[39]], np.full((1, 1), 100.0), [past], 20)
    assert bands.upper_95[0, 0] == pytest.approx(100.0 * np.exp(0.1))
    assert bands.lower_80[0, 0] == pytest.approx(100.0 * np.exp(-0.1))


def test_a_band_lies_around_each_horizons_forecast_by_its_own_errors() -> None:
    dates, closes = made_dates(41)[[40]], np.array([[100.0, 50.0]])
    errors = np.random.default_rng(0).permutation(40) / 100.0 + 0.01
    past = [PastErrors(made_dates(40), errors), PastErrors(made_dates(40), 2.0 * errors)]
    bands = conformal_bands(dates, closes, past, 40)
    np.testing.assert_allclose(bands.upper_80, closes * np.exp([[0.33, 0.66]]))
    np.testing.assert_allclose(bands.lower_80, closes * np.exp([[-0.33, -0.66]]))
    np.testing.assert_allclose(bands.upper_95, closes * np.exp([[0.39, 0.78]]))
    np.testing.assert_allclose(bands.lower_95, closes * np.exp([[-0.39, -0.78]]))


def test_a_rank_that_is_a_whole_number_is_not_rounded_up_by_the_last_bit() -> None:
    errors = np.arange(99.0) + 1.0
    for coverage, rank in ((0.55, 55), (0.56, 56), (0.57, 57), (0.95, 95)):
        assert conformal_radius(errors[None, :], coverage)[0] == rank
