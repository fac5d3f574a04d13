"""No look-ahead anywhere: what comes after an origin changes nothing before it, bit for bit."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calendars import trading_calendar
from pipeline.learn.adjust import adjusted
from pipeline.learn.train import train
from pipeline.learn.walk_forward import Assignment, forecast
from pipeline.learn.window import make_windows
from pipeline.models.base import ModelConfig
from pipeline.settings import Settings
from pipeline.types import Adjustment, Bars, Dividends, Features, FloatArray, Prices
from tests.made import SMALL, config_of, features_of, made_bars
from tests.properties import examples

CALENDAR = trading_calendar("24/7", 180)
N = 130
REINVESTED = SMALL.model_copy(
    update={"transform": SMALL.transform.model_copy(update={"adjust": Adjustment.DIVIDENDS})}
)


def altered_after(bars: Bars, row: int, factors: FloatArray) -> Bars:
    """Every price and volume after `row` multiplied, each session by a factor of its own."""
    arrays = {}
    for field in dataclasses.fields(bars):
        value = getattr(bars, field.name)
        if field.name not in {"symbol", "session_dates"}:
            value = value.copy()
            value[row + 1 :] *= factors[row + 1 :]
        arrays[field.name] = value
    return Bars(**arrays)


def paying(bars: Bars, amounts: FloatArray) -> Prices:
    """The bars with a dividend every seventh session."""
    return Prices(bars, Dividends(bars.session_dates[::7], amounts[::7]))


def seen(prices: Prices, lead: Prices, config: ModelConfig) -> Features:
    """The features as `assign` makes them."""
    features = features_of(adjusted(prices, config.adjust), config, adjusted(lead, config.adjust).close)
    return dataclasses.replace(features, traded_closes=prices.bars.close)


def check_the_past_stays(config: ModelConfig, origin: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors, lead_factors = np.exp(rng.normal(0, 0.5, (2, N)))
    amounts = rng.uniform(0.1, 3.0, N)
    later_amounts = np.where(np.arange(N) > origin, amounts * factors, amounts)
    bars, lead = made_bars(N), made_bars(N, 9, "LEAD")
    before = seen(paying(bars, amounts), paying(lead, amounts), config)
    after = seen(
        paying(altered_after(bars, origin, factors), later_amounts),
        paying(altered_after(lead, origin, lead_factors), later_amounts),
        config,
    )
    np.testing.assert_array_equal(before.values[: origin + 1], after.values[: origin + 1])
    np.testing.assert_array_equal(before.closes[: origin + 1], after.closes[: origin + 1])
    np.testing.assert_array_equal(before.basis[: origin + 1], after.basis[: origin + 1])
    fits = []
    for features in (before, after):
        windows = make_windows(features, config.time_steps, config.horizons)
        at_or_before = windows.rows <= origin
        fits.append((windows.values[at_or_before], train(features, windows, origin, config)))
    (windows_before, fit_before), (windows_after, fit_after) = fits
    np.testing.assert_array_equal(windows_before, windows_after)
    np.testing.assert_array_equal(fit_before.scaler.offset, fit_after.scaler.offset)
    np.testing.assert_array_equal(fit_before.scaler.spread, fit_after.scaler.spread)
    assert fit_before.provenance == fit_after.provenance
    assert fit_before.model.to_bytes() == fit_after.model.to_bytes()
    assert repr(fit_before.model.epochs) == repr(fit_after.model.epochs)
    closes = []
    for features in (before, after):
        forecasted = forecast(Assignment(features, config, CALENDAR, 25, 8, is_live=False))
        issued = [(block.origin_dates, block.closes) for block in forecasted.backtests]
        dates, forecasts = (np.concatenate(parts) for parts in zip(*issued, strict=True))
        closes.append(forecasts[dates <= before.session_dates[origin]])
    assert len(closes[0]) > 0
    np.testing.assert_array_equal(closes[0], closes[1])


@pytest.mark.parametrize("model", ["drift", "ridge"])
@pytest.mark.parametrize("adjusting", [SMALL, REINVESTED], ids=["splits", "dividends"])
@examples(10)
@given(origin=st.integers(105, N - 2), seed=st.integers(0, 10**6))
def test_changing_every_later_price_and_dividend_leaves_everything_earlier_alone(
    adjusting: Settings, model: str, origin: int, seed: int
) -> None:
    check_the_past_stays(config_of(model, adjusting), origin, seed)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("model", "adjusting"),
    [("lstm-levels", SMALL), ("lstm-levels", REINVESTED), ("lstm-multivariate", REINVESTED)],
    ids=["levels, splits", "levels, dividends", "multivariate, dividends"],
)
@examples(3)
@given(origin=st.integers(105, N - 2), seed=st.integers(0, 10**6))
def test_changing_every_later_price_and_dividend_leaves_every_earlier_lstm_alone(
    model: str, adjusting: Settings, origin: int, seed: int
) -> None:
    check_the_past_stays(config_of(model, adjusting), origin, seed)


@pytest.mark.parametrize("model", ["drift", "ridge"])
def test_changing_the_price_at_the_origin_does_not_go_unnoticed(model: str) -> None:
    config, factors = config_of(model), np.full(N, 1.1)
    bars, lead = made_bars(N), made_bars(N, 9, "LEAD").close
    hashes = set()
    for each in (bars, altered_after(bars, 109, factors)):
        features = features_of(each, config, lead)
        fit = train(features, make_windows(features, config.time_steps, config.horizons), 110, config)
        hashes.add(fit.provenance.data_hash)
    assert len(hashes) == 2


@pytest.mark.parametrize("row", [106, 107], ids=["a dividend at the origin", "one of the session after"])
def test_a_dividend_is_noticed_from_its_ex_date_on(row: int) -> None:
    config, bars = config_of("drift", REINVESTED), made_bars(N)
    none = Prices(bars, Dividends(bars.session_dates[:0], np.array([])))
    one = Prices(bars, Dividends(bars.session_dates[row : row + 1], np.array([2.0])))
    hashes = set()
    for prices in (none, one):
        features = seen(prices, prices, config)
        fit = train(features, make_windows(features, config.time_steps, config.horizons), 106, config)
        hashes.add(fit.provenance.data_hash)
    assert len(hashes) == (2 if row == 106 else 1)
