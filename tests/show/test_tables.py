"""Tables for people, and rows for programs."""

import csv
import io
import json

from rich.console import Console
from rich.table import Table

from pipeline.show import tables
from pipeline.types import CheckResult, Rows

FORECAST = {
    "symbol": "AAPL",
    "model": "ridge",
    "horizon": 1,
    "target_date": "2026-03-21",
    "last_close": 200.0,
    "forecast_close": 201.5,
    "lower_80": 198.0,
    "upper_80": 205.0,
    "predicted_return": 0.0075,
    "is_stale": 0,
    "verdict": "SKILLED",
}


def rows(*records: dict[str, object]) -> Rows:
    return Rows(tuple(records[0]), tuple(tuple(record.values()) for record in records))


def drawn(table: Table, width: int = 200) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    with console.capture() as text:
        console.print(table)
    return text.get().splitlines()


def test_a_forecast_is_a_line_that_reads_by_itself() -> None:
    header, _, line = drawn(tables.forecasts_table(rows(FORECAST)))
    assert header.split() == [
        "symbol",
        "model",
        "horizon",
        "target",
        "last",
        "close",
        "forecast",
        "80%",
        "band",
        "return",
        "verdict",
    ]
    assert line.split() == [
        "AAPL",
        "ridge",
        "1",
        "2026-03-21",
        "200.00",
        "201.50",
        "198.00",
        "to",
        "205.00",
        "+0.75%",
        "SKILLED",
    ]


def test_a_forecast_without_band_or_verdict_shows_dashes_and_a_stale_one_a_star() -> None:
    bare = {**FORECAST, "lower_80": None, "upper_80": None, "verdict": None, "is_stale": 1}
    line = drawn(tables.forecasts_table(rows(bare)))[2]
    assert line.split() == ["AAPL", "ridge", "1", "2026-03-21", "*", "200.00", "201.50", "-", "+0.75%", "-"]
    assert tables.stale_note(rows(FORECAST, bare)).startswith("* out of date: 1 of 2;")
    assert tables.stale_note(rows(FORECAST)) == ""


def test_a_promoted_model_is_marked_beside_its_verdict() -> None:
    record = {**FORECAST, "n": 500, "is_promoted": 1, "sentence": "SKILLED: skill +5% [2, 8]"}
    line = drawn(tables.verdicts_table(rows(record)))[2]
    assert line.rstrip().endswith("SKILLED (promoted): skill +5% [2, 8]")


def test_a_table_fits_a_narrow_terminal_without_losing_anything() -> None:
    lines = drawn(tables.forecasts_table(rows(FORECAST)), width=60)
    assert all(len(line) <= 60 for line in lines)
    assert "…" not in "".join(lines)


def test_brackets_in_values_are_no_markup() -> None:
    table = tables.plain_table(rows({"[bold]": "[red]x[/red]", "n": None}))
    assert "[bold]" in drawn(table)[0]
    assert "[red]x[/red]" in drawn(table)[2]
    assert "NULL" in drawn(table)[2]


def test_the_truth_stands_once_beside_each_asset() -> None:
    record = {
        "symbol": "SIM-WALK",
        "truth": "nothing to learn",
        "model": "ridge",
        "skill": -0.01,
        "p_skill": 0.6,
        "p_skill_adjusted": 1.0,
        "mean_lag_sessions": -0.01,
        "is_promoted": 0,
        "verdict": "ECHO",
    }
    lines = drawn(tables.truth_table(rows(record, {**record, "model": "drift"})))
    assert [line.split() for line in lines[2:]] == [
        ["SIM-WALK", "nothing", "to", "learn", "ridge", "-1.0%", "0.600", "1.000", "0.0", "ECHO"],
        ["drift", "-1.0%", "0.600", "1.000", "0.0", "ECHO"],
    ]


def test_a_check_that_fails_says_what_to_do_below() -> None:
    results = [CheckResult("store", True, "x.db is sound"), CheckResult("source", False, "gone", "Look.")]
    assert tables.checks_text(results).splitlines() == [
        "ok    store   x.db is sound",
        "FAIL  source  gone",
        "              Look.",
    ]


def test_programs_get_numbers_unrounded_and_nothing_where_nothing_is_known() -> None:
    answer = rows({"name": 'a,"b"', "value": 0.1 + 0.2, "absent": None})
    assert json.loads(tables.as_json(answer)) == answer.records()
    (line,) = csv.DictReader(io.StringIO(tables.as_csv(answer)))
    assert line == {"name": 'a,"b"', "value": "0.30000000000000004", "absent": ""}
