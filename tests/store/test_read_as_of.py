"""Prices as a run, or a moment, knew them, whatever has become of them since."""

from datetime import UTC, datetime

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.ingest.reconcile import reconcile
from pipeline.settings import AssetSettings
from pipeline.store import Connection, read, read_as_of, read_known, read_runs, write, write_prices
from pipeline.types import ActionKind, Bars, CorporateAction, PastRun, Prices, ValidatedPrices
from tests.store.examples import SYMBOL, dividend, later, make_bars

FAR = np.datetime64("2100-01-01", "D")
EVENTS = frozenset(ActionKind)
CLOSES = [10.0, 11.0, 12.0, 13.0]
PAID = dividend("2024-01-03", 0.5)


def begin(conn: Connection, at: datetime, symbol: str = SYMBOL) -> PastRun:
    run_id = write.start_run(
        conn,
        command="download",
        source="simulated",
        as_of=at,
        started_at=at,
        code_version="1.0",
        settings_json="{}",
    )
    write.register_assets(conn, [AssetSettings(symbol=symbol)], run_id)
    return read_runs.past_run(conn, run_id)


def download(conn: Connection, at: datetime, bars: Bars, *actions: CorporateAction) -> PastRun:
    """A run that is given just these bars and actions."""
    run = begin(conn, at, bars.symbol)
    given = ValidatedPrices(bars, (), actions, (), actions, EVENTS, bars.session_dates)
    changes = reconcile(given, read_known.known_prices(conn, bars.symbol), at)
    write_prices.store_changes(conn, changes, bars.session_dates[0].item(), run.run_id, at)
    return run


def known_to(conn: Connection, run: PastRun) -> Prices:
    return read_as_of.prices_known_to(conn, run, SYMBOL, FAR)


def closes_at(conn: Connection, moment: datetime) -> list[float]:
    return read_as_of.prices_known_at(conn, SYMBOL, moment).bars.close.tolist()


def amounts(prices: Prices) -> list[tuple[str, float]]:
    dividends = prices.dividends
    dated = zip(dividends.ex_dates, dividends.amounts.tolist(), strict=True)
    return [(str(ex_date), amount) for ex_date, amount in dated]


def assert_same(left: Prices, right: Prices) -> None:
    for name in ("session_dates", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(left.bars, name), getattr(right.bars, name))
    assert amounts(left) == amounts(right)


def test_a_run_is_found_with_what_it_was_told_and_when(conn: Connection) -> None:
    run = begin(conn, later(2))
    assert (run.run_id, run.settings_json, run.source, run.code_version) == (1, "{}", "simulated", "1.0")
    assert run.as_of == run.started_at == later(2)
    assert run.started_at.tzinfo is UTC


def test_a_run_that_does_not_exist_is_refused_with_the_numbers_there_are(conn: Connection) -> None:
    with pytest.raises(UsageError, match="there is no run 1") as caught:
        read_runs.past_run(conn, 1)
    assert caught.value.next_step == "No run is stored yet: start a run with 'pricecast run'."
    begin(conn, later(0))
    begin(conn, later(1))
    with pytest.raises(UsageError, match="number from 1 to 2"):
        read_runs.past_run(conn, 3)


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 10**30])
def test_a_number_that_no_run_can_have_is_refused_too(conn: Connection, number: int) -> None:
    begin(conn, later(0))
    with pytest.raises(UsageError, match=f"there is no run {number}"):
        read_runs.past_run(conn, number)


def test_before_anything_was_stored_nothing_is_known(conn: Connection) -> None:
    empty = begin(conn, later(0))
    download(conn, later(1), make_bars(CLOSES), PAID)
    for prices in (known_to(conn, empty), read_as_of.prices_known_at(conn, SYMBOL, later(0.5))):
        assert len(prices.bars) == 0
        assert amounts(prices) == []
        assert prices.bars.session_dates.dtype == np.dtype("datetime64[D]")


def test_an_asset_is_known_by_its_own_prices_alone(conn: Connection) -> None:
    download(conn, later(0), make_bars(CLOSES, symbol="SPY"), dividend("2024-01-02", 1.0, "SPY"))
    run = download(conn, later(1), make_bars([50.0, 51.0]))
    assert known_to(conn, run).bars.close.tolist() == [50.0, 51.0]
    assert amounts(known_to(conn, run)) == []


def test_a_run_knows_no_later_session_and_no_session_after_the_one_asked_for(conn: Connection) -> None:
    first = download(conn, later(0), make_bars(CLOSES[:2]))
    second = download(conn, later(1), make_bars(CLOSES), PAID)
    assert known_to(conn, first).bars.close.tolist() == CLOSES[:2]
    assert amounts(known_to(conn, first)) == []
    through = read_as_of.prices_known_to(conn, second, SYMBOL, np.datetime64("2024-01-02"))
    assert through.bars.close.tolist() == CLOSES[:2]
    assert amounts(through) == []
    assert amounts(known_to(conn, second)) == [("2024-01-03", 0.5)]


