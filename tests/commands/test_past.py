"""The commands `prices` and `replay`: what was known then, and what comes of it again."""

import csv
import io
import json
from datetime import datetime, timedelta

import pandas as pd
import pytest

from pipeline.clock import parse_moment
from pipeline.job.daily import run_download
from pipeline.job.request import Request
from pipeline.settings import load_settings
from pipeline.sources import open_source
from pipeline.store import open_store
from tests.commands.odd import DATE, ROW
from tests.conftest import Run
from tests.market import AS_OF, SESSIONS, Market, made_table

NIGHT = datetime.fromisoformat("2025-06-20T01:00:00Z")
COLUMNS = ["symbol", "session_date", "open", "high", "low", "close", "adj_close", "volume"]
PAID_ROW, PAID = 120, 2.5


def download(market: Market, days_later: float, as_of: str = AS_OF) -> None:
    settings = load_settings(market.config)
    request = Request(settings, parse_moment(as_of), command="download")
    source, at = open_source(settings.source, settings.download), NIGHT + timedelta(days=days_later)
    with open_store(settings.database) as store:
        run_download(request, source, store, clock=lambda: at)


def paying(close_factor: float = 1.0) -> pd.DataFrame:
    table = made_table(1).assign(Dividends=0.0)
    table.loc[PAID_ROW, "Dividends"] = PAID
    table.loc[ROW, ["Open", "High", "Low", "Close"]] *= close_factor
    return table


@pytest.fixture
def revised(market: Market) -> Market:
    """ODD-USD as downloaded on three nights: one bar was revised on the second and on the third."""
    for night, factor in enumerate((1.0, 1.01, 1.02)):
        market.write("ODD-USD", paying(factor))
        download(market, night)
    return market


def shown(run: Run, *words: str) -> list[dict[str, object]]:
    code, out, err = run("prices", "ODD-USD", "--json", *words)
    assert (code, err) == (0, "")
    found: list[dict[str, object]] = json.loads(out)
    return found


def close_of(rows: list[dict[str, object]], date: str = DATE) -> object:
    (close,) = [row["close"] for row in rows if row["session_date"] == date]
    return close


def test_prices_are_those_of_the_view(revised: Market, on_market: Run) -> None:
    rows = shown(on_market)
    stored = revised.ask(
        f"SELECT {', '.join(COLUMNS)} FROM prices WHERE symbol = 'ODD-USD' ORDER BY session_date"
    )
    assert [tuple(row.values()) for row in rows] == stored
    assert list(rows[0]) == COLUMNS
    assert len(rows) == SESSIONS


def test_the_formats_tell_the_same(revised: Market, on_market: Run) -> None:
    rows = shown(on_market)
    for words in ((), ("--known-at", "2025-06-22")):
        _, text, _ = on_market("prices", "ODD-USD", "--csv", *words)
        records = list(csv.DictReader(io.StringIO(text)))
        assert [float(record["close"]) for record in records] == [row["close"] for row in rows]
        assert list(records[0]) == COLUMNS
        _, table, _ = on_market("prices", "ODD-USD", *words)
        header, _, *lines = table.splitlines()
        assert header.split() == COLUMNS
        assert [line.split()[1] for line in lines] == [row["session_date"] for row in rows]
    code, out, err = on_market("prices", "ODD-USD", "--json", "--csv")
    assert (code, out) == (2, "")
    assert err.startswith("error: --json and --csv exclude each other")


def test_known_at_a_day_is_as_it_was_at_its_end(revised: Market, on_market: Run) -> None:
    factors = {"2025-06-20": 1.0, "2025-06-21": 1.01, "2025-06-22": 1.02, "2025-07-30": 1.02}
    for day, factor in factors.items():
        assert close_of(shown(on_market, "--known-at", day)) == pytest.approx(
            factor * made_table(1).loc[ROW, "Close"]
        )


@pytest.mark.parametrize(
    ("moment", "factor"),
    [
        ("2025-06-21T00:59:59Z", 1.0),
        ("2025-06-21T01:00:00Z", 1.01),
        ("2025-06-21T03:00:00+02:00", 1.01),
        ("2025-06-22T00:59:59", 1.01),
    ],
)
def test_known_at_a_moment_is_as_it_was_just_then(
    revised: Market, on_market: Run, moment: str, factor: float
) -> None:
    assert close_of(shown(on_market, "--known-at", moment)) == pytest.approx(
        factor * made_table(1).loc[ROW, "Close"]
    )


def test_known_at_now_is_what_is_shown_without_it(revised: Market, on_market: Run) -> None:
    now, then = shown(on_market), shown(on_market, "--known-at", "2025-06-22")
    for name in COLUMNS:
        if name != "adj_close":
            assert [row[name] for row in then] == [row[name] for row in now]
    adjusted = [row["adj_close"] for row in now]
    assert [row["adj_close"] for row in then] == pytest.approx(adjusted, rel=1e-12)
    assert adjusted[PAID_ROW - 1] != now[PAID_ROW - 1]["close"]
    assert adjusted[PAID_ROW:] == [row["close"] for row in now[PAID_ROW:]]


def test_known_at_a_moment_dividends_are_those_of_then(market: Market, on_market: Run) -> None:
    market.write("ODD-USD", made_table(1).assign(Dividends=0.0))
    download(market, 0)
    market.write("ODD-USD", paying())
    market.config.write_text(
        market.config.read_text(encoding="utf-8") + "overlap_sessions = 60\n", encoding="utf-8"
    )
    download(market, 1)
    before, after = (shown(on_market, "--known-at", day) for day in ("2025-06-20", "2025-06-21"))
    assert [row["adj_close"] for row in before] == [row["close"] for row in before]
    close, left = after[PAID_ROW - 1]["close"], after[0]["adj_close"]
    assert left == pytest.approx(after[0]["close"] * (1.0 - PAID / close))  # type: ignore[operator]


