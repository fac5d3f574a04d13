"""Rows that were not believed: how they are listed, which wait, and how they are named for a decision."""

import csv
import io
import json

import pytest

from tests.commands.odd import DATE, ROW, download, ids, listed, odd_table, stored
from tests.conftest import Run
from tests.market import AS_OF, SESSIONS, Market, made_table, with_prices

# The list


def test_a_hundredfold_bar_is_not_stored_and_listed_with_the_reason(
    hundredfold: Market, on_market: Run
) -> None:
    (row,) = listed(on_market)
    assert (row["symbol"], row["session_date"], row["date_text"]) == ("ODD-USD", DATE, DATE)
    assert row["reason"] == "about 100 times too high"
    values = json.loads(str(row["row"]))
    assert values["close"] == pytest.approx(100.0 * made_table(1).loc[ROW, "Close"])
    assert stored(hundredfold) == []
    assert hundredfold.count("gaps", "filled_at_utc IS NULL") == 1


def test_a_jump_like_a_split_is_listed_and_all_that_stands_on_its_level(
    jumped: Market, on_market: Run
) -> None:
    rows = listed(on_market)
    assert [row["id"] for row in rows] == [1, 2, 3, 4]
    assert {row["reason"] for row in rows} == {
        "a jump like a split of 2:1 or 1:2 that is not applied to all prices"
    }
    assert jumped.count("prices", "symbol = 'ODD-USD'") == SESSIONS - 4


def test_people_see_its_number_date_prices_and_reason(hundredfold: Market, on_market: Run) -> None:
    code, out, err = on_market("quarantine", "list")
    header, _, line = out.splitlines()
    assert (code, err) == (0, "")
    assert header.split() == ["id", "symbol", "date", "open", "high", "low", "close", "reason"]
    assert line.split()[:3] == ["1", "ODD-USD", DATE]
    assert line.endswith("about 100 times too high")


