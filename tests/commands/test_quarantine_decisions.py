"""What a person decided on rows that were not believed, and what comes of it with the next downloads."""

import numpy as np
import pandas as pd
import pytest

from tests.commands.odd import ROW, download, ids, listed, odd_table, stored
from tests.conftest import Run
from tests.market import SESSIONS, Market, made_table, with_prices

# Rejected


def test_what_was_rejected_stays_out_and_off_the_list_however_often_it_comes(
    hundredfold: Market, on_market: Run
) -> None:
    assert on_market("quarantine", "reject", "1") == (0, "1 rejected: they will never be stored\n", "")
    assert listed(on_market) == []
    for noise in (0.0, 1e-7, -1e-7):
        hundredfold.write("ODD-USD", odd_table(100.0, slice(ROW, ROW + 1), noise))
        download(on_market)
        assert listed(on_market) == []
        assert stored(hundredfold) == []
    assert hundredfold.count("rejected_bars") == 1
    (row,) = listed(on_market, "--all")
    assert row["decision"] == "rejected"
    assert hundredfold.count("gaps", "filled_at_utc IS NULL") == 1


def test_a_right_bar_of_a_session_whose_wrong_one_was_rejected_is_believed(
    hundredfold: Market, on_market: Run
) -> None:
    on_market("quarantine", "reject", "1")
    hundredfold.write("ODD-USD", made_table(1))
    download(on_market)
    assert stored(hundredfold) == [pytest.approx(made_table(1).loc[ROW, "Close"])]


def test_another_wrong_bar_of_the_session_is_listed_again(hundredfold: Market, on_market: Run) -> None:
    on_market("quarantine", "reject", "1")
    hundredfold.write("ODD-USD", odd_table(101.0, slice(ROW, ROW + 1)))
    download(on_market)
    assert [row["id"] for row in listed(on_market)] == [2]


HOPELESS = {
    "not positive": -1.0,
    "all prices missing": np.nan,
    "not finite": np.inf,
}


@pytest.mark.parametrize(("reason", "price"), HOPELESS.items(), ids=HOPELESS)
def test_a_row_without_a_bar_cannot_be_released_and_can_be_rejected(
    market: Market, on_market: Run, reason: str, price: float
) -> None:
    market.write("ODD-USD", with_prices(made_table(1), slice(ROW, ROW + 1), price))
    download(on_market)
    code, out, err = on_market("quarantine", "release", "1")
    assert (code, out) == (2, "")
    assert err.startswith("error: row 1 cannot be released: ")
    assert reason in err.splitlines()[0]
    assert [row["id"] for row in listed(on_market)] == [1]
    assert on_market("quarantine", "reject", "1")[0] == 0
    for _ in range(2):
        download(on_market)
        assert listed(on_market) == []
    assert market.count("rejected_bars") == 1


def test_a_date_that_cannot_be_read_is_listed_and_can_be_rejected(market: Market, on_market: Run) -> None:
    table = made_table(1)
    table.loc[ROW, "Date"] = "someday"
    market.write("ODD-USD", table)
    download(on_market)
    (row,) = listed(on_market)
    assert (row["date_text"], row["session_date"]) == ("someday", None)
    assert on_market("quarantine", "release", "1")[0] == 2
    assert on_market("quarantine", "reject", "1")[0] == 0
    download(on_market)
    assert listed(on_market) == []


# Released


def test_a_released_jump_is_stored_by_the_next_run_and_what_follows_on_its_level(
    jumped: Market, on_market: Run
) -> None:
    code, out, err = on_market("quarantine", "release", "1")
    assert (code, err) == (0, "")
    assert out.startswith("1 released: ")
    assert [row["id"] for row in listed(on_market)] == [2, 3, 4]
    assert jumped.count("prices", "symbol = 'ODD-USD'") == SESSIONS - 4
    download(on_market)
    assert listed(on_market) == []
    assert jumped.count("prices", "symbol = 'ODD-USD'") == SESSIONS
    assert stored(jumped, "2025-06-09") == [pytest.approx(0.5 * made_table(1).loc[159, "Close"])]
    assert jumped.count("gaps", "filled_at_utc IS NULL") == 0
    decided = [(row["decision"], row["resolved_at_utc"] is None) for row in listed(on_market, "--all")]
    assert decided == [("released", False), *[(None, False)] * 3]