def test_known_at_a_moment_a_history_is_in_the_units_of_then(market: Market, on_market: Run) -> None:
    download(market, 0, "2025-06-06")
    halved = made_table(1).assign(**{"Stock Splits": 0.0})
    halved[["Open", "High", "Low", "Close"]] /= 2.0
    halved.loc[157, "Stock Splits"] = 2.0
    market.write("ODD-USD", halved)
    download(market, 1)
    before, after = (shown(on_market, "--known-at", day) for day in ("2025-06-20", "2025-06-21"))
    assert (len(before), len(after)) == (SESSIONS - 4, SESSIONS)
    assert close_of(after) == pytest.approx(float(str(close_of(before))) / 2.0)


def test_before_anything_was_known_there_are_no_rows(revised: Market, on_market: Run) -> None:
    words = ("prices", "ODD-USD", "--known-at", "2025-06-19")
    assert on_market(*words) == (0, "", "no rows\n")
    assert on_market(*words, "--json") == (0, "[]\n", "")
    assert on_market(*words, "--csv") == (0, ",".join(COLUMNS) + "\n", "")


@pytest.mark.parametrize("symbol", ["NOBODY", "odd-usd", "ODD-USD' OR 1=1 --", ""])
@pytest.mark.parametrize("words", [(), ("--known-at", "2025-06-21")], ids=["now", "then"])
def test_an_asset_without_prices_is_named(
    revised: Market, on_market: Run, symbol: str, words: tuple[str, ...]
) -> None:
    code, out, err = on_market("prices", symbol, *words)
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == f"error: no prices of {symbol} are stored"


@pytest.mark.parametrize("text", ["yesterday", "2025-06-31", "", "9999-12-31T23:59:59-12:00"])
def test_what_is_no_moment_is_wrong_usage(revised: Market, on_market: Run, text: str) -> None:
    code, out, err = on_market("prices", "ODD-USD", "--known-at", text)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: '{text}' is not a date or datetime\n")


@pytest.mark.parametrize("words", [("prices", "ODD-USD"), ("replay", "1")], ids=" ".join)
def test_without_a_database_the_next_step_is_named(
    market: Market, on_market: Run, words: tuple[str, ...]
) -> None:
    code, out, err = on_market(*words)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: database {market.database} does not exist\n  Run ")
    assert not market.database.exists()


def test_a_replay_says_by_asset_and_model_what_comes_again(market: Market, on_market: Run) -> None:
    assert market.run() == 0
    code, out, err = on_market("replay", "1")
    header, _, *lines = out.splitlines()
    assert (code, err) == (0, "run 1: 168 of 168 forecasts come out the same, bit for bit\n")
    assert header.split() == ["symbol", "model", "issued", "same", "note"]
    assert [line.split() for line in lines] == [
        [symbol, model, "42", "42"] for symbol in ("GOOD-USD", "ODD-USD") for model in ("last-value", "drift")
    ]


def test_a_replay_for_programs(market: Market, on_market: Run) -> None:
    assert market.run() == 0
    _, as_json, _ = on_market("replay", "1", "--json")
    _, as_csv, _ = on_market("replay", "1", "--csv")
    first, *others = json.loads(as_json)
    assert first == {"symbol": "GOOD-USD", "model": "last-value", "issued": 42, "same": 42, "note": ""}
    assert len(list(csv.DictReader(io.StringIO(as_csv)))) == len(others) + 1 == 4


def test_a_replay_that_finds_another_forecast_exits_with_1(market: Market, on_market: Run) -> None:
    assert market.run() == 0
    market.change("UPDATE forecasts SET forecast_close = forecast_close + 1 WHERE forecast_id = 1")
    code, out, err = on_market("replay", "1")
    assert (code, err) == (1, "run 1: 167 of 168 forecasts come out the same, bit for bit\n")
    assert "the forecasts differ" in out


def test_a_replay_of_a_download_has_nothing_to_compare(market: Market, on_market: Run) -> None:
    assert on_market("download", "--as-of", AS_OF)[0] == 0
    code, out, err = on_market("replay", "1")
    assert (code, out) == (0, "")
    assert err == "no rows\nrun 1 issued no forecasts\n"
    assert on_market("replay", "1", "--json") == (0, "[]\n", "run 1 issued no forecasts\n")


@pytest.mark.parametrize("number", ["4", "0", "99999999999999999999999"])
def test_a_replay_of_a_run_that_does_not_exist_is_wrong_usage(
    revised: Market, on_market: Run, number: str
) -> None:
    code, out, err = on_market("replay", number)
    assert (code, out) == (2, "")
    assert err == f"error: there is no run {number}\n  Give a number from 1 to 3.\n"


def test_a_replay_of_something_that_is_no_number_is_wrong_usage(revised: Market, on_market: Run) -> None:
    for words in (("replay",), ("replay", "first")):
        code, out, err = on_market(*words)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")


def test_a_replay_in_another_environment_is_the_same(
    market: Market, on_market: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert market.run() == 0
    monkeypatch.setenv("PRICECAST_SEED", "12")
    monkeypatch.setenv("PRICECAST_HORIZONS", "4")
    monkeypatch.setenv("PRICECAST_BACKTEST__ORIGINS", "3")
    assert on_market("replay", "1")[::2] == (
        0,
        "run 1: 168 of 168 forecasts come out the same, bit for bit\n",
    )
