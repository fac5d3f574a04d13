import contextlib
import dataclasses
import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import HistoryError
from pipeline.learn.scale import Scaler, feature_scaler, unscale
from pipeline.learn.train import data_hash, fit_seed, start_hash, target_scaler, train, training_rows
from pipeline.learn.window import make_windows
from pipeline.models.drift import Drift, FittedDrift
from pipeline.types import Differencing, Features, ForecastKind, Target, Windows
from tests.made import DAY, SMALL, config_of, features_of, made_bars, unbroken

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
    with pytest.raises(HistoryError, match=r"MADE: drift has \d+ complete windows.*needs 30"):
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


def test_the_scale_of_mase_is_in_the_units_of_the_market() -> None:
    features, fit = trained()
    doubled = dataclasses.replace(features, closes=2.0 * features.closes)
    again = train(doubled, make_windows(doubled, CONFIG.time_steps, CONFIG.horizons), 110, CONFIG)
    assert again.provenance.naive_mae == fit.provenance.naive_mae


def test_no_row_is_a_target_of_both_training_and_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Windows] = []

    class Watched(Drift):
        def fit(
            self, training: Windows, validation: Windows, seed: int, start_weights: bytes = b""
        ) -> FittedDrift:
            seen.extend([training, validation])
            return super().fit(training, validation, seed)

    monkeypatch.setattr("pipeline.learn.train.open_model", lambda _: Watched())
    features, fit = trained()
    training, validation = seen
    assert training.rows.max() + CONFIG.horizons == validation.rows.min()
    assert validation.rows.max() + CONFIG.horizons == 110
    for windows in seen:
        ahead = windows.rows[:, None] + np.arange(1, CONFIG.horizons + 1)
        targets = unscale(windows.targets, feature_scaler(fit.scaler, 0))
        np.testing.assert_allclose(targets, features.values[ahead, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("n", "origin", "changes"),
    [(80, 66, {"horizons": 30}), (120, 38, {"horizons": 5, "validation_fraction": 0.89})],
    ids=["far horizons", "a large validation block"],
)
def test_a_history_that_the_purge_uses_up_names_the_asset(n: int, origin: int, changes: dict) -> None:
    with pytest.raises(HistoryError, match="MADE: drift"):
        trained(n, origin, dataclasses.replace(CONFIG, **changes))


def test_a_seed_is_the_same_in_every_process() -> None:
    text = f"7:MADE:drift:{CONFIG.config_hash}:2025-01-01"
    expected = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) // 2
    assert fit_seed("MADE", CONFIG, np.datetime64("2025-01-01")) == expected


def with_value_changed(features: Features) -> Features:
    return dataclasses.replace(features, values=features.values.copy(), closes=features.closes.copy())


@given(row=st.integers(5, 49), column=st.integers(0, 6))
def test_the_data_hash_changes_with_every_value_and_close_it_covers(row: int, column: int) -> None:
    config = config_of("ridge")
    features = features_of(made_bars(60), config, made_bars(60, 9).close)
    valued, closed = with_value_changed(features), with_value_changed(features)
    valued.values[row, column] = np.nextafter(valued.values[row, column], np.inf)
    closed.closes[row] = np.nextafter(closed.closes[row], np.inf)
    hashes = {data_hash(each, slice(5, 50)) for each in (features, valued, closed)}
    assert len(hashes) == 3
    assert data_hash(valued, slice(50, 60)) == data_hash(features, slice(50, 60))


@pytest.mark.parametrize(
    "change",
    [
        lambda features: {"names": ("range", *features.names[1:])},
        lambda features: {"session_dates": features.session_dates + DAY},
    ],
    ids=["a name", "the dates"],
)
def test_the_data_hash_changes_with_names_and_dates(change: Callable[[Features], dict]) -> None:
    features, _ = trained()
    changed = dataclasses.replace(features, **change(features))
    assert data_hash(changed, slice(0, 50)) != data_hash(features, slice(0, 50))


