import dataclasses

import numpy as np
import pytest

from pipeline.errors import HistoryError
from pipeline.train import data_hash, fit_seed, train
from pipeline.types import ForecastKind
from pipeline.window import make_windows
from tests.made import SMALL, config_of, features_of, made_bars

CONFIG = config_of("drift")


def trained(n: int = 120, origin: int = 110, config=CONFIG):
    features = features_of(made_bars(n), config)
    return features, train(
        features, make_windows(features, config.time_steps, config.horizons), origin, config
    )


def test_training_and_validation_do_not_touch_and_end_at_the_origin() -> None:
    features, fit = trained()
    known = fit.provenance
    assert known.n_validation == int(0.15 * (known.n_validation + known.n_training + CONFIG.horizons - 1))
    assert known.trained_through == features.session_dates[110]
    assert known.trained_from == features.session_dates[110 - 80 + 1 - CONFIG.time_steps + 1]


def test_the_scaler_knows_training_rows_alone() -> None:
    config = config_of("lstm-levels", SMALL.model_copy(update={"model": {}}))
    config = dataclasses.replace(config, name="drift", parameters=None)
    bars = made_bars(120)
    bars.close[98:] *= 50.0
    features = features_of(bars, config)
    fit = train(features, make_windows(features, config.time_steps, config.horizons), 110, config)
    assert (fit.scaler.offset + fit.scaler.spread)[0] < bars.close[98:].min()


def test_too_short_a_history_names_the_asset_and_what_it_needs() -> None:
    with pytest.raises(HistoryError, match=r"MADE: drift has \d+ whole windows.*needs 30"):
        trained(n=40, origin=35)


def test_a_seed_belongs_to_the_fit_and_to_nothing_else() -> None:
    first, again = (fit_seed("MADE", CONFIG, np.datetime64("2025-01-01")) for _ in range(2))
    assert first == again
    others = {
        fit_seed("OTHER", CONFIG, np.datetime64("2025-01-01")),
        fit_seed("MADE", config_of("ridge"), np.datetime64("2025-01-01")),
        fit_seed("MADE", CONFIG, np.datetime64("2025-01-02")),
    }
    assert len(others | {first}) == 4


def test_the_data_hash_changes_with_any_value() -> None:
    features, _ = trained()
    before = data_hash(features, slice(0, 50))
    features.values[20, 0] += 1e-12
    assert data_hash(features, slice(0, 50)) != before
    assert data_hash(features, slice(30, 50)) == data_hash(trained()[0], slice(30, 50))


def test_only_the_weights_of_a_live_fit_are_kept() -> None:
    _, fit = trained()
    assert fit.record(ForecastKind.LIVE).weights.startswith(b"PK")
    assert fit.record(ForecastKind.BACKTEST).weights == b""


def test_the_scale_of_mase_is_the_mean_change_in_training() -> None:
    features, fit = trained()
    rows = slice(28, 28 + fit.provenance.n_training + CONFIG.time_steps + CONFIG.horizons - 1)
    assert fit.provenance.naive_mae == pytest.approx(
        np.mean(np.abs(np.diff(features.closes[rows]))), rel=1e-6
    )
