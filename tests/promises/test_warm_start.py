"""Re-fits that go on from the weights of the fit before, and what is stored of them."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.calendars import trading_calendar
from pipeline.learn.train import start_hash
from pipeline.learn.walk_forward import Assignment, WarmStart, forecast
from pipeline.settings import LstmSettings
from pipeline.types import FitWay, ForecastKind
from tests.made import SMALL, config_of, features_of, made_bars
from tests.market import Market, market_in

pytestmark = pytest.mark.tensorflow

NEVER = np.datetime64("NaT", "D")
WARM = SMALL.model_copy(update={"lstm": LstmSettings(units=3, epochs=3, seeds=2, warm_epochs=1)})


def made_assignment(warm_start: WarmStart | None, origins: int = 12) -> Assignment:
    config = config_of("lstm-univariate", WARM)
    features = features_of(made_bars(130), config)
    calendar = trading_calendar("24/7", 180)
    return Assignment(features, config, calendar, origins, 4, is_live=True, warm_start=warm_start)


def test_each_fit_of_a_walk_forward_goes_on_from_the_one_before() -> None:
    found = forecast(made_assignment(WarmStart(b"", NEVER, audit_days=10_000)))
    blocks = [*found.backtests, *found.live]
    assert [block.fit.kind for block in blocks] == [
        *(ForecastKind.BACKTEST, ForecastKind.BACKTEST, ForecastKind.AUDIT, ForecastKind.BACKTEST),
        ForecastKind.LIVE,
    ]
    ways = [block.fit.provenance.way for block in blocks]
    assert ways == [FitWay.COLD, FitWay.WARM, FitWay.COLD, FitWay.WARM, FitWay.WARM]
    assert [len(block.fit.epochs) for block in blocks] == [4, 2, 4, 2, 2]


def test_an_audit_is_the_fit_that_starts_anew_at_the_same_origins() -> None:
    warm = forecast(made_assignment(WarmStart(b"", NEVER, audit_days=1)))
    cold = forecast(made_assignment(None))
    audits = [block for block in warm.backtests if block.fit.kind is ForecastKind.AUDIT]
    assert len(audits) == len(cold.backtests) - 1 == 2
    for audit, anew in zip(audits, cold.backtests[1:], strict=True):
        np.testing.assert_array_equal(audit.closes, anew.closes)
        np.testing.assert_array_equal(audit.origin_dates, anew.origin_dates)
        assert audit.fit.provenance == anew.fit.provenance


def test_the_weights_of_yesterday_are_where_today_begins() -> None:
    yesterday = forecast(made_assignment(None)).live[0].fit
    begun = WarmStart(yesterday.weights, np.datetime64("2024-05-01"), audit_days=10_000)
    (today,) = forecast(made_assignment(begun, origins=0)).live
    assert today.fit.provenance.start_hash == start_hash(yesterday.weights)
    best = yesterday.epochs[yesterday.best_epoch]
    assert today.fit.epochs[0].validation == pytest.approx(best.validation, rel=1e-6)


@pytest.fixture
def market(tmp_path: Path) -> Market:
    market = market_in(tmp_path)
    market.configure('["lstm-univariate"]')
    added = "\n[lstm]\nunits = 3\nepochs = 2\nwarm_epochs = 1\nwarm_audit_days = 2\n"
    text = market.config.read_text(encoding="utf-8").replace("origins = 20", "origins = 0")
    market.config.write_text("workers = 1\n" + text + added, encoding="utf-8")
    return market


WAYS = "SELECT kind, way, start_hash IS NULL FROM fits WHERE symbol = 'GOOD-USD' ORDER BY fit_id"


def test_the_daily_job_starts_warm_audits_now_and_then_and_stores_the_way(market: Market) -> None:
    for day in ("2025-06-06", "2025-06-07", "2025-06-08", "2025-06-09"):
        assert market.run(as_of=day) == 0
    cold, warm, audit = ("live", "cold", 1), ("live", "warm", 0), ("audit", "cold", 1)
    assert market.ask(WAYS) == [cold, warm, audit, warm, warm, audit]
    assert market.count("forecast_history", "kind = 'audit'") == 0
    assert market.count("forecasts", "kind = 'audit'") == 2 * 2 * 2


def test_a_past_day_knows_no_later_weights(market: Market) -> None:
    for day in ("2025-06-09", "2025-06-07"):
        assert market.run(as_of=day) == 0
    assert market.ask(WAYS) == [("live", "cold", 1)] * 2


def test_a_backtest_never_starts_from_weights_that_know_its_future(market: Market) -> None:
    assert market.run(as_of="2025-06-07") == 0
    text = market.config.read_text(encoding="utf-8").replace("origins = 0", "origins = 20")
    market.config.write_text(text.replace("refit_every = 20", "refit_every = 10"), encoding="utf-8")
    assert market.run(as_of="2025-06-08") == 0
    backtest, live = ("backtest", "cold", 1), ("live", "warm", 0)
    assert market.ask(WAYS)[1:4] == [backtest, backtest, live]


def test_past_days_inside_of_an_audited_stretch_are_forecast_without_another_audit(market: Market) -> None:
    text = market.config.read_text(encoding="utf-8").replace("origins = 0", "origins = 40")
    market.config.write_text(text, encoding="utf-8")
    assert market.run(as_of="2025-06-09") == 0
    for day in ("2025-05-20", "2025-05-21", "2025-05-24"):
        assert market.run(as_of=day) == 0
    assert market.count("fits", "kind = 'live' AND symbol = 'GOOD-USD'") == 4


def test_warm_starts_end_when_audits_found_them_worse(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.score.warm_audit.MIN_ORIGINS", 10)
    text = market.config.read_text(encoding="utf-8").replace("origins = 0", "origins = 40")
    text = text.replace("refit_every = 20", "refit_every = 10").replace("horizons = 2", "horizons = 1")
    text = text.replace("warm_audit_days = 2", "warm_audit_days = 1")
    market.config.write_text(text, encoding="utf-8")
    assert market.run(as_of="2025-06-07") == 0
    assert market.count("fits", "symbol = 'GOOD-USD' AND kind = 'audit'") == 4
    spoil = (
        "UPDATE forecasts SET forecast_close = forecast_close * (1.2 + 0.01 * (forecast_id % 7))"
        " WHERE kind = 'backtest'"
    )
    market.change(spoil)
    assert market.run(as_of="2025-06-08") == 0
    assert market.ask(WAYS)[-1] == ("live", "cold", 1)
