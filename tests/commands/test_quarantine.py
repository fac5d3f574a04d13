"""Rows that were not believed, from the download to a person's decision and what comes of it."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import execute
from tests.market import AS_OF, SESSIONS, Market, made_table, market_in, with_prices

Run = Callable[..., tuple[int, str, str]]
PRICES = ["Open", "High", "Low", "Close"]
ROW, DATE = 150, "2025-05-31"


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return market_in(tmp_path)


@pytest.fixture
def pricecast(market: Market, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line with the market's settings; gives the exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = execute([*words, "--config", str(market.config)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "unexpected" not in err
        return code, out, err

    return run


def times(factor: float, rows: slice, noise: float = 0.0) -> pd.DataFrame:
    """ODD-USD with the prices of some rows multiplied, and all of them moved by a little noise."""
    table = made_table(1)
    table[PRICES] *= 1.0 + noise
    place = table.columns.get_indexer(PRICES)
    table.iloc[rows, place] *= factor
    return table


def download(run: Run, as_of: str = AS_OF, *words: str) -> None:
    assert run("download", "--as-of", as_of, *words)[0] == 0


def listed(run: Run, *words: str) -> list[dict[str, object]]:
    code, out, err = run("quarantine", "list", "--json", *words)
    assert (code, err) == (0, "")
    found: list[dict[str, object]] = json.loads(out)
    return found


def ids(run: Run) -> list[str]:
    return [str(row["id"]) for row in listed(run)]


def stored(market: Market, date: str = DATE) -> list[float]:
    found = market.ask(f"SELECT close FROM prices WHERE symbol = 'ODD-USD' AND session_date = '{date}'")
    return [float(str(close)) for (close,) in found]


@pytest.fixture
def hundredfold(market: Market, pricecast: Run) -> Market:
    """A market of whose ODD-USD one bar came 100 times too high."""
    market.write("ODD-USD", times(100.0, slice(ROW, ROW + 1)))
    download(pricecast)
    return market


@pytest.fixture
def jumped(market: Market, pricecast: Run) -> Market:
    """A market whose ODD-USD halves four sessions before its end, and no split says so."""
    market.write("ODD-USD", times(0.5, slice(SESSIONS - 4, None)))
    download(pricecast)
    return market


def test_a_hundredfold_bar_is_not_stored_and_listed_with_the_reason(
    hundredfold: Market, pricecast: Run
) -> None:
    (row,) = listed(pricecast)
    assert (row["symbol"], row["session_date"], row["date_text"]) == ("ODD-USD", DATE, DATE)
    assert row["reason"] == "about 100 times too high"
    values = json.loads(str(row["row"]))
    assert values["close"] == pytest.approx(100.0 * made_table(1).loc[ROW, "Close"])
    assert stored(hundredfold) == []
    assert hundredfold.count("gaps", "filled_at_utc IS NULL") == 1


def test_people_see_its_number_date_prices_and_reason(hundredfold: Market, pricecast: Run) -> None:
    code, out, err = pricecast("quarantine", "list")
    header, _, line = out.splitlines()
    assert (code, err) == (0, "")
    assert header.split() == ["id", "symbol", "date", "open", "high", "low", "close", "reason"]
    assert line.split()[:3] == ["1", "ODD-USD", DATE]
    assert line.endswith("about 100 times too high")


def test_programs_get_every_column_of_the_view(hundredfold: Market, pricecast: Run) -> None:
    _, out, _ = pricecast("quarantine", "list", "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    names = ["id", "symbol", "session_date", "date_text", "reason", "row", "first_seen_at_utc"]
    assert list(row) == list(listed(pricecast)[0]) == names


def test_a_list_may_be_of_some_assets_only(hundredfold: Market, pricecast: Run) -> None:
    assert len(listed(pricecast, "ODD-USD", "GOOD-USD")) == 1
    assert pricecast("quarantine", "list", "GOOD-USD") == (0, "", "no rows\n")


def test_the_run_says_what_waits(market: Market, pricecast: Run) -> None:
    market.write("ODD-USD", times(100.0, slice(ROW, ROW + 1)))
    code, out, err = pricecast("download", "--as-of", AS_OF)
    assert (code, err) == (0, "")
    _, good, odd, note, last = out.splitlines()
    assert good == "  GOOD-USD  160 new, 0 revised, 0 rejected, 0 missing; newest session 2025-06-09"
    assert odd == (
        "  ODD-USD   159 new, 0 revised, 1 rejected (about 100 times too high), 1 missing; "
        "newest session 2025-06-09; 1 in quarantine"
    )
    assert "ODD-USD (1 missing)" in note
    assert last == f"stored 0 forecasts, 0 scores, 0 verdicts in {market.database}"


def test_a_bar_that_comes_right_the_next_time_is_stored_and_off_the_list(
    hundredfold: Market, pricecast: Run
) -> None:
    hundredfold.write("ODD-USD", made_table(1))
    download(pricecast)
    assert listed(pricecast) == []
    assert stored(hundredfold) == [pytest.approx(made_table(1).loc[ROW, "Close"])]
    (row,) = listed(pricecast, "--all")
    assert row["decision"] is None
    assert row["resolved_at_utc"] is not None
    assert hundredfold.count("gaps", "filled_at_utc IS NULL") == 0


def test_what_was_rejected_stays_out_and_off_the_list_however_often_it_comes(
    hundredfold: Market, pricecast: Run
) -> None:
    assert pricecast("quarantine", "reject", "1") == (0, "1 rejected for good\n", "")
    assert listed(pricecast) == []
    for noise in (0.0, 1e-7, -1e-7):
        hundredfold.write("ODD-USD", times(100.0, slice(ROW, ROW + 1), noise))
        download(pricecast)
        assert listed(pricecast) == []
        assert stored(hundredfold) == []
    assert hundredfold.count("rejected_bars") == 1
    (row,) = listed(pricecast, "--all")
    assert row["decision"] == "rejected"
    assert hundredfold.count("gaps", "filled_at_utc IS NULL") == 1


def test_a_right_bar_of_a_session_whose_wrong_one_was_rejected_is_believed(
    hundredfold: Market, pricecast: Run
) -> None:
    pricecast("quarantine", "reject", "1")
    hundredfold.write("ODD-USD", made_table(1))
    download(pricecast)
    assert stored(hundredfold) == [pytest.approx(made_table(1).loc[ROW, "Close"])]


def test_another_wrong_bar_of_the_session_is_listed_again(hundredfold: Market, pricecast: Run) -> None:
    pricecast("quarantine", "reject", "1")
    hundredfold.write("ODD-USD", times(101.0, slice(ROW, ROW + 1)))
    download(pricecast)
    assert [row["id"] for row in listed(pricecast)] == [2]


@pytest.mark.parametrize("row", [0, ROW])
def test_a_bar_that_waits_is_not_believed_by_a_run_for_the_past(
    market: Market, pricecast: Run, row: int
) -> None:
    market.write("ODD-USD", times(100.0, slice(row, row + 1)))
    for as_of in (AS_OF, "2025-06-05", "2025-06-01", AS_OF):
        download(pricecast, as_of, "--whole")
        assert market.count("prices", "symbol = 'ODD-USD'") == SESSIONS - 1
        assert ids(pricecast) == ["1"]


def test_a_history_in_other_units_is_not_believed_by_way_of_a_run_for_the_past(
    market: Market, pricecast: Run
) -> None:
    market.write("ODD-USD", made_table(1).iloc[100:])
    download(pricecast)
    market.write("ODD-USD", times(100.0, slice(None)))
    for as_of in (AS_OF, "2025-05-31", AS_OF):
        pricecast("download", "--whole", "--as-of", as_of)
        found = market.ask("SELECT close FROM prices WHERE symbol = 'ODD-USD' ORDER BY session_date")
        assert [close for (close,) in found] == pytest.approx(made_table(1)["Close"].tolist()[100:])
    assert len(ids(pricecast)) == SESSIONS


def test_a_bar_that_contradicts_a_stored_one_still_waits_after_a_run_for_the_past(
    market: Market, pricecast: Run
) -> None:
    download(pricecast)
    market.write("ODD-USD", times(100.0, slice(ROW, ROW + 1)))
    download(pricecast)
    download(pricecast, "2025-06-05")
    assert ids(pricecast) == ["1"]
    assert stored(market) == [pytest.approx(made_table(1).loc[ROW, "Close"])]


HOPELESS = {
    "not positive": -1.0,
    "all prices missing": np.nan,
    "not finite": np.inf,
}


@pytest.mark.parametrize(("reason", "price"), HOPELESS.items(), ids=HOPELESS)
def test_a_row_without_a_bar_cannot_be_released_and_can_be_rejected(
    market: Market, pricecast: Run, reason: str, price: float
) -> None:
    market.write("ODD-USD", with_prices(made_table(1), slice(ROW, ROW + 1), price))
    download(pricecast)
    code, out, err = pricecast("quarantine", "release", "1")
    assert (code, out) == (2, "")
    assert err.startswith("error: row 1 cannot be released: ")
    assert reason in err.splitlines()[0]
    assert [row["id"] for row in listed(pricecast)] == [1]
    assert pricecast("quarantine", "reject", "1")[0] == 0
    for _ in range(2):
        download(pricecast)
        assert listed(pricecast) == []
    assert market.count("rejected_bars") == 1


def test_a_date_that_cannot_be_read_is_listed_and_can_be_rejected(market: Market, pricecast: Run) -> None:
    table = made_table(1)
    table.loc[ROW, "Date"] = "someday"
    market.write("ODD-USD", table)
    download(pricecast)
    (row,) = listed(pricecast)
    assert (row["date_text"], row["session_date"]) == ("someday", None)
    assert pricecast("quarantine", "release", "1")[0] == 2
    assert pricecast("quarantine", "reject", "1")[0] == 0
    download(pricecast)
    assert listed(pricecast) == []


def test_a_jump_like_a_split_is_listed_and_all_that_stands_on_its_level(
    jumped: Market, pricecast: Run
) -> None:
    rows = listed(pricecast)
    assert [row["id"] for row in rows] == [1, 2, 3, 4]
    assert {row["reason"] for row in rows} == {
        "a jump like a split of 2:1 or 1:2 that is not applied to all prices"
    }
    assert jumped.count("prices", "symbol = 'ODD-USD'") == SESSIONS - 4


def test_a_released_jump_is_stored_by_the_next_run_and_what_follows_on_its_level(
    jumped: Market, pricecast: Run
) -> None:
    code, out, err = pricecast("quarantine", "release", "1")
    assert (code, err) == (0, "")
    assert out.startswith("1 released: ")
    assert [row["id"] for row in listed(pricecast)] == [2, 3, 4]
    assert jumped.count("prices", "symbol = 'ODD-USD'") == SESSIONS - 4
    download(pricecast)
    assert listed(pricecast) == []
    assert jumped.count("prices", "symbol = 'ODD-USD'") == SESSIONS
    assert stored(jumped, "2025-06-09") == [pytest.approx(0.5 * made_table(1).loc[159, "Close"])]
    assert jumped.count("gaps", "filled_at_utc IS NULL") == 0
    decided = [(row["decision"], row["resolved_at_utc"] is None) for row in listed(pricecast, "--all")]
    assert decided == [("released", False), *[(None, False)] * 3]


def test_a_run_after_a_release_forecasts_from_the_new_level(jumped: Market, pricecast: Run) -> None:
    assert jumped.run() == 3
    pricecast("quarantine", "release", "1")
    assert jumped.run() == 0
    ((last,),) = jumped.ask(
        "SELECT DISTINCT last_close FROM latest_forecasts WHERE symbol = 'ODD-USD' AND model = 'drift'"
    )
    assert last == pytest.approx(0.5 * made_table(1).loc[159, "Close"])


def test_a_released_row_is_believed_as_it_comes_with_a_little_noise(jumped: Market, pricecast: Run) -> None:
    pricecast("quarantine", "release", "1-4")
    jumped.write("ODD-USD", times(0.5, slice(SESSIONS - 4, None), 1e-7))
    download(pricecast)
    assert listed(pricecast) == []
    assert jumped.count("prices", "symbol = 'ODD-USD'") == SESSIONS


def test_an_old_released_row_is_asked_for_however_long_ago(market: Market, pricecast: Run) -> None:
    market.write("ODD-USD", times(100.0, slice(20, 21)))
    download(pricecast)
    pricecast("quarantine", "release", "1")
    download(pricecast)
    assert stored(market, "2025-01-21") == [pytest.approx(100.0 * made_table(1).loc[20, "Close"])]
    assert listed(pricecast) == []


def test_a_release_can_be_taken_back_before_the_next_run(jumped: Market, pricecast: Run) -> None:
    pricecast("quarantine", "release", "1")
    pricecast("quarantine", "reject", "1")
    download(pricecast)
    assert stored(jumped, "2025-06-06") == []
    assert [row["id"] for row in listed(pricecast)] == [2, 3, 4]


def test_a_released_row_that_the_source_gives_no_more_is_not_stored(
    hundredfold: Market, pricecast: Run
) -> None:
    pricecast("quarantine", "release", "1")
    hundredfold.write("ODD-USD", made_table(1))
    download(pricecast)
    assert stored(hundredfold) == [pytest.approx(made_table(1).loc[ROW, "Close"])]


@pytest.fixture
def contested(market: Market, pricecast: Run) -> Market:
    """A market of whose ODD-USD two different rows came for one date: ids 1 and 2."""
    table = made_table(1)
    other = table.iloc[[ROW]].assign(Close=table.loc[ROW, "Low"])
    market.write("ODD-USD", pd.concat([table, other]))
    download(pricecast)
    return market


@pytest.mark.parametrize(("number", "column"), [("1", "Close"), ("2", "Low")])
def test_releasing_one_of_two_conflicting_rows_stores_that_one(
    contested: Market, pricecast: Run, number: str, column: str
) -> None:
    assert [row["reason"] for row in listed(pricecast)] == ["conflicting rows for one date"] * 2
    assert stored(contested) == []
    assert pricecast("quarantine", "release", number)[0] == 0
    for _ in range(2):
        download(pricecast)
        assert stored(contested) == [pytest.approx(made_table(1).loc[ROW, column])]
    assert contested.count("price_bars", "symbol = 'ODD-USD'") == SESSIONS


def test_the_row_beside_the_released_one_waits_until_it_is_rejected(
    contested: Market, pricecast: Run
) -> None:
    pricecast("quarantine", "release", "1")
    download(pricecast)
    assert ids(pricecast) == ["2"]
    pricecast("quarantine", "reject", "2")
    download(pricecast)
    assert ids(pricecast) == []
    assert stored(contested) == [pytest.approx(made_table(1).loc[ROW, "Close"])]


@pytest.mark.parametrize("number", ["1", "2"])
def test_rejecting_one_of_two_conflicting_rows_stores_the_other(
    contested: Market, pricecast: Run, number: str
) -> None:
    assert pricecast("quarantine", "reject", number)[0] == 0
    download(pricecast)
    column = "Low" if number == "1" else "Close"
    assert stored(contested) == [pytest.approx(made_table(1).loc[ROW, column])]
    assert listed(pricecast) == []


@pytest.mark.parametrize("first", [["1", "2"], ["1"]], ids=["at once", "one after the other"])
def test_two_rows_of_one_session_cannot_both_be_right(
    contested: Market, pricecast: Run, first: list[str]
) -> None:
    if first == ["1"]:
        assert pricecast("quarantine", "release", "1")[0] == 0
    code, _, err = pricecast("quarantine", "release", "1", "2")
    assert code == 2
    assert err.startswith("error: rows 1 and 2 are of one session of one asset\n")
    assert contested.count("rejected_bars", "decision = 'released'") == len(first) % 2


def test_a_range_means_all_from_its_first_to_its_last(jumped: Market, pricecast: Run) -> None:
    assert pricecast("quarantine", "reject", "2-3", "3", "4")[:2] == (0, "3 rejected for good\n")
    assert ids(pricecast) == ["1"]


WRONG = {
    "99": "there is no row 99",
    "0": "there is no row 0",
    "3-9": "there is no row 5",
    "1-99999999999": "there is no row 5",
    "99999999999999999999999": "there is no row 99999999999999999999999",
    "three": "'three' is no number of a row",
    "3-": "'3-' is no number of a row",
    "4-2": "'4-2' names no row",
    "1,2": "'1,2' is no number of a row",
}


@pytest.mark.parametrize("decision", ["release", "reject"])
@pytest.mark.parametrize(("text", "what"), WRONG.items(), ids=WRONG)
def test_nothing_is_decided_when_one_of_several_is_wrong(
    jumped: Market, pricecast: Run, decision: str, text: str, what: str
) -> None:
    code, out, err = pricecast("quarantine", decision, "1", text)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first == f"error: {what}"
    assert second.startswith("  Give numbers of 'pricecast quarantine list")
    assert ids(pricecast) == ["1", "2", "3", "4"]


def test_nothing_is_released_when_one_of_several_is_hopeless(market: Market, pricecast: Run) -> None:
    table = times(100.0, slice(ROW, ROW + 1))
    market.write("ODD-USD", with_prices(table, slice(ROW + 5, ROW + 6), -1.0))
    download(pricecast)
    hopeless = next(str(row["id"]) for row in listed(pricecast) if "positive" in str(row["reason"]))
    code, _, err = pricecast("quarantine", "release", "1-2")
    assert code == 2
    assert err.startswith(f"error: row {hopeless} cannot be released")
    assert len(ids(pricecast)) == 2
    assert market.count("rejected_bars", "decision IS NOT NULL") == 0


def test_a_decision_without_a_number_is_wrong_usage(jumped: Market, pricecast: Run) -> None:
    for decision in ("release", "reject"):
        code, _, err = pricecast("quarantine", decision)
        assert code == 2
        assert err.startswith("error: Missing argument 'ID...'")


@pytest.mark.parametrize("words", [("list",), ("release", "1"), ("reject", "1")], ids=" ".join)
def test_without_a_database_the_next_step_is_named_and_none_is_made(
    market: Market, pricecast: Run, words: tuple[str, ...]
) -> None:
    code, out, err = pricecast("quarantine", *words)
    assert (code, out) == (1, "")
    assert err == f"error: database {market.database} does not exist\n" + (
        "  Run 'pricecast demo' or 'pricecast run' first.\n"
    )
    assert not market.database.exists()
