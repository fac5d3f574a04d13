"""Bad input gets a clear error that names it and says what to do; nothing that is good is lost."""

import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import execute
from tests.market import AS_OF, SESSIONS, Market, made_table, market_in, with_prices, without


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return market_in(tmp_path)


def assert_only_the_odd_one_is_lost(market: Market, capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """The run is degraded, says why on stderr, and has the whole day of GOOD-USD."""
    assert market.run() == 3
    error = capsys.readouterr().err
    assert "Traceback" not in error
    for word in ("ODD-USD", *words):
        assert word in error
    assert market.count("latest_forecasts", "symbol = 'GOOD-USD'") == 4
    assert_sound(market)


def assert_sound(market: Market) -> None:
    assert execute(["db", "check", "--db", str(market.database)]) == 0


def test_an_unknown_symbol_is_named_with_the_folder_and_what_is_there(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    assert market.run("--symbols", "GOOD-USD,NOPE-USD") == 3
    error = capsys.readouterr().err
    assert "NOPE-USD" in error
    assert str(market.folder) in error
    assert "GOOD-USD" in error
    assert market.count("latest_forecasts", "symbol = 'GOOD-USD'") == 4
    assert_sound(market)


def test_a_folder_without_the_file_is_named(market: Market, capsys: pytest.CaptureFixture[str]) -> None:
    (market.folder / "ODD-USD.csv").unlink()
    assert_only_the_odd_one_is_lost(market, capsys, str(market.folder))


def test_a_folder_that_is_not_there_fails_every_asset(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    assert market.run("--source", "csv:/no/such/folder") == 1
    assert "/no/such/folder" in capsys.readouterr().err
    assert_sound(market)


UNREADABLE: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "no Close column": (lambda table: table.drop(columns="Close"), "lose"),
    "unparsable dates": (lambda table: table.assign(Date="someday"), "someday"),
    "all prices missing": (lambda table: with_prices(table, slice(None), np.nan), "missing"),
    "no price positive": (lambda table: with_prices(table, slice(None), -1.0), "not positive"),
    "high below low everywhere": (
        lambda table: table.rename(columns={"High": "Low", "Low": "High"}),
        "high",
    ),
}


@pytest.mark.parametrize(("spoil", "word"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_without_one_usable_row_is_named_with_the_reason(
    market: Market,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    word: str,
) -> None:
    market.write("ODD-USD", spoil(made_table(1)))
    assert_only_the_odd_one_is_lost(market, capsys, "ODD-USD.csv", word)


def test_an_empty_file_is_named(market: Market, capsys: pytest.CaptureFixture[str]) -> None:
    (market.folder / "ODD-USD.csv").write_text("")
    assert_only_the_odd_one_is_lost(market, capsys, "ODD-USD.csv", "empty")


SINGLE_ROWS: dict[str, tuple[str, float, str]] = {
    "a price of zero": ("Close", 0.0, "not positive"),
    "a negative price": ("Open", -3.0, "not positive"),
    "a missing price": ("Close", np.nan, "missing"),
    "high below low": ("High", 1e-6, "high"),
}


@pytest.mark.parametrize(("column", "value", "reason"), SINGLE_ROWS.values(), ids=SINGLE_ROWS.keys())
def test_a_bad_row_is_rejected_with_its_reason_and_the_others_serve(
    market: Market, column: str, value: float, reason: str
) -> None:
    table = made_table(1)
    table.loc[60, column] = value
    market.write("ODD-USD", table)
    assert market.run() == 0
    ((date_text, told),) = market.ask("SELECT date_text, reason FROM rejected_bars")
    assert date_text == table.loc[60, "Date"]
    assert reason in str(told)
    assert market.count("price_bars", "symbol = 'ODD-USD'") == SESSIONS - 1
    assert market.ask("SELECT session_date FROM gaps") == [(table.loc[60, "Date"],)]
    assert_sound(market)


def test_conflicting_rows_of_one_date_are_all_rejected(market: Market) -> None:
    table = made_table(1)
    twice = table.iloc[[50]].assign(Close=table.loc[50, "Close"] * 1.0001)
    twice["High"] = twice["High"] * 1.01
    market.write("ODD-USD", pd.concat([table, twice]))
    assert market.run() == 0
    assert market.count("rejected_bars") == 2
    assert market.count("price_bars", "symbol = 'ODD-USD'") == SESSIONS - 1
    assert_sound(market)


def test_unsorted_rows_are_the_same_prices(market: Market) -> None:
    market.write("ODD-USD", made_table(1).sample(frac=1.0, random_state=4))
    assert market.run() == 0
    shuffled = market.ask("SELECT * FROM prices WHERE symbol = 'ODD-USD' ORDER BY session_date")
    market.database.unlink()
    market.write("ODD-USD", made_table(1))
    assert market.run() == 0
    ordered = market.ask("SELECT * FROM prices WHERE symbol = 'ODD-USD' ORDER BY session_date")
    assert [row[:8] for row in shuffled] == [row[:8] for row in ordered]


def test_too_few_rows_for_a_window_are_said_with_what_is_needed(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.write("ODD-USD", made_table(1).tail(20))
    assert_only_the_odd_one_is_lost(market, capsys, "drift", "needs 30", "longer history")


def test_a_missing_session_is_a_gap_that_no_window_spans(market: Market) -> None:
    table = made_table(1)
    market.write("ODD-USD", without(table, slice(150, 151)))
    assert market.run() == 0
    assert market.ask("SELECT session_date FROM gaps") == [(table.loc[150, "Date"],)]
    origins = market.ask("SELECT DISTINCT origin_date FROM forecasts WHERE symbol = 'ODD-USD'")
    gap = pd.Timestamp(table.loc[150, "Date"])
    spanning = {str((gap + pd.Timedelta(days=ahead)).date()) for ahead in range(1, 6)}
    assert not spanning & {str(origin) for (origin,) in origins}
    assert_sound(market)


def test_right_after_a_gap_the_asset_has_to_wait_and_the_error_says_so(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.write("ODD-USD", without(made_table(1), slice(SESSIONS - 3, SESSIONS - 2)))
    assert_only_the_odd_one_is_lost(market, capsys, "consecutive sessions", "bridge_gaps")


def test_a_gap_may_be_bridged_by_a_setting(market: Market) -> None:
    market.write("ODD-USD", without(made_table(1), slice(SESSIONS - 3, SESSIONS - 2)))
    text = market.config.read_text().replace("[transform]", "[transform]\nbridge_gaps = true")
    market.config.write_text(text)
    assert market.run() == 0


def test_a_lead_without_prices_costs_only_the_models_that_need_it(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.configure(models='["drift", "ridge"]', leads='["LEAD-USD"]')
    assert market.run() == 3
    error = capsys.readouterr().err
    assert "LEAD-USD" in error
    assert "ODD-USD ridge" in error
    assert "remove it from the leads" in error
    assert market.ask("SELECT DISTINCT model FROM latest_forecasts WHERE symbol = 'ODD-USD'") == [("drift",)]
    assert market.count("latest_forecasts", "symbol = 'GOOD-USD'") == 4
    assert_sound(market)


def test_a_missing_newest_bar_stops_the_live_forecast_and_nothing_else(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.write("ODD-USD", made_table(1).head(SESSIONS - 1))
    assert_only_the_odd_one_is_lost(market, capsys, "the newest usable bar is 2025-06-08", "--as-of")
    assert market.count("forecasts", "symbol = 'ODD-USD' AND kind = 'backtest'") == 80


def test_a_database_of_a_newer_version_is_left_alone(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    assert market.run() == 0
    with closing(sqlite3.connect(market.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = market.count("runs")
    capsys.readouterr()
    assert market.run() == 1
    error = capsys.readouterr().err
    assert "prices.db" in error
    assert "newer" in error
    assert market.count("runs") == before


def test_a_corrupt_database_is_named(market: Market, capsys: pytest.CaptureFixture[str]) -> None:
    market.database.write_bytes(b"no database at all, only text" * 100)
    assert market.run() == 1
    error = capsys.readouterr().err
    assert "prices.db" in error
    assert len(error.strip().splitlines()) == 2


def test_a_read_only_database_is_named(market: Market, capsys: pytest.CaptureFixture[str]) -> None:
    assert market.run() == 0
    capsys.readouterr()
    assert market.run("--db", f"sqlite:///file:{market.database}?mode=ro&uri=true") == 1
    error = capsys.readouterr().err
    assert "prices.db" in error
    assert "cannot be written" in error
    assert_sound(market)


def test_a_bad_configuration_key_is_named_before_anything_is_written(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.config.write_text(market.config.read_text() + "\n[lstm]\nunit = 3\n")
    assert market.run() == 2
    error = capsys.readouterr().err
    assert "lstm.unit" in error
    assert "units" in error
    assert not market.database.exists()


def test_an_unknown_calendar_is_named_before_anything_is_written(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.config.write_text(market.config.read_text().replace('"24/7"', '"XMARS"', 1))
    assert market.run() == 2
    assert "XMARS" in capsys.readouterr().err
    assert not market.database.exists() or market.count("runs") == 0


def test_a_moment_before_the_first_price_is_said_with_the_first_date(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    assert market.run(as_of="2024-06-01") == 1
    error = capsys.readouterr().err
    assert "GOOD-USD" in error
    assert "2025-01-01" in error
    assert_sound(market)


def test_a_moment_in_the_future_is_wrong_usage(market: Market, capsys: pytest.CaptureFixture[str]) -> None:
    assert market.run(as_of="2999-01-01") == 2
    assert "future" in capsys.readouterr().err
    assert not market.database.exists()


def test_without_a_network_the_run_fails_and_says_so(
    market: Market, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, nobody)
    monkeypatch.setenv("XDG_CACHE_HOME", str(market.folder / "cache"))
    monkeypatch.setenv("PRICECAST_DOWNLOAD__TRIES", "2")
    monkeypatch.setenv("PRICECAST_DOWNLOAD__BACKOFF_SECONDS", "0")
    monkeypatch.setenv("PRICECAST_DOWNLOAD__SECONDS_BETWEEN_REQUESTS", "0")
    assert market.run("--source", "yahoo", "--symbols", "GOOD-USD") == 1
    error = capsys.readouterr().err
    assert "GOOD-USD" in error
    assert "no network" in error
    assert_sound(market)


def test_a_failed_day_is_made_good_by_the_next_run(market: Market) -> None:
    market.write("ODD-USD", made_table(1).assign(Date="someday"))
    assert market.run() == 3
    market.write("ODD-USD", made_table(1))
    assert market.run() == 0
    assert market.count("latest_forecasts", "symbol = 'ODD-USD'") == 4
    assert market.ask("SELECT status FROM runs ORDER BY run_id") == [("degraded",), ("done",)]
    assert AS_OF in str(market.ask("SELECT max(as_of_utc) FROM runs"))
