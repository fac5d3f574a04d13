from dataclasses import dataclass, replace

import numpy as np
import pytest

from pipeline.errors import AssetError
from pipeline.learn.forecast import forecast_closes
from pipeline.learn.train import train
from pipeline.learn.window import make_windows, select
from pipeline.types import Differencing, FloatArray
from tests.made import config_of, features_of, made_bars


@dataclass(frozen=True)
class Always:
    value: float

    def predict(self, values: FloatArray) -> FloatArray:
        return np.full((len(values), 3), self.value)


def test_scaled_changes_come_back_as_prices() -> None:
    config = config_of("ridge")
    features = features_of(made_bars(120), config, made_bars(120, 9).close)
    windows = make_windows(features, config.time_steps, config.horizons)
    fit = train(features, windows, 110, config)
    newest = select(windows, np.array([len(windows) - 1]))
    closes = forecast_closes(replace(fit, model=Always(1.0)), newest, np.array([200.0]), np.ones(1))
    change = fit.scaler.offset[0] + fit.scaler.spread[0]
    np.testing.assert_allclose(closes, 200.0 * np.exp(change * np.array([[1.0, 2.0, 3.0]])))


@pytest.mark.parametrize("value", [-1e9, np.nan, np.inf])
def test_a_price_that_cannot_be_names_asset_and_model(value: float) -> None:
    config = replace(config_of("drift"), difference=Differencing.SIMPLE)
    features = features_of(made_bars(120), config)
    windows = make_windows(features, config.time_steps, config.horizons)
    fit = replace(train(features, windows, 110, config), model=Always(value))
    with pytest.raises(AssetError, match=r"MADE: drift forecasts a price that is not positive"):
        forecast_closes(fit, select(windows, np.array([5])), np.array([100.0]), np.ones(1))


def forecast_of_change(change: float, last_close: float) -> FloatArray:
    """Three closes, each so much above the one before."""
    config = replace(config_of("drift"), difference=Differencing.SIMPLE)
    features = features_of(made_bars(120), config)
    windows = make_windows(features, config.time_steps, config.horizons)
    fit = train(features, windows, 110, config)
    scaled = (change - fit.scaler.offset[0]) / fit.scaler.spread[0]
    always = replace(fit, model=Always(float(scaled)))
    return forecast_closes(always, select(windows, np.array([5])), np.array([last_close]), np.ones(1))


def test_a_price_far_below_one_is_a_price() -> None:
    np.testing.assert_allclose(forecast_of_change(0.0, 0.001), np.full((1, 3), 0.001))


def test_a_price_of_nothing_is_none() -> None:
    with pytest.raises(AssetError, match="not positive"):
        forecast_of_change(0.0, 0.0)
