"""The command `judge`: verdicts on a file of forecasts, for people and for programs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.clock import parse_moment
from pipeline.commands.judge import COLUMNS
from pipeline.job.daily import run_daily
from pipeline.job.request import Request
from pipeline.lag import align, judge_alone
from pipeline.settings import BacktestSettings
from pipeline.sources.simulated import SimulatedSource
from pipeline.store import open_store, read, reading
from pipeline.types import Trial
from tests.conftest import Run
from tests.light import DAY, light_settings
from tests.made_forecasts import made_cells, noisy_cells, with_cell, without_rows, written

TWO_SERIES = (
    "note: 2 series, each judged separately; about 1 in 20 without skill will still be called SKILLED\n"
)
FILE = "forecasts.csv"


def series(symbol: str, model: str, cells: pd.DataFrame) -> pd.DataFrame:
    return cells.assign(symbol=symbol, model=model)


def write(*tables: pd.DataFrame) -> None:
    """Into the current folder, where `pricecast` runs."""
    written(Path(), pd.concat(tables), FILE)


def refused(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def records(out: str) -> list[dict[str, Any]]:
    """What a strict reader of JSON reads."""
    answer: list[dict[str, Any]] = json.loads(out, parse_constant=refused)
    return answer


def test_people_get_a_sentence_a_series(pricecast: Run) -> None:
    write(series("AAPL", "echo", made_cells()), series("BTC-USD", "late", made_cells(age=2)))
    code, out, err = pricecast("judge", FILE)
    header, _, first, second = out.splitlines()
    assert (code, err) == (0, TWO_SERIES)
    assert header.split() == ["symbol", "model", "n", "verdict"]
    assert first.split()[:4] == ["AAPL", "echo", "99", "ECHO:"]
    assert "ECHO: it is the last price again; skill +0.0% [" in first
    assert second.split()[:4] == ["BTC-USD", "late", "99", "ECHO:"]
    assert "ECHO: it is the price of 2 sessions before; skill -" in second


def test_a_file_without_names_is_one_series(pricecast: Run) -> None:
    write(made_cells())
    assert pricecast("judge", FILE)[1].splitlines()[2].split()[:3] == ["-", "-", "99"]
    (record,) = records(pricecast("judge", FILE, "--json")[1])
    assert (record["symbol"], record["model"]) == (None, None)


def test_programs_get_every_number_and_null_where_it_is_undefined(pricecast: Run) -> None:
    write(series("A", "echo", made_cells()), series("A", "noisy", noisy_cells()))
    code, out, err = pricecast("judge", FILE, "--json")
    echo, noisy = records(out)
    assert (code, err) == (0, TWO_SERIES)
    assert list(echo) == list(noisy) == list(COLUMNS)
    assert (echo["verdict"], echo["nearest_naive"], echo["n"], echo["horizon"]) == ("ECHO", "y(t)", 99, 1)
    assert echo["mean_lag_sessions"] == pytest.approx(0.0, abs=1e-6)
    assert (echo["dm_p_value"], echo["slope"], echo["notes"]) == (None, None, [])
    assert noisy["sentence"].startswith(noisy["verdict"])
    assert None not in noisy.values()


def test_each_series_is_judged_as_if_it_were_the_only_one(pricecast: Run) -> None:
    tables = [series("A", str(seed), noisy_cells(seed=seed)) for seed in range(4)]
    write(tables[0])
    (alone,) = records(pricecast("judge", FILE, "--json")[1])
    write(*tables)
    assert records(pricecast("judge", FILE, "--json")[1])[0] == alone


def test_the_horizon_is_as_said(pricecast: Run) -> None:
    write(made_cells(250, horizon=5))
    (record,) = records(pricecast("judge", FILE, "--horizon", "5", "--json")[1])
    assert (record["horizon"], record["n"], record["verdict"]) == (5, 229, "ECHO")
    code, out, err = pricecast("judge", FILE)
    what = f"error: {FILE}: the actual of a row is the last_close 5 rows further on, not 1"
    assert (code, out, err) == (1, "", f"{what}\n  Give --horizon 5.\n")


def test_forecasts_that_overlap_count_for_less(pricecast: Run) -> None:
    write(noisy_cells(60, horizon=2))
    (record,) = records(pricecast("judge", FILE, "--horizon", "2", "--json")[1])
    assert record["verdict"] == "INSUFFICIENT"


def test_notes_stand_beside_the_table_and_name_their_series(pricecast: Run) -> None:
    cells = without_rows(noisy_cells(), 40)
    write(series("A", "x", cells))
    _, out, err = pricecast("judge", FILE)
    assert "note" not in out
    first, second = err.splitlines()
    assert first.startswith("note: A x: sessions are missing between row 39 (2024-02-07) and row 40 ")
    assert second.endswith("; 38 rows left out")
    write(cells)
    assert pricecast("judge", FILE)[2].startswith("note: sessions are missing")


def test_notes_are_part_of_the_json(pricecast: Run) -> None:
    write(with_cell(made_cells(), 2, "forecast", "x"))
    code, out, err = pricecast("judge", FILE, "--json")
    assert (code, err) == (0, "")
    assert records(out)[0]["notes"] == ["forecast is no positive number in row 2 ('x'): left out"]


def test_when_some_series_cannot_be_judged_the_others_are_and_the_code_is_3(pricecast: Run) -> None:
    short = with_cell(made_cells(30), 2, "actual", "?").set_axis(range(120, 150))
    write(series("A", "x", made_cells()), series("B", "x", short))
    code, out, err = pricecast("judge", FILE)
    assert (code, len(out.splitlines())) == (3, 3)
    assert err.splitlines() == [
        "note: B x: actual is no positive number in row 122 ('?'): left out",
        "error: B x: 29 rows of 30 can be used; 51 are needed, 21 of history and 30 forecasts",
        "  Give more rows, one for each session.",
    ]
    code, out, same_err = pricecast("judge", FILE, "--json")
    assert (code, len(records(out)), same_err) == (3, 1, err)


def test_when_no_series_can_be_judged_the_code_is_1(pricecast: Run) -> None:
    write(series("A", "x", made_cells(30)), series("B", "x", made_cells(30)))
    code, out, err = pricecast("judge", FILE)
    assert (code, out, err.count("error: ")) == (1, "", 2)
    code, out, _ = pricecast("judge", FILE, "--json")
    assert (code, records(out)) == (1, [])


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("absent.csv",), "absent.csv does not exist"),
        ((FILE, "--horizon", "0"), "Invalid value for '--horizon'"),
        ((FILE, "--json", "--explain"), "--json and --explain exclude each other"),
        ((FILE, "--plot", "x.txt"), "--plot x.txt is not a picture file"),
        ((FILE, "--plot", "absent/x.png"), "the folder of --plot absent/x.png does not exist"),
        ((FILE, "--plot", "x.png"), f"--plot draws one verdict, and {FILE} holds 2 series"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_exits_with_2_and_names_the_next_step(
    pricecast: Run, words: tuple[str, ...], what: str
) -> None:
    write(series("A", "x", made_cells()), series("B", "x", made_cells(30)))
    code, out, err = pricecast("judge", *words)
    first, second = err.splitlines()
    assert (code, out) == (2, "")
    assert first.startswith(f"error: {what}")
    assert second.startswith("  ")


def test_a_file_that_is_no_table_of_forecasts_is_an_error(pricecast: Run) -> None:
    Path(FILE).write_text("Date,Close\n2024-01-01,5\n", encoding="utf-8")
    code, out, err = pricecast("judge", FILE)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {FILE} has no column origin_date, target_date, last_close, forecast")
    assert len(err.splitlines()) == 2


def test_every_verdict_is_explained(pricecast: Run) -> None:
    write(series("A", "x", noisy_cells()), series("B", "y", without_rows(noisy_cells(), 40)))
    sentences = [record["sentence"] for record in records(pricecast("judge", FILE, "--json")[1])]
    code, out, err = pricecast("judge", FILE, "--explain")
    first, second = out.split("\n\nB y, 1 session ahead\n")
    assert code == 0
    assert first.startswith("A x, 1 session ahead\n")
    for text, sentence in zip((first, second), sentences, strict=True):
        assert sentence.split()[0] in text
        assert "mean lag" in text
    assert err.startswith("note: B y: sessions are missing")
    assert err.endswith(TWO_SERIES)
    assert "adjusted" not in out


def test_an_explanation_without_names_is_titled_by_the_file(pricecast: Run) -> None:
    write(made_cells(250, horizon=5))
    _, out, _ = pricecast("judge", FILE, "--horizon", "5", "--explain")
    assert out.startswith(f"{FILE}, 5 sessions ahead\n")


def test_one_verdict_is_drawn(pricecast: Run) -> None:
    write(series("A", "x", noisy_cells()))
    code, out, err = pricecast("judge", FILE, "--plot", "x.svg")
    assert (code, err) == (0, "")
    assert out.endswith("\n\nx.svg\n")
    assert "A x, 1 session ahead" in Path("x.svg").read_text(encoding="utf-8")


def test_a_picture_of_what_cannot_be_judged_is_not_drawn(pricecast: Run) -> None:
    write(made_cells(30))
    code, out, err = pricecast("judge", FILE, "--plot", "x.png")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {FILE}: 30 rows of 30 can be used")
    assert not Path("x.png").exists()


def test_programs_get_nothing_but_json_beside_a_picture(pricecast: Run) -> None:
    write(noisy_cells())
    _, out, _ = pricecast("judge", FILE, "--json", "--plot", "x.png")
    assert len(records(out)) == 1
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")


def test_our_own_forecasts_get_from_a_file_the_evidence_that_they_get_in_the_store(
    pricecast: Run, tmp_path: Path
) -> None:
    """But for the first 21 forecasts, which serve as history in the file."""
    update = {"models": ("ridge",), "backtest": BacktestSettings(origins=90, refit_every=90)}
    settings = light_settings(tmp_path).model_copy(update=update)
    with open_store(settings.database) as store:
        run_daily(Request(settings, parse_moment(DAY), ("SIM-LEAD",)), SimulatedSource(), store)
    query = (
        "SELECT origin_date, target_date, last_close, forecast_close AS forecast, actual_close AS actual"
        " FROM forecast_history WHERE horizon = 1"
    )
    _, table, _ = pricecast("sql", query, "--format", "csv", "--db", settings.database)
    Path(FILE).write_text(table, encoding="utf-8")
    _, out, _ = pricecast("judge", FILE, "--json")
    with open_store(settings.database) as store, reading(store) as connection:
        end = np.datetime64("2100-01-01")
        record, *_ = read.track_records(connection, "SIM-LEAD", end)
        aligned = align(record, read.bars(connection, "SIM-LEAD", end))
    assert aligned is not None
    trial = aligned.trial
    (own,) = judge_alone([Trial(1, trial.log_prices[21:], trial.log_forecasts[21:])])
    (found,) = records(out)
    assert found["n"] == own.evidence.n == 90 - 21
    assert found["sentence"] == own.sentence
    assert [found[name] for name in ("skill", "p_skill", "p_echo")] == pytest.approx(
        [own.evidence.skill, own.evidence.p_skill, own.evidence.p_echo]
    )