def test_a_bar_that_is_revised_later_is_known_as_it_was(conn: Connection) -> None:
    first = download(conn, later(0), make_bars(CLOSES))
    second = download(conn, later(1), make_bars([10.0, 11.0, 12.5, 13.0]))
    between = begin(conn, later(2))
    third = download(conn, later(3), make_bars([10.0, 11.0, 12.7, 13.0]))
    third_closes = [known_to(conn, run).bars.close[2] for run in (first, second, between, third)]
    assert third_closes == [12.0, 12.5, 12.5, 12.7]
    moments = [closes_at(conn, later(days))[2] for days in (0, 0.9, 1, 2, 3, 9)]
    assert moments == [12.0, 12.0, 12.5, 12.5, 12.7, 12.7]
    assert_same(known_to(conn, third), read.prices(conn, SYMBOL, FAR))


def test_of_two_revisions_of_one_day_the_moment_decides(conn: Connection) -> None:
    download(conn, later(0), make_bars(CLOSES))
    download(conn, later(0.1), make_bars([*CLOSES[:3], 13.1]))
    download(conn, later(0.2), make_bars([*CLOSES[:3], 13.2]))
    assert [closes_at(conn, later(days))[-1] for days in (0.05, 0.15, 0.3)] == [13.0, 13.1, 13.2]


def test_two_runs_of_one_second_know_each_its_own_bars(conn: Connection) -> None:
    first = download(conn, later(0), make_bars(CLOSES))
    second = download(conn, later(0), make_bars([*CLOSES[:3], 13.1]))
    assert known_to(conn, first).bars.close.tolist() == CLOSES
    assert known_to(conn, second).bars.close.tolist() == [*CLOSES[:3], 13.1]
    assert closes_at(conn, later(0)) == [*CLOSES[:3], 13.1]


@pytest.mark.parametrize("days", [0.0, 1.0, -1.0], ids=["same second", "a day later", "clock set back"])
def test_a_dividend_that_is_corrected_is_known_as_it_was(conn: Connection, days: float) -> None:
    first = download(conn, later(0), make_bars(CLOSES), PAID)
    second = download(conn, later(days), make_bars(CLOSES), dividend("2024-01-03", 0.75))
    assert amounts(known_to(conn, first)) == [("2024-01-03", 0.5)]
    assert amounts(known_to(conn, second)) == [("2024-01-03", 0.75)]
    assert_same(known_to(conn, second), read.prices(conn, SYMBOL, FAR))


def test_a_dividend_that_is_corrected_twice_is_known_once_to_every_run(conn: Connection) -> None:
    runs = [
        download(conn, later(days), make_bars(CLOSES), dividend("2024-01-03", amount))
        for days, amount in ((0, 0.5), (0, 0.6), (1, 0.5), (1, 0.7))
    ]
    found = [amounts(known_to(conn, run)) for run in runs]
    assert found == [[("2024-01-03", amount)] for amount in (0.5, 0.6, 0.5, 0.7)]
    at_moments = [amounts(read_as_of.prices_known_at(conn, SYMBOL, later(days))) for days in (0, 0.5, 1)]
    assert at_moments == [[("2024-01-03", amount)] for amount in (0.6, 0.6, 0.7)]


def test_a_dividend_that_comes_late_is_not_known_before(conn: Connection) -> None:
    first = download(conn, later(0), make_bars(CLOSES))
    second = download(conn, later(1), make_bars(CLOSES), PAID)
    assert [amounts(known_to(conn, run)) for run in (first, second)] == [[], [("2024-01-03", 0.5)]]
    assert amounts(read_as_of.prices_known_at(conn, SYMBOL, later(0.5))) == []


def test_a_dividend_is_known_until_it_is_withdrawn_and_again_when_it_is_back(conn: Connection) -> None:
    runs = [
        download(conn, later(days), make_bars(CLOSES), *actions)
        for days, actions in ((0, (PAID,)), (1, ()), (20, ()), (30, (PAID,)))
    ]
    paid = [("2024-01-03", 0.5)]
    assert [amounts(known_to(conn, run)) for run in runs] == [paid, paid, [], paid]
    moments = (0, 1, 19, 20, 29, 30)
    found = [amounts(read_as_of.prices_known_at(conn, SYMBOL, later(days))) for days in moments]
    assert found == [paid, paid, paid, [], [], paid]


def test_a_history_that_a_split_re_bases_is_known_in_its_old_units(conn: Connection) -> None:
    first = download(conn, later(0), make_bars(CLOSES))
    split = CorporateAction(SYMBOL, np.datetime64("2024-01-05", "D"), ActionKind.SPLIT, 2.0)
    halved = make_bars([*(close / 2 for close in CLOSES), 7.0], volume=20.0)
    second = download(conn, later(1), halved, split)
    assert known_to(conn, first).bars.close.tolist() == CLOSES
    assert known_to(conn, first).bars.volume.tolist() == [10.0] * 4
    assert known_to(conn, second).bars.close.tolist() == [5.0, 5.5, 6.0, 6.5, 7.0]
    assert closes_at(conn, later(0.5)) == CLOSES
    assert amounts(known_to(conn, second)) == []


def test_known_at_any_later_moment_is_what_is_stored_now(conn: Connection) -> None:
    download(conn, later(0), make_bars(CLOSES), PAID)
    download(conn, later(1), make_bars([10.0, 11.2, 12.0, 13.0, 14.0]), dividend("2024-01-03", 0.75))
    assert_same(read_as_of.prices_known_at(conn, SYMBOL, later(9)), read.prices(conn, SYMBOL, FAR))
