"""Forecasts of the last session of the horizon alone, and spreads between assets."""

import numpy as np
import pytest

from pipeline.calendars import trading_calendar
from pipeline.errors import ConfigError
from pipeline.learn.features import LeadCloses, build_features
from pipeline.learn.scale import fit_scaler
from pipeline.learn.train import target_scaler
from pipeline.learn.walk_forward import Assignment, forecast
from pipeline.learn.window import last_horizon_only, make_windows
from pipeline.models import configure
from pipeline.settings import AssetSettings, LstmSettings
from pipeline.types import Differencing, FeatureSet, Scaling, Shape, Target
from tests.made import DAY, LED, SMALL, config_of, features_of, made_bars, unbroken
from tests.market import Market, market_in

LAST = SMALL.model_copy(update={"transform": SMALL.transform.model_copy(update={"target": Target.LAST})})


@pytest.mark.parametrize("method", list(Differencing))
def test_the_last_target_leads_to_the_close_so_many_sessions_later(method: Differencing) -> None:
    bars = made_bars(60)
    features = build_features(bars, unbroken(60), FeatureSet.UNIVARIATE, method, [])
    windows = last_horizon_only(make_windows(features, 4, 3), method)
    for row, target in zip(windows.rows[:-3], windows.targets[:-3, 0], strict=True):
        start, later = bars.close[row], bars.close[row + 3]
        reached = {"log": start * np.exp(target), "simple": start + target, "none": target}[method]
        assert reached == pytest.approx(later)
    assert np.isnan(windows.targets[-3:]).all()


