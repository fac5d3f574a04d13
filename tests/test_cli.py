"""The command line as a person or a script meets it: output, errors and exit codes."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import __version__
from pipeline.clock import parse_moment
from pipeline.commands import run as run_command
from pipeline.commands.options import chosen_symbols
from pipeline.errors import UsageError
from pipeline.job.request import chosen_settings
from pipeline.sources.simulated import SIMULATED_ASSETS
from pipeline.store import VIEW_COLUMNS
from pipeline.types import RunStatus, RunSummary
from tests.conftest import Run
from tests.light import DAY, MODELS, SYMBOLS, light_config, light_store


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(light_store(tmp_path_factory))


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(light_config(tmp_path))


def daily(config: str, *more: str) -> tuple[str, ...]:
    return ("run", "--direct", "--config", config, "--as-of", DAY, "--db", "new.db", *more)


def test_a_run_ends_with_a_line_a_symbol_and_what_was_stored(pricecast: Run, config: str) -> None:
    code, out, err = pricecast(*daily(config, "--symbols", "SIM-LEAD"))
    first, symbol, last = out.splitlines()
    assert (code, err) == (0, "")
    assert first == f"run 1 as of {DAY} 23:59 UTC: done"
    assert symbol == "  SIM-LEAD  547 new, 0 revised, 0 quarantined, 0 missing; newest session 2022-05-31"
    assert last == "stored 246 forecasts, 237 scores, 6 verdicts in new.db"


def test_a_run_that_loses_an_asset_exits_with_3_and_says_what_to_do(pricecast: Run, config: str) -> None:
    code, out, err = pricecast(*daily(config, "--symbols", "SIM-LEAD,NOBODY"))
    assert code == 3
    assert "note: NOBODY is not configured: taken as USD on calendar XNYS" in out
    what, next_step = err.splitlines()
    assert what == "error: NOBODY: the simulated market has no such asset"
    assert next_step.startswith("  Use one of: SIM-WALK")


def test_a_run_that_loses_every_asset_exits_with_1(pricecast: Run, config: str) -> None:
    assert pricecast(*daily(config, "--symbols", "NOBODY"))[0] == 1


def test_a_backfill_prints_a_line_a_day(pricecast: Run, config: str) -> None:
    days = ("--from", "2022-05-31", "--to", "2022-06-01")
    words = ("--direct", "--config", config, "--db", "new.db", "--symbols", "SIM-LEAD")
    code, out, _ = pricecast("backfill", *days, *words)
    first, second, last = out.splitlines()
    assert code == 0
    assert first.startswith("2022-05-31  done: 546 new bars, 0 revised; ")
    assert second.startswith("2022-06-01  done: 1 new bar, 0 revised; 6 forecasts, ")
    assert last.endswith(" of 2 days in new.db")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("nothing",), "No such command 'nothing'."),
        (("run", "--nothing"), "No such option: --nothing"),
        (("plot",), "Missing argument 'SYMBOL'."),
        (("run", "--as-of", "yesterday"), "'yesterday' is not a date or datetime"),
        (("run", "--as-of", "2999-01-01"), "--as-of 2999-01-01 23:59 UTC lies in the future"),
        (("run", "--symbols", ","), "--symbols names no asset"),
        (("run", "--direct", "--source", "wishes"), "unknown price source 'wishes'"),
        (("run", "--config", "absent.toml"), "configuration file absent.toml does not exist"),
        (
            ("backfill", "--direct", "--from", "2022-06-02", "--to", "2022-06-01"),
            "--from 2022-06-02 lies after --to 2022-06-01",
        ),
        (("forecasts", "--json", "--csv"), "--json and --csv exclude each other"),
        (("sql", "SELECT 1", "--format", "xml"), "Invalid value for '--format'"),
        (("plot", "AAPL", "--out", "aapl.txt"), "--out aapl.txt is not a picture file"),
        (("demo", "--db", "postgresql://host/x"), "the demo cannot use --db postgresql://host/x"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_exits_with_2_and_names_the_next_step(
    pricecast: Run, db: str, arguments: tuple[str, ...], what: str
) -> None:
    table = ("--db", db) if arguments[0] in {"forecasts", "sql"} else ()
    code, out, err = pricecast(*arguments, *table)
    first, second = err.splitlines()
    assert (code, out) == (2, "")
    assert first.startswith(f"error: {what}")
    assert second.startswith("  ")


def test_no_command_shows_the_help_and_is_wrong_usage(pricecast: Run) -> None:
    code, out, _ = pricecast()
    assert code == 2
    assert "Usage: pricecast" in out


def test_the_version_is_shown(pricecast: Run) -> None:
    assert pricecast("--version") == (0, f"pricecast {__version__}\n", "")


@pytest.mark.parametrize(("words", "count"), [((), 17), (("db",), 3), (("quarantine",), 3)])
def test_every_command_says_in_one_whole_line_what_it_does(
    pricecast: Run, words: tuple[str, ...], count: int
) -> None:
    _, out, _ = pricecast(*words, "--help")
    commands = out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(commands) == count
    assert all(line.endswith(".") and not line.endswith("...") for line in commands)


def test_the_help_of_sql_names_every_view(pricecast: Run) -> None:
    _, out, _ = pricecast("sql", "--help")
    assert set(VIEW_COLUMNS) <= set(out.replace(",", " ").replace(".", " ").split())


def test_an_error_has_no_traceback(pricecast: Run) -> None:
    assert pricecast("forecasts", "--db", "absent.db") == (
        1,
        "",
        "error: database absent.db does not exist\n  Run 'pricecast demo' or 'pricecast run' first.\n",
    )


@pytest.mark.parametrize("place", [0, 3], ids=["before the command", "at the end"])
def test_debug_shows_the_traceback_wherever_it_stands(pricecast: Run, place: int) -> None:
    words = ["forecasts", "--db", "absent.db"]
    words.insert(place, "--debug")
    code, _, err = pricecast(*words)
    assert code == 1
    assert "Traceback" in err
    assert "error: database absent.db does not exist" in err


@pytest.mark.parametrize(
    ("words", "shown"), [([], False), (["--debug"], True)], ids=["usually", "with --debug"]
)
def test_logs_are_for_debugging_whatever_level_their_loggers_have(words: list[str], shown: bool) -> None:
    code = (
        "import logging, sys; from pipeline.cli import execute; execute([*sys.argv[1:], '--version']);"
        "logger = logging.getLogger('chatty'); logger.setLevel(logging.DEBUG); logger.error('a log line')"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True)
    assert ("a log line" in done.stderr) is shown


def test_an_unexpected_error_is_told_in_two_lines(pricecast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a\nb")

    monkeypatch.setattr("pipeline.store.queries.read_rows", fail)
    code, _, err = pricecast("forecasts", "--db", "any.db")
    assert (code, err) == (1, "error: unexpected KeyError: 'a\\nb'\n  Run again with --debug.\n")


def test_an_interrupted_command_says_so(pricecast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.store.queries.read_rows", interrupt)
    assert pricecast("forecasts", "--db", "any.db") == (130, "", "stopped\n")


def test_a_reader_that_has_seen_enough_causes_no_complaint(db: str) -> None:
    code = "import sys; from pipeline.cli import execute; sys.exit(execute(sys.argv[1:]))"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT i FROM n"
    words = [sys.executable, "-c", code, "sql", numbers, "--format", "csv", "--db", db]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("command", "view"),
    [("forecasts", "latest_forecasts"), ("scoreboard", "model_scoreboard"), ("leads", "lead_lags")],
)
def test_programs_get_every_column_of_the_view(pricecast: Run, db: str, command: str, view: str) -> None:
    _, as_json, no_note = pricecast(command, "--json", "--db", db)
    _, as_csv, _ = pricecast(command, "--csv", "--db", db)
    records = json.loads(as_json)
    assert no_note == ""
    assert list(records[0]) == list(VIEW_COLUMNS[view])
    assert [record["model"] for record in csv.DictReader(io.StringIO(as_csv))] == [
        record["model"] for record in records
    ]


def test_people_get_the_columns_they_read(pricecast: Run, db: str) -> None:
    code, out, err = pricecast("forecasts", "SIM-LEAD", "--horizon", "1", "--db", db)
    lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert out.splitlines()[0].split("  ")[0] == "symbol"
    assert [line[:4] for line in lines[2:]] == [
        ["SIM-LEAD", model, "1", "2022-06-01"] for model in sorted(MODELS)
    ]
    assert err == "* out of date: all of them; 'pricecast run' makes new ones\n"


def test_piped_tables_are_neither_cut_nor_coloured(pricecast: Run, db: str) -> None:
    _, out, _ = pricecast("verdicts", "--db", db)
    assert "\x1b" not in out
    assert "…" not in out
    assert len(out.splitlines()) == 2 + len(SYMBOLS) * len(MODELS) * 2


def test_one_verdict_is_explained_and_drawn(pricecast: Run, db: str, tmp_path: Path) -> None:
    picture = tmp_path / "verdict.svg"
    words = ("--explain", "SIM-LEAD", "ridge", "--plot", str(picture))
    code, out, err = pricecast("verdicts", *words, "--horizon", "2", "--db", db)
    _, table, _ = pricecast("verdicts", "SIM-LEAD", "--json", "--db", db)
    (sentence,) = [
        one["sentence"] for one in json.loads(table) if (one["model"], one["horizon"]) == ("ridge", 2)
    ]
    assert (code, err) == (0, "")
    assert out.startswith("SIM-LEAD ridge, 2 sessions ahead\n")
    assert sentence in " ".join(out.split())
    assert out.endswith(f"\n{picture}\n")
    assert sentence.split(";")[0] in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--explain", "SIM-LEAD", "absent"], 1, "no verdict on SIM-LEAD absent 1 ahead is stored"),
        (["--explain", "SIM-LEAD", "ridge", "--horizon", "9"], 1, "ridge 9 ahead"),
        (["--explain", "SIM-LEAD", "ridge", "--plot", "x.txt"], 2, "--plot x.txt is not a picture file"),
        (["--plot", "x.png"], 2, "--plot draws one verdict"),
    ],
)
def test_what_cannot_be_explained_is_said(
    pricecast: Run, db: str, words: list[str], code: int, said: str
) -> None:
    found, _, err = pricecast("verdicts", *words, "--db", db)
    assert found == code
    assert said in err


def test_verdicts_are_whole_sentences(pricecast: Run, db: str) -> None:
    _, table, _ = pricecast("verdicts", "SIM-LEAD", "--db", db)
    _, text, _ = pricecast("verdicts", "SIM-LEAD", "--json", "--db", db)
    for record in json.loads(text):
        assert record["sentence"] in table


def test_an_asset_without_rows_is_named_with_those_there_are(pricecast: Run, db: str) -> None:
    code, _, err = pricecast("scoreboard", "NOBODY", "--db", db)
    assert (code, err) == (1, "error: nothing is stored for NOBODY\n  Choose from SIM-FOLLOW, SIM-LEAD.\n")


def test_tables_of_an_empty_database_say_so(pricecast: Run) -> None:
    assert pricecast("db", "upgrade", "--db", "empty.db")[0] == 0
    assert pricecast("forecasts", "--db", "empty.db") == (0, "", "no rows\n")
    assert pricecast("forecasts", "--json", "--db", "empty.db") == (0, "[]\n", "")


def test_sql_answers_in_three_formats(pricecast: Run, db: str) -> None:
    statement = "SELECT '[b]x' AS name, 0.5 AS half, NULL AS absent"
    _, table, _ = pricecast("sql", statement, "--db", db)
    assert table.splitlines()[2].split() == ["[b]x", "0.5", "NULL"]
    _, text, _ = pricecast("sql", statement, "--format", "csv", "--db", db)
    assert text == "name,half,absent\n[b]x,0.5,\n"
    _, text, _ = pricecast("sql", statement, "--format", "json", "--db", db)
    assert json.loads(text) == [{"name": "[b]x", "half": 0.5, "absent": None}]


@pytest.mark.parametrize("statement", ["DELETE FROM forecasts", "DROP VIEW prices", "SELECT 1; SELECT 2"])
def test_sql_cannot_change_anything(pricecast: Run, db: str, statement: str) -> None:
    _, before, _ = pricecast("sql", "SELECT count(*) FROM forecasts", "--db", db)
    code, _, err = pricecast("sql", statement, "--db", db)
    assert code == 1
    assert err.startswith("error: SQL: ")
    assert pricecast("sql", "SELECT count(*) FROM forecasts", "--db", db) == (0, before, "")


def test_the_database_comes_from_the_environment_and_db_wins(
    pricecast: Run, db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICECAST_DATABASE", f"sqlite:///{db}")
    assert pricecast("db", "check") == (0, f"{db} is sound\n", "")
    code, _, err = pricecast("db", "check", "--db", "absent.db")
    assert code == 1
    assert "absent.db does not exist" in err


def test_a_backup_is_a_database_of_its_own_and_replaces_nothing(pricecast: Run, db: str) -> None:
    assert pricecast("db", "backup", "copy.db", "--db", db)[0] == 0
    assert pricecast("db", "check", "--db", "copy.db") == (0, "copy.db is sound\n", "")
    code, _, err = pricecast("db", "backup", "copy.db", "--db", db)
    assert (code, err.splitlines()[0]) == (1, "error: copy.db exists already")


def test_a_picture_is_written_where_it_is_asked_for(pricecast: Run, db: str) -> None:
    assert pricecast("plot", "SIM-LEAD", "drift", "--out", "x.png", "--db", db) == (0, "x.png\n", "")
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("NOBODY",), "no forecasts of NOBODY 1 sessions ahead are stored"),
        (("SIM-LEAD", "oracle"), "no forecasts of SIM-LEAD by oracle are stored"),
        (("SIM-LEAD'; --",), "no forecasts of SIM-LEAD'; -- 1 sessions ahead are stored"),
    ],
)
def test_a_picture_of_nothing_is_an_error(pricecast: Run, db: str, words: tuple[str, ...], what: str) -> None:
    code, _, err = pricecast("plot", *words, "--out", "x.png", "--db", db)
    assert (code, err.splitlines()[0]) == (1, f"error: {what}")


def test_the_doctor_exits_with_1_when_a_check_fails(pricecast: Run, db: str, config: str) -> None:
    assert pricecast("doctor", "--config", config, "--db", "new.db")[0] == 0
    code, out, _ = pricecast("doctor", "--config", config, "--db", "new.db", "--source", "csv:absent")
    assert code == 1
    assert "FAIL  source         absent does not exist\n" in out


def test_the_doctor_fails_where_the_stored_prices_are_years_old(pricecast: Run, db: str, config: str) -> None:
    code, out, _ = pricecast("doctor", "--config", config, "--db", db)
    assert code == 1
    assert "FAIL  histories      SIM-LEAD: newest session 2022-05-31, expected 20" in out


def test_without_direct_a_run_goes_under_prefect_in_plain_values(
    pricecast: Run, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}

    def record(config: str, source: str, symbols: list[str], as_of: str, database: str, progress: Any) -> Any:
        told.update(config=config, source=source, symbols=symbols, as_of=as_of, database=database)
        return RunSummary(1, parse_moment(as_of), RunStatus.DONE, (), (), (), 0, 0, 0)

    monkeypatch.setattr("flows.runners.run_under_prefect", record)
    code, _, err = pricecast("run", "--config", config, "--symbols", "A,B", "--as-of", DAY, "--db", "x.db")
    assert (code, err) == (0, "")
    assert told == {"config": config, "source": None, "symbols": ["A", "B"], "as_of": DAY, "database": "x.db"}


@pytest.mark.parametrize(
    ("statuses", "code"),
    [(["done"], 0), (["failed"], 1), (["degraded"], 3), (["done", "failed"], 3), (["failed", "failed"], 1)],
)
def test_the_exit_code_says_how_the_runs_ended(statuses: list[str], code: int) -> None:
    summaries = [SimpleNamespace(status=RunStatus(status)) for status in statuses]
    assert run_command.exit_code(summaries) == code  # type: ignore[arg-type]


def test_the_simulated_source_brings_its_assets_unless_some_are_configured(tmp_path: Path) -> None:
    assert chosen_settings(source="simulated").assets == SIMULATED_ASSETS
    own = tmp_path / "own.toml"
    own.write_text('[[assets]]\nsymbol = "SIM-LEAD"\ncalendar = "24/7"\n')
    assert [asset.symbol for asset in chosen_settings(own, source="simulated").assets] == ["SIM-LEAD"]


def test_symbols_are_separated_by_commas_and_count_once() -> None:
    assert chosen_symbols(" BTC-USD,AAPL, BTC-USD,") == ("BTC-USD", "AAPL")
    assert chosen_symbols(None) == ()
    with pytest.raises(UsageError, match="names no asset"):
        chosen_symbols(" , ")
