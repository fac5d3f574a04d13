import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lag.market import HISTORY, build_market, variances
from pipeline.lag.predictions import predict
from tests.lag.made import walk


def test_a_market_splits_its_prices_into_history_origins_and_what_follows() -> None:
    prices = walk(50, 3)
    market = build_market(prices[None, :], 3)
    assert (market.origins, market.moves.shape, market.per_sigma.shape) == (50, (1, 50), (1, 52))
    assert market.moves[0, 0] == prices[HISTORY + 3] - prices[HISTORY]
    assert market.moves[0, -1] == prices[-1] - prices[-4]
    np.testing.assert_allclose(market.scaled_moves, market.moves * market.per_scale)
    np.testing.assert_allclose(market.per_scale, market.per_sigma[:, :50] / np.sqrt(3))


def test_no_origin_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="too few for 21 sessions of history"):
        build_market(walk(1)[None, 1:], 1)
    assert build_market(walk(1)[None], 1).origins == 1


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_prices_and_forecasts_that_are_no_numbers_are_errors_of_the_caller(odd: float) -> None:
    prices, forecasts = walk(50)[None], walk(50)[None, HISTORY:-1]
    broken = np.where(np.arange(50) == 3, odd, forecasts)
    with pytest.raises(ValueError, match="every forecast must be a finite"):
        predict(build_market(prices, 1), broken)
    with pytest.raises(ValueError, match="every price must be a finite"):
        build_market(np.where(np.arange(prices.size) == 3, odd, prices), 1)


@given(place=st.integers(0, 59), factor=st.floats(0.1, 10.0))
def test_the_volatility_at_an_origin_knows_nothing_of_later_prices(place: int, factor: float) -> None:
    prices = walk(60)
    changed = prices.copy()
    changed[HISTORY + place + 1 :] += np.log(factor)
    before, after = (build_market(one[None, :], 1).per_sigma[0] for one in (prices, changed))
    np.testing.assert_array_equal(before[: place + 1], after[: place + 1])


def test_the_variance_never_falls_below_a_twentieth_of_its_median() -> None:
    calm_after_storm = np.concatenate([np.full((1, 100), 0.05), np.zeros((1, 300))], axis=1)
    known = variances(calm_after_storm)
    assert known[0, 99] == pytest.approx(0.0025)
    assert known[0, 180] == pytest.approx(0.05 * 0.0025, rel=1e-6)
    assert (known > 0).all()


def test_a_constant_return_has_its_own_square_as_variance() -> None:
    np.testing.assert_allclose(variances(np.full((2, 40), 0.02)), 0.0004)


def test_until_a_price_has_moved_its_moves_have_no_weight() -> None:
    prices = np.concatenate([np.zeros(40), 0.02 * np.arange(1, 31)])
    market = build_market(prices[None, :], 1)
    assert (market.per_sigma[0, :19] == 0.0).all()
    assert (market.per_sigma[0, 19:] > 0.0).all()
    assert np.isfinite(market.scaled_moves).all()
