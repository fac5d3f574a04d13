"""The command `judge`: the verdict on anybody's forecasts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cli import execute
from pipeline.clock import parse_moment
from pipeline.daily import Request, run_daily
from pipeline.forecast_file import ForecastSeries, read_forecast_file
from pipeline.lag import align, judge_alone
from pipeline.settings import BacktestSettings
from pipeline.sources.simulated import SimulatedSource
from pipeline.store import open_store, read, reading
from pipeline.types import Trial
from tests.light import DAY, light_settings
from tests.test_forecast_file import HEADER, Rows, csv_file, made_rows

NEEDED = {
    *("verdict", "p_echo", "p_skill", "skill", "skill_low", "skill_high", "skill_as_issued"),
    *("mean_lag_sessions", "nearest_naive", "distance", "slope", "size", "hit_rate", "power"),
    *("min_detectable_r2", "n", "sentence"),
}
Judge = Callable[..., tuple[int, str, str]]


@pytest.fixture
def judge(capsys: pytest.CaptureFixture[str]) -> Judge:
    def run(*words: object) -> tuple[int, str, str]:
        code = execute(["judge", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def echo_rows(lag: int, count: int = 120) -> Rows:
    """The last close `lag` rows before, again."""
    rows = made_rows(count)
    return [[*row[:3], rows[max(place - lag, 0)][2], row[4]] for place, row in enumerate(rows)]


def only(out: str) -> dict[str, Any]:
    (found,) = json.loads(out)
    return dict(found)


@pytest.mark.parametrize("lag", [0, 2])
def test_an_older_price_is_an_echo_of_its_age(judge: Judge, tmp_path: Path, lag: int) -> None:
    code, out, err = judge(csv_file(tmp_path, echo_rows(lag)), "--json")
    found = only(out)
    assert (code, err, found["verdict"], found["n"]) == (0, "", "ECHO", 99)
    assert found["mean_lag_sessions"] == pytest.approx(lag, abs=1e-4)
    assert found["nearest_naive"] == ("y(t)" if lag == 0 else "y(t-2)")
    assert set(found) >= NEEDED


def test_json_has_null_for_what_is_undefined(judge: Judge, tmp_path: Path) -> None:
    _, out, _ = judge(csv_file(tmp_path, echo_rows(0)), "--json")
    assert "NaN" not in out
    assert only(out)["slope"] is None


def test_the_table_has_a_line_a_series_and_notes_go_to_stderr(judge: Judge, tmp_path: Path) -> None:
    rows = [["AAA", "m", *row] for row in echo_rows(0)] + [["BBB", "m", *row] for row in echo_rows(1)[::-1]]
    code, out, err = judge(csv_file(tmp_path, rows, f"symbol,model,{HEADER}"))
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[:4] for line in lines[2:]] == [
        ["AAA", "m", "99", "ECHO"],
        ["BBB", "m", "99", "ECHO"],
    ]
    assert err == "note: BBB m: rows are not in order of origin_date: sorted\n"


def test_a_series_that_cannot_be_judged_costs_the_others_nothing(judge: Judge, tmp_path: Path) -> None:
    rows = [["AAA", *row] for row in echo_rows(0)] + [["BBB", *row] for row in made_rows(20)]
    code, out, err = judge(csv_file(tmp_path, rows, f"symbol,{HEADER}"))
    assert code == 3
    assert "AAA" in out
    assert err.startswith("error: BBB: 20 rows of 20 can be used; 51 are needed")


def test_a_file_without_a_series_that_can_be_judged_fails(judge: Judge, tmp_path: Path) -> None:
    code, out, err = judge(csv_file(tmp_path, made_rows(50)))
    assert (code, out) == (1, "")
    assert "51 are needed" in err


def test_a_verdict_is_explained_and_drawn(judge: Judge, tmp_path: Path) -> None:
    picture = tmp_path / "verdict.svg"
    code, out, _ = judge(csv_file(tmp_path, echo_rows(2)), "--explain", "--plot", picture)
    assert code == 0
    assert "the price of 2 sessions before" in out
    assert "cannot convict alone" in out
    assert "the price of 2 sessions before" in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--json", "--explain"], "--json and --explain exclude each other"),
        (["--plot", "x.txt"], "--plot x.txt is no picture"),
        (["--plot", "absent/x.png"], "the folder of --plot"),
        (["--horizon", "0"], "--horizon"),
    ],
)
def test_wrong_usage_is_told(judge: Judge, tmp_path: Path, words: list[str], said: str) -> None:
    code, _, err = judge(csv_file(tmp_path, made_rows()), *words)
    assert code == 2
    assert said in err


def test_a_picture_is_of_one_series(judge: Judge, tmp_path: Path) -> None:
    rows = [[symbol, *row] for symbol in ("A", "B") for row in made_rows()]
    code, _, err = judge(csv_file(tmp_path, rows, f"symbol,{HEADER}"), "--plot", tmp_path / "x.png")
    assert code == 2
    assert "--plot draws one verdict" in err
    assert not (tmp_path / "x.png").exists()


@given(factor=st.floats(1e-3, 1e4))
@settings(max_examples=20, deadline=None)
def test_another_currency_unit_changes_no_verdict(
    tmp_path_factory: pytest.TempPathFactory, factor: float
) -> None:
    folder, rows = tmp_path_factory.mktemp("unit"), made_rows(100)
    scaled = [[*row[:2], *(repr(float(text) * factor) for text in row[2:])] for row in rows]
    judgements = []
    for one in (rows, scaled):
        (series,) = read_forecast_file(csv_file(folder, one), 1)
        assert isinstance(series, ForecastSeries)
        judgements += judge_alone([series.trial])
    first, second = judgements
    assert first.sentence == second.sentence
    numbers = [
        [value for value in vars(one.evidence).values() if isinstance(value, float)] for one in judgements
    ]
    np.testing.assert_allclose(numbers[1], numbers[0], rtol=1e-6, atol=1e-9)


def test_our_own_forecasts_get_from_a_file_the_evidence_that_they_get_in_the_store(
    judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for the first 21 forecasts, which serve as history in the file."""
    update = {"models": ("ridge",), "backtest": BacktestSettings(origins=90, refit_every=90)}
    settings = light_settings(tmp_path).model_copy(update=update)
    store = open_store(settings.database)
    run_daily(Request(settings, parse_moment(DAY), ("SIM-LEAD",)), SimulatedSource(), store)
    query = (
        "SELECT origin_date, target_date, last_close, forecast_close AS forecast, actual_close AS actual"
        " FROM forecast_history WHERE horizon = 1"
    )
    assert execute(["sql", query, "--format", "csv", "--db", settings.database]) == 0
    file = tmp_path / "own.csv"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    _, out, _ = judge(file, "--json")
    with reading(store) as connection:
        end = np.datetime64("2100-01-01")
        record, *_ = read.track_records(connection, "SIM-LEAD", end)
        aligned = align(record, read.bars(connection, "SIM-LEAD", end))
    assert aligned is not None
    trial = aligned.trial
    (own,) = judge_alone([Trial(1, trial.log_prices[21:], trial.log_forecasts[21:])])
    found = only(out)
    assert found["n"] == own.evidence.n == 90 - 21
    assert found["sentence"] == own.sentence
    assert [found[name] for name in ("skill", "p_skill", "p_echo")] == pytest.approx(
        [own.evidence.skill, own.evidence.p_skill, own.evidence.p_echo]
    )