def test_a_run_after_a_release_forecasts_from_the_new_level(jumped: Market, on_market: Run) -> None:
    assert jumped.run() == 3
    on_market("quarantine", "release", "1")
    assert jumped.run() == 0
    ((last,),) = jumped.ask(
        "SELECT DISTINCT last_close FROM latest_forecasts WHERE symbol = 'ODD-USD' AND model = 'drift'"
    )
    assert last == pytest.approx(0.5 * made_table(1).loc[159, "Close"])


def test_a_released_row_is_believed_as_it_comes_with_a_little_noise(jumped: Market, on_market: Run) -> None:
    on_market("quarantine", "release", "1-4")
    jumped.write("ODD-USD", odd_table(0.5, slice(SESSIONS - 4, None), 1e-7))
    download(on_market)
    assert listed(on_market) == []
    assert jumped.count("prices", "symbol = 'ODD-USD'") == SESSIONS


def test_an_old_released_row_is_asked_for_however_long_ago(market: Market, on_market: Run) -> None:
    market.write("ODD-USD", odd_table(100.0, slice(20, 21)))
    download(on_market)
    on_market("quarantine", "release", "1")
    download(on_market)
    assert stored(market, "2025-01-21") == [pytest.approx(100.0 * made_table(1).loc[20, "Close"])]
    assert listed(on_market) == []


def test_a_release_can_be_taken_back_before_the_next_run(jumped: Market, on_market: Run) -> None:
    on_market("quarantine", "release", "1")
    on_market("quarantine", "reject", "1")
    download(on_market)
    assert stored(jumped, "2025-06-06") == []
    assert [row["id"] for row in listed(on_market)] == [2, 3, 4]


def test_a_released_row_that_the_source_gives_no_more_is_not_stored(
    hundredfold: Market, on_market: Run
) -> None:
    on_market("quarantine", "release", "1")
    hundredfold.write("ODD-USD", made_table(1))
    download(on_market)
    assert stored(hundredfold) == [pytest.approx(made_table(1).loc[ROW, "Close"])]


# One of two rows of a session


@pytest.fixture
def contested(market: Market, on_market: Run) -> Market:
    """A market of whose ODD-USD two different rows came for one date: ids 1 and 2."""
    table = made_table(1)
    other = table.iloc[[ROW]].assign(Close=table.loc[ROW, "Low"])
    market.write("ODD-USD", pd.concat([table, other]))
    download(on_market)
    return market


@pytest.mark.parametrize(("number", "column"), [("1", "Close"), ("2", "Low")])
def test_releasing_one_of_two_conflicting_rows_stores_that_one(
    contested: Market, on_market: Run, number: str, column: str
) -> None:
    assert [row["reason"] for row in listed(on_market)] == ["conflicting rows for one date"] * 2
    assert stored(contested) == []
    assert on_market("quarantine", "release", number)[0] == 0
    for _ in range(2):
        download(on_market)
        assert stored(contested) == [pytest.approx(made_table(1).loc[ROW, column])]
    assert contested.count("price_bars", "symbol = 'ODD-USD'") == SESSIONS


def test_the_row_beside_the_released_one_waits_until_it_is_rejected(
    contested: Market, on_market: Run
) -> None:
    on_market("quarantine", "release", "1")
    download(on_market)
    assert ids(on_market) == ["2"]
    on_market("quarantine", "reject", "2")
    download(on_market)
    assert ids(on_market) == []
    assert stored(contested) == [pytest.approx(made_table(1).loc[ROW, "Close"])]


@pytest.mark.parametrize("number", ["1", "2"])
def test_rejecting_one_of_two_conflicting_rows_stores_the_other(
    contested: Market, on_market: Run, number: str
) -> None:
    assert on_market("quarantine", "reject", number)[0] == 0
    download(on_market)
    column = "Low" if number == "1" else "Close"
    assert stored(contested) == [pytest.approx(made_table(1).loc[ROW, column])]
    assert listed(on_market) == []


@pytest.mark.parametrize("first", [["1", "2"], ["1"]], ids=["at once", "one after the other"])
def test_two_rows_of_one_session_cannot_both_be_right(
    contested: Market, on_market: Run, first: list[str]
) -> None:
    if first == ["1"]:
        assert on_market("quarantine", "release", "1")[0] == 0
    code, _, err = on_market("quarantine", "release", "1", "2")
    assert code == 2
    assert err.startswith("error: rows 1 and 2 are of one session of one asset\n")
    assert contested.count("rejected_bars", "decision = 'released'") == len(first) % 2
