import dataclasses

import numpy as np
import pytest

from pipeline.calendars import trading_calendar
from pipeline.errors import AssetError, HistoryError
from pipeline.learn.train import start_hash
from pipeline.learn.walk_forward import Assignment, Forecasted, WarmStart, forecast
from pipeline.models.base import ModelConfig
from pipeline.types import Bars, Differencing, Features, ForecastBlock, ForecastKind, Target
from tests.made import DAY, FIRST, config_of, features_of, made_bars, unbroken

CALENDAR = trading_calendar("24/7", 180)
NEVER = np.datetime64("NaT", "D")


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
    with pytest.raises(HistoryError, match="but has 2"):
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


@pytest.mark.parametrize(
    ("days", "is_due"),
    [
        pytest.param(9, False, id="before its day"),
        pytest.param(10, True, id="on its day"),
        pytest.param(25, True, id="long after its day"),
        pytest.param(-3, False, id="for a day before the last one"),
    ],
)
def test_an_audit_every_ten_days_is(days: int, is_due: bool) -> None:
    assert WarmStart(b"", FIRST, audit_days=10).is_audit_due(FIRST + days * DAY) is is_due


def test_an_audit_is_due_where_there_never_was_one() -> None:
    assert WarmStart(b"", NEVER, audit_days=10).is_audit_due(FIRST)


def started(warm: WarmStart | None, origins: int = 16, refit_every: int = 4) -> Forecasted:
    """What the drift forecasts: its fits note the weights that they are given and learn nothing from them."""
    config = config_of("drift")
    features = features_of(made_bars(150), config)
    return forecast(
        Assignment(features, config, CALENDAR, origins, refit_every, is_live=True, warm_start=warm)
    )


def kinds_of(blocks: tuple[ForecastBlock, ...]) -> list[str]:
    return [block.fit.kind.value for block in blocks]


def test_every_fit_after_the_first_goes_on_from_the_one_before_it() -> None:
    found = started(WarmStart(b"", NEVER, audit_days=10_000))
    blocks = [one for one in (*found.backtests, *found.live) if one.fit.kind is not ForecastKind.AUDIT]
    begins = [block.fit.provenance.start_hash for block in blocks]
    assert begins[0] == ""
    assert len(set(begins)) == len(begins) == 5
    assert begins[-1] != start_hash(found.live[0].fit.weights)


def test_after_an_audit_the_next_is_due_so_many_days_after_its_last_origin() -> None:
    every = {days: kinds_of(started(WarmStart(b"", NEVER, days)).backtests) for days in (1, 2, 5, 6)}
    fit, audit = "backtest", "audit"
    assert every[1] == [fit, fit, audit, fit, audit, fit, audit]
    assert every[2] == every[5] == [fit, fit, audit, fit, fit, audit]
    assert every[6] == [fit, fit, audit, fit, fit]


def test_an_audit_forecasts_the_origins_of_the_fit_before_it_and_starts_anew() -> None:
    fit, audit = started(WarmStart(b"", NEVER, 1)).backtests[1:3]
    np.testing.assert_array_equal(fit.origin_dates, audit.origin_dates)
    assert fit.fit.provenance.start_hash != ""
    assert audit.fit.provenance.start_hash == ""


@pytest.mark.parametrize(("origins", "fits"), [(16, 4), (1, 1)])
def test_a_backtest_starts_anew_where_the_given_weights_know_its_future_and_the_live_fit_from_them(
    origins: int, fits: int
) -> None:
    found = started(WarmStart(b"yesterday", FIRST + 148 * DAY, audit_days=10_000), origins)
    assert kinds_of(found.backtests) == ["backtest"] * fits
    assert {block.fit.provenance.start_hash for block in found.backtests} == {""}
    assert found.live[0].fit.provenance.start_hash == start_hash(b"yesterday")


def test_without_a_backtest_the_live_fit_starts_from_the_given_weights() -> None:
    found = started(WarmStart(b"yesterday", FIRST + 148 * DAY, audit_days=10_000), origins=0)
    assert found.backtests == ()
    assert found.live[0].fit.provenance.start_hash == start_hash(b"yesterday")
    assert kinds_of(found.live) == ["live"]


def test_a_live_fit_from_given_weights_is_audited_when_that_is_due() -> None:
    found = started(WarmStart(b"yesterday", FIRST + 139 * DAY, audit_days=10), origins=0)
    assert kinds_of(found.live) == ["live", "audit"]


def test_a_model_that_starts_anew_each_time_is_never_audited() -> None:
    found = started(None)
    assert kinds_of((*found.backtests, *found.live)) == ["backtest"] * 4 + ["live"]
    assert {block.fit.provenance.start_hash for block in (*found.backtests, *found.live)} == {""}


def test_a_live_forecast_is_of_the_newest_session() -> None:
    (live,) = started(None).live
    assert live.origin_dates.tolist() == [(FIRST + 149 * DAY).item()]
    assert live.target_dates.tolist() == [[(FIRST + (149 + ahead) * DAY).item() for ahead in (1, 2, 3)]]


def test_nothing_is_forecast_live_where_only_a_backtest_is_asked_for() -> None:
    config = config_of("drift")
    features = features_of(made_bars(150), config)
    found = forecast(Assignment(features, config, CALENDAR, 8, 4, is_live=False))
    assert (len(found.backtests), found.live, found.live_error) == (2, (), None)


@pytest.mark.parametrize("unbroken_rows", [1, 2, 3])
def test_too_short_a_stretch_is_told_with_its_length_and_last_session(unbroken_rows: int) -> None:
    config = dataclasses.replace(config_of("drift"), difference=Differencing.NONE)
    features = features_of(made_bars(100), config)
    numbers = (np.arange(100) >= 100 - unbroken_rows).astype(np.int64)
    said = f"needs 4 consecutive sessions up to {FIRST + 99 * DAY}, but has {unbroken_rows}\n"
    with pytest.raises(HistoryError, match=said):
        live_block(dataclasses.replace(features, segments=numbers), config)


def test_a_target_of_the_last_session_alone_is_forecast_as_the_whole_change_up_to_it() -> None:
    config = dataclasses.replace(config_of("drift"), target=Target.LAST)
    block = live_block(features_of(made_bars(150), config), config)
    assert block.horizons.tolist() == [3]
    assert block.target_dates.tolist() == [[(FIRST + 152 * DAY).item()]]
    assert block.closes.shape == (1, 1)


def test_a_lead_that_is_not_known_at_the_origin_is_not_used_where_leads_are_chosen() -> None:
    config = dataclasses.replace(config_of("ridge"), chooses_leads=True, leads=("LEAD",))
    bars = made_bars(150)
    lead = np.append(bars.close[1:], bars.close[-1])  # knows tomorrow, so that it leads for certain
    known = live_block(features_of(bars, config, lead), config)
    lead[-1] = np.nan
    unknown = live_block(features_of(bars, config, lead), config)
    assert [one.is_used for one in known.fit.provenance.lead_lags] == [True]
    assert [one.is_used for one in unknown.fit.provenance.lead_lags] == [False]
    assert (known.closes != unknown.closes).all()
