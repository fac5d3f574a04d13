import dataclasses

import numpy as np
import pytest

from pipeline.calendars import trading_calendar
from pipeline.errors import AssetError, HistoryError
from pipeline.models.base import ModelConfig
from pipeline.types import Bars, Differencing, Features, ForecastBlock, ForecastKind
from pipeline.walk_forward import Assignment, forecast
from tests.made import DAY, FIRST, config_of, features_of, made_bars, unbroken

CALENDAR = trading_calendar("24/7", 180)


def backtest_blocks(
    features: Features, config: ModelConfig, origins: int, refit_every: int
) -> tuple[ForecastBlock, ...]:
    return forecast(Assignment(features, config, CALENDAR, origins, refit_every, is_live=False)).backtests


def live_block(features: Features, config: ModelConfig) -> ForecastBlock:
    forecasted = forecast(Assignment(features, config, CALENDAR, 0, 1, is_live=True))
    if forecasted.live_error is not None:
        raise forecasted.live_error
    (block,) = forecasted.live
    return block


def cut(bars: Bars, n: int) -> Bars:
    arrays = {
        field.name: getattr(bars, field.name)[:n]
        for field in dataclasses.fields(bars)
        if field.name != "symbol"
    }
    return Bars(bars.symbol, **arrays)


def test_a_model_is_fitted_anew_every_so_many_origins() -> None:
    config = config_of("drift")
    features = features_of(made_bars(150), config)
    blocks = backtest_blocks(features, config, origins=25, refit_every=10)
    assert [len(block.origin_dates) for block in blocks] == [10, 10, 5]
    origins = np.concatenate([block.origin_dates for block in blocks])
    np.testing.assert_array_equal(origins, features.session_dates[-26:-1])
    for block in blocks:
        assert block.fit.kind is ForecastKind.BACKTEST
        assert block.fit.provenance.trained_through <= block.origin_dates[0]
        np.testing.assert_array_equal(block.target_dates[:, 0], block.origin_dates + DAY)


def check_one_path(model: str) -> None:
    config = config_of(model)
    bars, lead = made_bars(150), made_bars(150, 9).close
    features = features_of(bars, config, lead)
    blocks = backtest_blocks(features, config, origins=20, refit_every=10)
    n = 150 - 10
    live = live_block(features_of(cut(bars, n), config, lead[:n]), config)
    then = blocks[1]
    assert live.origin_dates[0] == then.origin_dates[0]
    np.testing.assert_array_equal(live.closes[0], then.closes[0])
    np.testing.assert_array_equal(live.target_dates[0], then.target_dates[0])
    assert live.fit.provenance == then.fit.provenance


@pytest.mark.parametrize("model", ["last-value", "drift", "ridge"])
def test_a_live_forecast_is_what_a_backtest_issues_at_that_origin(model: str) -> None:
    check_one_path(model)


@pytest.mark.tensorflow
@pytest.mark.parametrize("model", ["lstm-levels", "lstm-multivariate"])
def test_a_live_lstm_forecast_is_what_a_backtest_issues_at_that_origin(model: str) -> None:
    check_one_path(model)


def test_the_last_value_is_the_last_value() -> None:
    config = config_of("last-value")
    block = live_block(features_of(made_bars(100), config), config)
    np.testing.assert_array_equal(block.closes, np.full((1, 3), block.last_closes[0]))


def test_a_broken_newest_window_names_what_is_unknown() -> None:
    config = config_of("ridge")
    lead = made_bars(100, 9).close
    lead[-1] = np.nan
    with pytest.raises(HistoryError, match=r"MADE: ridge needs 4 consecutive sessions.*lead:LEAD unknown"):
        live_block(features_of(made_bars(100), config, lead), config)


def test_after_a_gap_a_whole_window_has_to_grow_again() -> None:
    config = config_of("drift")
    features = features_of(made_bars(100), config)
    numbers = unbroken(100)
    numbers[98:] = 1
    broken = dataclasses.replace(features, segments=numbers)
    with pytest.raises(HistoryError, match="and 2 are there"):
        live_block(broken, config)


@pytest.mark.parametrize("method", Differencing)
def test_forecasts_come_in_the_units_of_the_market_at_their_origin(method: Differencing) -> None:
    config = dataclasses.replace(config_of("drift"), difference=method)
    features = features_of(made_bars(150), config)
    traded = features.closes * np.linspace(1.0, 0.8, 150)
    blocks = zip(
        backtest_blocks(features, config, origins=40, refit_every=10),
        backtest_blocks(
            dataclasses.replace(features, traded_closes=traded), config, origins=40, refit_every=10
        ),
        strict=True,
    )
    for accumulated, issued in blocks:
        rows = np.searchsorted(features.session_dates, issued.origin_dates)
        np.testing.assert_array_equal(issued.last_closes, traded[rows])
        basis = (traded / features.closes)[rows]
        np.testing.assert_allclose(issued.closes, accumulated.closes * basis[:, None], rtol=1e-12)


def test_origins_without_a_training_set_are_left_out() -> None:
    config = config_of("drift")
    features = features_of(made_bars(60), config)
    blocks = backtest_blocks(features, config, origins=50, refit_every=5)
    assert 0 < sum(len(block.origin_dates) for block in blocks) < 50


def test_a_backtest_that_fails_costs_neither_its_earlier_blocks_nor_the_live_forecast() -> None:
    simple = dataclasses.replace(config_of("drift"), difference=Differencing.SIMPLE)
    bars = made_bars(150)
    features = features_of(bars, simple)
    features.closes[120] = -5.0
    found = forecast(Assignment(features, simple, CALENDAR, 40, 5, is_live=True))
    assert isinstance(found.backtest_error, AssetError)
    assert 0 < len(found.backtests) < 8
    assert len(found.live) == 1
    assert found.live_error is None


def test_chosen_leads_and_spreads_know_nothing_of_what_comes_later() -> None:
    config = dataclasses.replace(config_of("ridge"), chooses_leads=True, leads=("LEAD",))
    bars, lead = made_bars(150), made_bars(150, 9).close
    lead[1:] = lead[0] * np.cumprod(bars.close[1:] / bars.close[:-1])[np.minimum(np.arange(149) + 1, 148)]
    blocks = []
    for factor in (1.0, 1.7):
        changed = bars.close.copy()
        changed[130:] *= factor
        later = dataclasses.replace(bars, close=changed)
        features = features_of(later, config, np.where(np.arange(150) >= 130, lead * factor**2, lead))
        blocks.append(backtest_blocks(features, config, origins=40, refit_every=5))
    change = FIRST + 130 * DAY
    before, after = ([block for block in found if block.origin_dates[-1] < change] for found in blocks)
    assert len(before) == len(after) > 2
    assert any(one.is_used for block in before for one in block.fit.provenance.lead_lags)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.closes, other.closes)
        assert one.fit.provenance == other.fit.provenance
