"""The demo: the same for everybody, careful with files, and honest beside the truth."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline import demo
from pipeline.cli import execute
from pipeline.clock import parse_moment
from pipeline.commands.demo import DEFAULT_AS_OF, DEFAULT_FILE
from pipeline.errors import PricecastError, UsageError
from pipeline.settings import BacktestSettings, LstmSettings, Settings, TransformSettings
from pipeline.sources.simulated import SIMULATED_ASSETS, TRUTHS
from pipeline.store import open_store
from pipeline.types import Rows, RunStatus
from tests.light import light_store, run_light

SQL = "SELECT symbol, model, horizon, forecast_close, lower_80 FROM forecasts ORDER BY forecast_id"
VERDICT_COLUMNS = (
    *("symbol", "model", "horizon", "skill", "p_skill", "p_skill_adjusted"),
    *("mean_lag_sessions", "verdict", "is_promoted"),
)


def light(settings: Settings, models: tuple[str, ...] = ("last-value", "ridge")) -> Settings:
    """The demo made smaller still."""
    return settings.model_copy(
        update={
            "models": models,
            "transform": TransformSettings(train_sessions=300, time_steps=5),
            "lstm": LstmSettings(epochs=1, units=4),
            "backtest": BacktestSettings(origins=40, refit_every=40),
        }
    )


def forecasts_in(file: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.execute(SQL))


def test_the_demos_settings_are_the_same_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = demo.demo_settings(Path("x.db"))
    monkeypatch.setenv("PRICECAST_SEED", "8")
    monkeypatch.setenv("PRICECAST_LSTM__UNITS", "1")
    monkeypatch.setenv("PRICECAST_SOURCE", "yahoo")
    assert demo.demo_settings(Path("x.db")) == before
    assert before.source == "simulated"
    assert [asset.symbol for asset in before.assets] == list(TRUTHS)


def test_the_introduction_says_what_is_reduced() -> None:
    settings = demo.demo_settings(Path("x.db"))
    text = demo.introduction(settings)
    assert f"{demo.HORIZONS} sessions ahead (usually {Settings.model_construct().horizons})" in text
    assert "500 backtest origins, refitted every 125" in text
    assert settings.lstm == LstmSettings()


def test_the_demo_played_twice_gives_the_same_forecasts(tmp_path: Path) -> None:
    files = [tmp_path / "one.db", tmp_path / "two.db"]
    for file in files:
        settings = light(demo.demo_settings(file)).model_copy(update={"assets": SIMULATED_ASSETS[:2]})
        summary = demo.run_demo(settings, parse_moment(DEFAULT_AS_OF))
        assert summary.status is RunStatus.DONE
    first, second = (forecasts_in(file) for file in files)
    assert len(first) == 2 * 2 * (40 + 1) * demo.HORIZONS
    assert first == second


@pytest.mark.parametrize("name", ["new.db", "sqlite:///new.db"], ids=["a path", "a URL"])
def test_a_new_file_is_taken_as_it_is(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.fresh_file(name) == Path("new.db")


def test_a_demos_own_file_is_replaced(tmp_path: Path) -> None:
    run_light(tmp_path, command=demo.COMMAND)
    assert not demo.fresh_file(str(tmp_path / "light.db")).exists()
    assert [file.name for file in tmp_path.iterdir()] == ["light.toml"]


def test_a_file_with_other_runs_is_left_alone(tmp_path: Path) -> None:
    run_light(tmp_path, command=demo.COMMAND)
    run_light(tmp_path, command="run")
    file = tmp_path / "light.db"
    with pytest.raises(PricecastError, match="exists and is not a demo's database"):
        demo.fresh_file(str(file))
    assert forecasts_in(file)


@pytest.mark.parametrize("content", [b"", b"letters" * 1000], ids=["an empty file", "no database"])
def test_another_programs_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.db"
    file.write_bytes(content)
    with pytest.raises(PricecastError, match="Name another file"):
        demo.fresh_file(str(file))
    assert file.read_bytes() == content


@pytest.mark.parametrize("database", ["postgresql://host/x", "sqlite://", ":memory:"])
def test_the_demo_needs_a_file(database: str) -> None:
    with pytest.raises(UsageError, match="the demo cannot use --db"):
        demo.fresh_file(database)


def test_the_truth_stands_beside_each_verdict_in_the_order_of_the_market() -> None:
    verdicts = Rows(
        VERDICT_COLUMNS,
        (
            ("SIM-TREND", "ridge", 1, 0.08, 0.01, 0.03, -0.3, "SKILLED", 1),
            ("SIM-TREND", "ridge", 2, 0.01, 0.20, 0.20, 0.0, "NO_SKILL", 0),
            ("SIM-WALK", "ridge", 1, 0.001, 0.04, 0.06, 0.0, "ECHO", 0),
            ("SIM-WALK", "last-value", 1, 0.0, 1.0, 1.0, 0.0, "ECHO", 0),
        ),
    )
    records = demo.truth_beside_verdict(verdicts).records()
    assert [(record["symbol"], record["model"]) for record in records] == [
        ("SIM-WALK", "last-value"),
        ("SIM-WALK", "ridge"),
        ("SIM-TREND", "ridge"),
    ]
    assert [record["p_skill_adjusted"] for record in records] == [1.0, 0.06, 0.03]
    assert [record["truth"] for record in records] == [TRUTHS[record["symbol"]] for record in records]


def test_what_to_try_next_is_sql_that_answers(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["sql", demo.STATEMENT, "--db", str(light_store(tmp_path_factory))]) == 0
    assert "skill_percent" in capsys.readouterr().out
    assert f'sqlite3 x.db "{demo.STATEMENT}"' in demo.ending("x.db", tried=1)


def test_the_command_makes_its_file_here_and_ends_with_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = demo.demo_settings
    monkeypatch.setattr(demo, "demo_settings", lambda file: light(whole(file)))
    monkeypatch.chdir(tmp_path)
    assert execute(["demo"]) == 0
    assert execute(["demo", "--as-of", "2022-05-01"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "run 1 as of 2026-06-01 23:59 UTC: done" in out
    assert "run 1 as of 2022-05-01 23:59 UTC: done" in out
    assert all(truth in out for truth in TRUTHS.values())
    assert sorted(file.name for file in tmp_path.glob("*.db")) == [DEFAULT_FILE]


def test_the_command_refuses_a_database_in_use(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["demo", "--db", str(light_store(tmp_path_factory))]) == 1
    assert "is not a demo's database\n  Name another file" in capsys.readouterr().err


def test_an_empty_database_of_ours_may_be_replaced(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "new.db")):
        pass
    assert not demo.fresh_file(str(tmp_path / "new.db")).exists()


@pytest.mark.tensorflow
def test_a_network_takes_part(tmp_path: Path) -> None:
    settings = light(demo.demo_settings(tmp_path / "x.db"), ("last-value", "lstm-multivariate"))
    summary = demo.run_demo(settings, parse_moment(DEFAULT_AS_OF))
    assert (summary.status, summary.failures) == (RunStatus.DONE, ())