def test_programs_get_every_column_of_the_view(hundredfold: Market, on_market: Run) -> None:
    _, out, _ = on_market("quarantine", "list", "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    names = ["id", "symbol", "session_date", "date_text", "reason", "row", "first_seen_at_utc"]
    assert list(row) == list(listed(on_market)[0]) == names


def test_a_list_may_be_of_some_assets_only(hundredfold: Market, on_market: Run) -> None:
    assert len(listed(on_market, "ODD-USD", "GOOD-USD")) == 1
    assert on_market("quarantine", "list", "GOOD-USD") == (0, "", "no rows\n")


def test_the_run_says_what_waits(market: Market, on_market: Run) -> None:
    market.write("ODD-USD", odd_table(100.0, slice(ROW, ROW + 1)))
    code, out, err = on_market("download", "--as-of", AS_OF)
    assert (code, err) == (0, "")
    _, good, odd, note, last = out.splitlines()
    assert good == "  GOOD-USD  160 new, 0 revised, 0 quarantined, 0 missing; newest session 2025-06-09"
    assert odd == (
        "  ODD-USD   159 new, 0 revised, 1 quarantined (about 100 times too high), 1 missing; "
        "newest session 2025-06-09; 1 in quarantine"
    )
    assert "ODD-USD (1 missing)" in note
    assert last == f"stored 0 forecasts, 0 scores, 0 verdicts in {market.database}"


# What comes of it without a decision


def test_a_bar_that_comes_right_the_next_time_is_stored_and_off_the_list(
    hundredfold: Market, on_market: Run
) -> None:
    hundredfold.write("ODD-USD", made_table(1))
    download(on_market)
    assert listed(on_market) == []
    assert stored(hundredfold) == [pytest.approx(made_table(1).loc[ROW, "Close"])]
    (row,) = listed(on_market, "--all")
    assert row["decision"] is None
    assert row["resolved_at_utc"] is not None
    assert hundredfold.count("gaps", "filled_at_utc IS NULL") == 0


@pytest.mark.parametrize("row", [0, ROW])
def test_a_bar_that_waits_is_not_believed_by_a_run_for_the_past(
    market: Market, on_market: Run, row: int
) -> None:
    market.write("ODD-USD", odd_table(100.0, slice(row, row + 1)))
    for as_of in (AS_OF, "2025-06-05", "2025-06-01", AS_OF):
        download(on_market, as_of, "--whole")
        assert market.count("prices", "symbol = 'ODD-USD'") == SESSIONS - 1
        assert ids(on_market) == ["1"]


def test_a_history_in_other_units_is_not_believed_by_way_of_a_run_for_the_past(
    market: Market, on_market: Run
) -> None:
    market.write("ODD-USD", made_table(1).iloc[100:])
    download(on_market)
    market.write("ODD-USD", odd_table(100.0, slice(None)))
    for as_of in (AS_OF, "2025-05-31", AS_OF):
        on_market("download", "--whole", "--as-of", as_of)
        found = market.ask("SELECT close FROM prices WHERE symbol = 'ODD-USD' ORDER BY session_date")
        assert [close for (close,) in found] == pytest.approx(made_table(1)["Close"].tolist()[100:])
    assert len(ids(on_market)) == SESSIONS


def test_a_bar_that_contradicts_a_stored_one_still_waits_after_a_run_for_the_past(
    market: Market, on_market: Run
) -> None:
    download(on_market)
    market.write("ODD-USD", odd_table(100.0, slice(ROW, ROW + 1)))
    download(on_market)
    download(on_market, "2025-06-05")
    assert ids(on_market) == ["1"]
    assert stored(market) == [pytest.approx(made_table(1).loc[ROW, "Close"])]


# Which rows a decision is for


def test_a_range_means_all_from_its_first_to_its_last(jumped: Market, on_market: Run) -> None:
    assert on_market("quarantine", "reject", "2-3", "3", "4")[:2] == (
        0,
        "3 rejected: they will never be stored\n",
    )
    assert ids(on_market) == ["1"]


WRONG = {
    "99": "there is no row 99",
    "0": "there is no row 0",
    "3-9": "there is no row 5",
    "1-99999999999": "there is no row 5",
    "99999999999999999999999": "there is no row 99999999999999999999999",
    "three": "'three' is not the number of a row",
    "3-": "'3-' is not the number of a row",
    "4-2": "'4-2' names no row",
    "1,2": "'1,2' is not the number of a row",
}


@pytest.mark.parametrize("decision", ["release", "reject"])
@pytest.mark.parametrize(("text", "what"), WRONG.items(), ids=WRONG)
def test_nothing_is_decided_when_one_of_several_is_wrong(
    jumped: Market, on_market: Run, decision: str, text: str, what: str
) -> None:
    code, out, err = on_market("quarantine", decision, "1", text)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first == f"error: {what}"
    assert second.startswith("  Give numbers of 'pricecast quarantine list")
    assert ids(on_market) == ["1", "2", "3", "4"]


def test_nothing_is_released_when_one_of_several_is_hopeless(market: Market, on_market: Run) -> None:
    table = odd_table(100.0, slice(ROW, ROW + 1))
    market.write("ODD-USD", with_prices(table, slice(ROW + 5, ROW + 6), -1.0))
    download(on_market)
    hopeless = next(str(row["id"]) for row in listed(on_market) if "positive" in str(row["reason"]))
    code, _, err = on_market("quarantine", "release", "1-2")
    assert code == 2
    assert err.startswith(f"error: row {hopeless} cannot be released")
    assert len(ids(on_market)) == 2
    assert market.count("rejected_bars", "decision IS NOT NULL") == 0


def test_a_decision_without_a_number_is_wrong_usage(jumped: Market, on_market: Run) -> None:
    for decision in ("release", "reject"):
        code, _, err = on_market("quarantine", decision)
        assert code == 2
        assert err.startswith("error: Missing argument 'ID...'")


@pytest.mark.parametrize("words", [("list",), ("release", "1"), ("reject", "1")], ids=" ".join)
def test_without_a_database_the_next_step_is_named_and_none_is_made(
    market: Market, on_market: Run, words: tuple[str, ...]
) -> None:
    code, out, err = on_market("quarantine", *words)
    assert (code, out) == (1, "")
    assert err == f"error: database {market.database} does not exist\n" + (
        "  Run 'pricecast demo' or 'pricecast run' first.\n"
    )
    assert not market.database.exists()