def test_the_scale_of_a_sum_is_that_of_independent_changes() -> None:
    rows = np.random.default_rng(0).normal(0.1, 2.0, (4000, 1))
    sums = rows[: 3999 // 3 * 3].reshape(-1, 3).sum(axis=1)
    scaler = target_scaler(fit_scaler(rows, Scaling.STANDARD), config_of("lstm-univariate", LAST))
    assert scaler.offset[0] == pytest.approx(3 * rows.mean())
    assert scaler.spread[0] == pytest.approx(sums.std(), rel=0.05)


@pytest.mark.parametrize(
    "model",
    [
        "last-value",
        "drift",
        "ridge",
        *(pytest.param(name, marks=pytest.mark.tensorflow) for name in ("lstm-levels", "seq2seq-univariate")),
    ],
)
def test_one_session_alone_is_forecast(model: str) -> None:
    config = config_of(model, LAST)
    features = features_of(made_bars(130), config, made_bars(130, 9).close)
    found = forecast(Assignment(features, config, trading_calendar("24/7", 180), 10, 5, is_live=True))
    for block in (*found.backtests, *found.live):
        assert block.horizons.tolist() == [3]
        assert block.closes.shape == (len(block.origin_dates), 1)
        np.testing.assert_array_equal(block.target_dates[:, 0], block.origin_dates + 3 * DAY)


def test_the_drift_of_the_last_session_is_the_sum_of_the_drifts() -> None:
    calendar = trading_calendar("24/7", 180)
    changes = []
    for settings in (SMALL, LAST):
        config = config_of("drift", settings)
        features = features_of(made_bars(130), config)
        (block,) = forecast(Assignment(features, config, calendar, 0, 1, is_live=True)).live
        changes.append(np.log(block.closes[0, -1] / block.last_closes[0]))
    assert changes[0] == pytest.approx(changes[1])


@pytest.mark.parametrize("shape", [Shape.RECURSIVE, Shape.SEQUENCE])
def test_a_network_that_learns_every_session_is_refused(shape: Shape) -> None:
    settings = LAST.model_copy(update={"lstm": LstmSettings(shape=shape)})
    with pytest.raises(ConfigError, match=r"target = 'last' is one session"):
        config_of("lstm-univariate", settings)


def test_the_job_stores_and_scores_the_one_session(tmp_path) -> None:
    market: Market = market_in(tmp_path)
    text = market.config.read_text(encoding="utf-8").replace("[transform]", '[transform]\ntarget = "last"')
    market.config.write_text(text, encoding="utf-8")
    assert market.run() == 0
    assert market.ask("SELECT DISTINCT horizon FROM forecasts") == [(2,)]
    assert market.count("model_verdicts") == 4
    assert market.count("latest_forecasts", "lower_80 IS NOT NULL") == 4


def test_a_spread_is_the_log_ratio_and_its_change() -> None:
    bars, other = made_bars(50), made_bars(50, 3).close
    spread = [LeadCloses("OTHER", other)]
    features = build_features(bars, unbroken(50), FeatureSet.MULTIVARIATE, Differencing.LOG, [], spread)
    assert features.names[-2:] == ("spread:OTHER", "spread-change:OTHER")
    ratio = np.log(bars.close / other)
    np.testing.assert_allclose(features.values[1:, -2], ratio[1:])
    np.testing.assert_allclose(features.values[1:, -1], np.diff(ratio))


def test_spreads_and_chosen_leads_are_features_of_multivariate_models_alone() -> None:
    asset = LED.model_copy(update={"spreads": ("OTHER",)})
    assert configure(SMALL, asset, "ridge").spreads == ("OTHER",)
    assert configure(SMALL, asset, "lstm-univariate").spreads == ()
    others = tuple(AssetSettings(symbol=name) for name in ("A", "B", "MADE"))
    settings = SMALL.model_copy(update={"assets": others})
    auto = configure(settings, others[2].model_copy(update={"leads": "auto"}), "ridge")
    assert (auto.leads, auto.chooses_leads) == (("A", "B"), True)


def test_a_branch_for_leads_that_are_yet_to_be_chosen_is_refused() -> None:
    settings = SMALL.model_copy(
        update={"assets": (LED, AssetSettings(symbol="A")), "lstm": LstmSettings(branches=2)}
    )
    with pytest.raises(ConfigError, match="needs a fixed list of leads"):
        configure(settings, LED.model_copy(update={"leads": "auto"}), "lstm-multivariate")


AUTO = """
source = "simulated"
horizons = 2
models = ["ridge"]
[[assets]]
symbol = "SIM-FOLLOW"
calendar = "24/7"
leads = "auto"
spreads = ["SIM-WALK"]
[[assets]]
symbol = "SIM-LEAD"
calendar = "24/7"
[[assets]]
symbol = "SIM-WALK"
calendar = "24/7"
[transform]
time_steps = 5
[backtest]
origins = 40
refit_every = 20
"""


def test_the_lead_of_the_simulated_market_is_found_stored_and_shown(tmp_path, capsys) -> None:
    from pipeline.cli import execute

    file, database = tmp_path / "auto.toml", tmp_path / "auto.db"
    file.write_text(AUTO, encoding="utf-8")
    options = ["--config", str(file), "--db", str(database)]
    assert execute(["run", "--direct", *options, "--as-of", "2025-06-01", "--symbols", "SIM-FOLLOW"]) == 0
    capsys.readouterr()
    assert execute(["leads", *options]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "SIM-" in line]
    assert [(line[2] if len(line) > 6 else line[0], line[-1]) for line in lines] == [
        ("SIM-LEAD", "yes"),
        ("SIM-WALK", "no"),
    ]


def test_the_order_of_the_assets_does_not_make_another_model() -> None:
    hashes = set()
    for names in (("A", "B"), ("B", "A")):
        others = tuple(AssetSettings(symbol=name) for name in names)
        settings = SMALL.model_copy(update={"assets": (LED, *others)})
        hashes.add(configure(settings, LED.model_copy(update={"leads": "auto"}), "ridge").config_hash)
    assert len(hashes) == 1


@pytest.mark.parametrize("key", ["leads", "spreads"])
def test_an_asset_is_neither_its_own_lead_nor_spread(key: str) -> None:
    with pytest.raises(ValueError, match="among its own leads or spreads"):
        AssetSettings(symbol="AAPL", **{key: ("AAPL",)})


def test_models_that_start_anew_anyway_do_not_change_with_warm_epochs() -> None:
    led = LED.model_copy(update={"leads": "auto"})
    assets = (led, AssetSettings(symbol="A"))
    for model in ("auto", "lstm-multivariate"):
        hashes = {
            configure(
                SMALL.model_copy(update={"assets": assets, "lstm": LstmSettings(warm_epochs=epochs)}),
                led,
                model,
            ).config_hash
            for epochs in (0, 2)
        }
        assert len(hashes) == 1
