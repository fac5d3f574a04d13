"""Prices made for tests: random walks with everything a bar promises."""

import numpy as np

from pipeline.learn.features import LeadCloses, build_features
from pipeline.models import configure
from pipeline.models.base import ModelConfig
from pipeline.settings import AssetSettings, BacktestSettings, LstmSettings, Settings, TransformSettings
from pipeline.types import Bars, DateArray, Features, FloatArray, IntArray, Windows

FIRST = np.datetime64("2024-01-01", "D")
DAY = np.timedelta64(1, "D")
SMALL = Settings(
    horizons=3,
    transform=TransformSettings(time_steps=4, train_sessions=80),
    lstm=LstmSettings(units=4, epochs=2, batch_size=16, dropout=0.1),
    backtest=BacktestSettings(origins=20, refit_every=10),
)
"""Settings under which everything trains in an instant."""
LED = AssetSettings(symbol="MADE", calendar="24/7", leads=("LEAD",))


def made_dates(n: int) -> DateArray:
    return FIRST + np.arange(n)


def made_bars(n: int, seed: int = 0, symbol: str = "MADE") -> Bars:
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n)))
    open_ = close * np.exp(rng.normal(0.0, 0.005, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.005, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.005, n)))
    volume = np.floor(rng.uniform(1e3, 1e6, n))
    return Bars(symbol, made_dates(n), open_, high, low, close, volume)


def unbroken(n: int) -> IntArray:
    return np.zeros(n, dtype=np.int64)


def config_of(model: str, settings: Settings = SMALL) -> ModelConfig:
    return configure(settings, LED, model)


def features_of(bars: Bars, config: ModelConfig, lead_closes: FloatArray | None = None) -> Features:
    leads = [LeadCloses("LEAD", lead_closes)] if config.leads and lead_closes is not None else []
    return build_features(bars, unbroken(len(bars)), config.features, config.difference, leads)


def made_windows(samples: int, time_steps: int, features: int, horizons: int, seed: int = 0) -> Windows:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(samples, time_steps, features))
    targets = 0.5 * values[:, -1, :1] + rng.normal(size=(samples, horizons))
    return Windows(np.arange(samples), values, targets)