def test_the_scale_of_mase_leaves_out_a_change_across_a_gap() -> None:
    bars = made_bars(120)
    bars.close[60:] *= 10.0
    numbers = unbroken(120)
    numbers[60:] = 1
    features = dataclasses.replace(features_of(bars, CONFIG), segments=numbers)
    features.values[60] = np.nan
    fit = train(features, make_windows(features, CONFIG.time_steps, CONFIG.horizons), 110, CONFIG)
    known = slice(28, 28 + 70)
    single = np.abs(np.diff(features.closes[known]))[np.diff(numbers[known]) == 0]
    assert fit.provenance.naive_mae < 1.5 * single.mean()


def test_before_anything_can_be_learnt_no_rows_are_touched() -> None:
    features, _ = trained()
    windows = make_windows(features, CONFIG.time_steps, CONFIG.horizons)
    assert training_rows(windows, 5, CONFIG) == slice(0, 0)
    assert training_rows(windows, 110, CONFIG) == slice(28, 28 + 64 + CONFIG.time_steps + CONFIG.horizons - 1)


def test_thirty_windows_are_enough_and_fewer_are_not() -> None:
    fitted = []
    for origin in range(30, 60):
        with contextlib.suppress(HistoryError):
            fitted.append(trained(origin=origin)[1].provenance.n_training)
    assert fitted[0] == 30
    assert fitted == sorted(fitted)


@pytest.mark.parametrize(("fraction", "n_validation"), [(0.0, 0), (0.013, 1), (0.03, 2)])
def test_a_share_of_the_newest_windows_validates(fraction: float, n_validation: int) -> None:
    _, fit = trained(config=dataclasses.replace(CONFIG, validation_fraction=fraction))
    known = fit.provenance
    assert known.n_validation == n_validation
    left_out = CONFIG.horizons - 1 if n_validation else 0
    assert known.n_training == 77 - n_validation - left_out
    assert known.trained_through == made_bars(120).session_dates[110]


def test_a_change_over_the_whole_horizon_is_scaled_as_so_many_changes() -> None:
    own = Scaler(np.array([0.5, 9.0]), np.array([2.0, 9.0]))
    last = dataclasses.replace(CONFIG, target=Target.LAST, horizons=4)
    scaler = target_scaler(own, last)
    assert (scaler.offset.tolist(), scaler.spread.tolist()) == ([2.0], [4.0])


@pytest.mark.parametrize(
    "changes", [{"target": Target.EACH}, {"target": Target.LAST, "difference": Differencing.NONE}], ids=str
)
def test_single_changes_and_levels_are_scaled_as_the_close_is(changes: dict) -> None:
    own = Scaler(np.array([0.5, 9.0]), np.array([2.0, 9.0]))
    scaler = target_scaler(own, dataclasses.replace(CONFIG, horizons=4, **changes))
    assert (scaler.offset.tolist(), scaler.spread.tolist()) == ([0.5], [2.0])


def test_the_scale_of_mase_takes_each_change_in_the_units_of_the_session_that_it_starts_from() -> None:
    features, _ = trained()
    basis = np.linspace(1.0, 3.0, 120)
    moved = dataclasses.replace(features, traded_closes=features.closes * basis)
    fit = train(moved, make_windows(moved, CONFIG.time_steps, CONFIG.horizons), 110, CONFIG)
    rows = range(28, 28 + fit.provenance.n_training + CONFIG.time_steps + CONFIG.horizons - 2)
    changes = [abs(features.closes[row + 1] - features.closes[row]) * basis[row] for row in rows]
    assert fit.provenance.naive_mae == pytest.approx(np.mean(changes))


def test_a_start_hash_is_that_of_the_weights_and_there_is_none_without_them() -> None:
    assert start_hash(b"weights") == hashlib.sha256(b"weights").hexdigest()[:16]
    assert start_hash(b"") == ""


def test_a_data_hash_is_that_of_names_dates_values_and_closes() -> None:
    """Hashes that were stored are compared with those of a replay, so they stay the same for ever."""
    features, _ = trained()
    arrays = (features.session_dates, features.values, features.closes)
    told = b"close" + b"".join(np.ascontiguousarray(array[5:50]).tobytes() for array in arrays)
    assert features.names == ("close",)
    assert data_hash(features, slice(5, 50)) == hashlib.sha256(told).hexdigest()[:16]
