"""Days of downloads as the daily job sees them: what it asks for, and what it makes of what changed since."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import execute
from pipeline.clock import parse_moment
from pipeline.errors import SourceError
from pipeline.job.daily import run_daily
from pipeline.job.request import Request
from pipeline.settings import AssetSettings, load_settings
from pipeline.sources import PriceSource, open_source
from pipeline.store import open_store, write_prices, writing
from pipeline.types import Decision, IngestSummary, RawPrices, RunStatus, RunSummary
from tests.market import AS_OF, Market, made_table, market_in, times, without

NOW = datetime(2025, 7, 1, 12, tzinfo=UTC)
WHOLE, OVERLAP = "2024-01-01", "2025-05-21"
BARS = "SELECT session_date, close, volume, revision, superseded_at_utc FROM price_bars ORDER BY bar_id"
ISSUED = "SELECT * FROM forecasts ORDER BY forecast_id"


@dataclass
class Watched:
    """A source that remembers from which day on it was asked, and may fail after some answers."""

    origin: PriceSource
    answers: int = 100
    name: str = "watched"
    asked: list[str] = field(default_factory=list)

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        self.asked.append(str(start))
        if len(self.asked) > self.answers:
            raise SourceError(asset.symbol, "is gone", "Ask again.")
        return self.origin.download(asset, start, as_of)


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return market_in(tmp_path)


@dataclass(frozen=True)
class Day:
    """A run for ODD-USD alone, and what it asked its source for."""

    summary: RunSummary
    asked: list[str]

    @property
    def prices(self) -> IngestSummary:
        (one,) = self.summary.ingested
        return one

    @property
    def changes(self) -> tuple[int, int, int, int]:
        """New, revised, rejected and missing."""
        return self.prices.new, self.prices.revised, self.prices.newly_quarantined, self.prices.missing


SUNDAY = "2025-06-09"
"""The last session that has settled by then ends a week."""


def run(
    market: Market,
    table: pd.DataFrame | None = None,
    as_of: str = AS_OF,
    *,
    now: datetime = NOW,
    answers: int = 100,
) -> Day:
    if table is not None:
        market.write("ODD-USD", table)
    settings = load_settings(market.config)
    source = Watched(open_source(settings.source, settings.download), answers)
    request = Request(settings, parse_moment(as_of), ("ODD-USD",))
    with open_store(settings.database) as store:
        return Day(run_daily(request, source, store, clock=lambda: now), source.asked)


def eventful(table: pd.DataFrame, **events: dict[int, float]) -> pd.DataFrame:
    """With columns of dividends and splits, 0 but for some rows."""
    changed = table.assign(Dividends=0.0, **{"Stock Splits": 0.0})
    for name, values in events.items():
        for row, value in values.items():
            changed.loc[row, {"dividends": "Dividends", "splits": "Stock Splits"}[name]] = value
    return changed


def release(market: Market, rejected_id: int, decision: Decision = Decision.RELEASED) -> None:
    database = load_settings(market.config).database
    with open_store(database) as store, writing(store) as connection:
        write_prices.store_decision(connection, [rejected_id], decision, NOW)


# What is asked for


def test_the_first_run_asks_for_the_whole_history_and_the_next_for_an_overlap(market: Market) -> None:
    first = run(market)
    again = run(market)
    assert (first.asked, again.asked) == ([WHOLE], [OVERLAP])
    assert (first.changes, again.changes) == ((160, 0, 0, 0), (0, 0, 0, 0))


def test_a_gap_is_asked_for_again_until_it_is_filled(market: Market) -> None:
    gappy = without(made_table(1), slice(50, 52))
    assert run(market, gappy).changes == (158, 0, 0, 2)
    still = run(market, without(made_table(1), slice(50, 51)))
    assert (still.asked, still.changes, still.prices.n_gaps) == (["2025-02-20"], (1, 0, 0, 0), 1)
    filled = run(market, made_table(1))
    assert (filled.asked, filled.changes, filled.prices.n_gaps) == (["2025-02-20"], (1, 0, 0, 0), 0)
    assert run(market).asked == [OVERLAP]


def test_the_newest_session_that_is_late_is_a_gap_until_it_comes(market: Market) -> None:
    late = run(market, without(made_table(1), slice(159, 160)))
    assert late.changes == (159, 0, 0, 1)
    assert "newest usable bar is 2025-06-08" in late.summary.failures[0].message
    came = run(market, made_table(1))
    assert (came.changes, came.summary.failures) == ((1, 0, 0, 0), ())


def test_a_history_that_is_to_start_earlier_is_asked_for_as_a_whole_once(market: Market) -> None:
    run(market, made_table(1).iloc[30:])
    market.write("ODD-USD", made_table(1))
    assert run(market).changes == (0, 0, 0, 0)
    market.reaches_back_to("2023-12-31")
    deeper = run(market)
    assert (deeper.asked, deeper.changes) == (["2023-12-31"], (30, 0, 0, 0))
    assert str(deeper.prices.first_session) == "2025-01-01"
    assert run(market).asked == [OVERLAP]


def test_a_first_run_with_nothing_to_use_leaves_the_whole_history_to_ask_for(market: Market) -> None:
    bad = made_table(1).assign(Close=-1.0)
    lost = run(market, bad)
    assert lost.summary.status is RunStatus.FAILED
    assert "none of the 160 rows" in lost.summary.failures[0].message
    assert market.count("rejected_bars", "resolved_at_utc IS NULL") == 160
    good = run(market, made_table(1))
    assert (good.asked, good.changes) == ([WHOLE], (160, 0, 0, 0))
    assert market.count("rejected_bars", "resolved_at_utc IS NULL") == 0
    assert good.prices.in_quarantine == 0


def test_a_past_day_changes_nothing_of_the_bars_that_came_after_it(market: Market) -> None:
    run(market)
    before = market.ask(BARS)
    past = run(market, as_of="2025-04-01")
    assert (past.asked, past.changes) == (["2025-03-12"], (0, 0, 0, 0))
    assert market.ask(BARS) == before
    assert market.count("gaps") == 0


def test_a_source_that_gives_no_more_than_its_newest_rows_costs_nothing_that_is_stored(
    market: Market,
) -> None:
    run(market, without(made_table(1), slice(150, None)), "2025-05-31")
    before = market.ask(BARS)
    short = run(market, made_table(1).iloc[-12:])
    assert market.ask(BARS)[: len(before)] == before
    assert short.changes[:3] == (10, 0, 0)
    assert short.prices.n_gaps == 0


# What has changed


def test_a_bar_that_was_stored_before_it_settled_is_superseded_when_it_has(market: Market) -> None:
    settled = made_table(1)
    early = settled.copy()
    early.loc[155, "Close"] = (early.loc[155, "High"] + early.loc[155, "Low"]) / 2
    early.loc[155, "Volume"] /= 2
    run(market, without(early, slice(156, None)), "2025-06-06")
    assert run(market, settled).changes == (4, 1, 0, 0)
    assert run(market).changes == (0, 0, 0, 0)


def test_a_volume_alone_that_changed_is_a_revision(market: Market) -> None:
    run(market)
    table = made_table(1)
    table.loc[159, "Volume"] *= 2
    assert run(market, table).changes == (0, 1, 0, 0)


def test_noise_of_fresh_downloads_is_no_news(market: Market) -> None:
    run(market)
    before = market.ask(BARS)
    noisy = times(made_table(1), slice(None), 1 + 1e-7)
    assert run(market, noisy).changes == (0, 0, 0, 0)
    assert market.ask(BARS) == before


def split_table(row: int = 158) -> pd.DataFrame:
    """The whole history in the units after a split of 4:1 on that row."""
    return eventful(times(made_table(1), slice(None), 0.25), splits={row: 4.0})


def test_a_split_rebases_the_history_at_once_and_forecasts_keep_their_units(market: Market) -> None:
    run(market, eventful(without(made_table(1), slice(157, None))), "2025-06-07")
    issued, seen = market.ask(ISSUED), market.count("price_bars")
    after = run(market, split_table(), SUNDAY)
    assert after.asked == ["2025-05-18", WHOLE]
    assert after.changes == (2, 0, 0, 0)
    assert after.prices.rebased == pytest.approx(0.25)
    assert market.ask("SELECT through_date, ratio, n_bars FROM rebasings") == [
        ("2025-06-06", pytest.approx(0.25), 157)
    ]
    assert market.count("price_bars") == seen + 157 + 2
    assert market.ask(ISSUED)[: len(issued)] == issued
    closes = dict(market.ask("SELECT session_date, close FROM prices"))
    assert list(closes.values()) == pytest.approx(list(split_table()["Close"][:-1]))
    scored = market.ask(
        "SELECT target_date, last_close, actual_close FROM forecast_history"
        " WHERE origin_date = '2025-06-06' AND kind = 'live'"
    )
    assert len(scored) == 4
    for target, last_close, actual in scored:
        assert last_close == pytest.approx(made_table(1).loc[156, "Close"])
        assert actual == pytest.approx(4.0 * float(closes[target]))  # type: ignore[arg-type]
    assert market.count("scores", "superseded_at_utc IS NOT NULL") == 0


def test_after_a_split_a_day_again_finds_nothing_to_do(market: Market) -> None:
    run(market, eventful(without(made_table(1), slice(157, None))), "2025-06-07")
    run(market, split_table())
    before = market.ask(BARS)
    again = run(market)
    assert (again.asked, again.changes) == ([OVERLAP], (0, 0, 0, 0))
    assert market.ask(BARS) == before
    assert market.count("rebasings") == 1


def test_units_of_a_split_that_only_opens_today_are_understood(market: Market) -> None:
    run(market, eventful(without(made_table(1), slice(157, None))), "2025-06-07")
    during = run(market, split_table(158), "2025-06-08T12:00:00")
    assert (during.changes, during.summary.failures) == ((1, 0, 0, 0), ())
    assert during.prices.rebased == pytest.approx(0.25)
    assert market.count("corporate_actions") == 0
    assert run(market).changes == (2, 0, 0, 0)
    assert market.ask("SELECT kind, value FROM corporate_actions") == [("split", 4.0)]
    assert market.count("rebasings") == 1


def test_where_the_whole_history_cannot_be_had_nothing_of_a_split_is_stored(market: Market) -> None:
    run(market, eventful(without(made_table(1), slice(157, None))), "2025-06-07")
    before = market.ask(BARS)
    lost = run(market, split_table(), SUNDAY, answers=1)
    assert lost.summary.status is RunStatus.FAILED
    assert "is gone" in lost.summary.failures[0].message
    assert market.ask(BARS) == before
    assert (market.count("rebasings"), market.count("corporate_actions")) == (0, 0)
    assert run(market).changes == (3, 0, 0, 0)


@pytest.mark.parametrize("rows", [slice(0, 100), slice(100, 157)], ids=["the older part", "the newer part"])
def test_a_split_that_is_applied_to_a_part_of_the_history_waits_for_the_source(
    market: Market, rows: slice
) -> None:
    run(market, eventful(without(made_table(1), slice(157, None))), "2025-06-07")
    before = market.ask("SELECT session_date, close FROM prices ORDER BY 1")
    half = eventful(times(times(made_table(1), rows, 0.25), slice(158, None), 0.25), splits={158: 4.0})
    halved = run(market, half)
    assert "contradict the stored ones" in halved.summary.failures[0].message
    assert market.count("quarantine") > 0
    assert market.ask("SELECT session_date, close FROM prices ORDER BY 1")[: len(before)] == before
    healed = run(market, split_table())
    assert healed.prices.in_quarantine == 0
    closes = [close for (close,) in market.ask("SELECT close FROM prices ORDER BY session_date")]
    assert closes == pytest.approx(list(split_table()["Close"]))


def test_dividends_revise_no_bar(market: Market) -> None:
    run(market, eventful(without(made_table(1), slice(157, None))), "2025-06-07")
    before = market.ask(BARS)
    paid = run(market, eventful(made_table(1), dividends={158: 1.0}), SUNDAY)
    assert (paid.asked, paid.changes) == (["2025-05-18"], (2, 0, 0, 0))
    assert market.ask(BARS)[: len(before)] == before
    ((lowered,),) = market.ask("SELECT count(*) FROM prices WHERE adj_close < close")
    assert lowered == 158


def test_an_event_that_vanishes_stays_for_two_weeks_and_may_return(market: Market) -> None:
    there, gone = eventful(made_table(1), dividends={150: 1.0}), eventful(made_table(1))
    current = "superseded_at_utc IS NULL"
    story = [(there, 0, 1), (gone, 1, 1), (gone, 14, 1), (there, 15, 1), (gone, 16, 1), (gone, 30, 0)]
    for table, day, stays in story:
        vanished = run(market, table, now=NOW + timedelta(days=day))
        assert vanished.changes[1:] == (0, 0, 0)
        assert market.count("corporate_actions", current) == stays
    run(market, there, now=NOW + timedelta(days=31))
    assert market.count("corporate_actions", current) == 1


# Quarantine


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(slice(80, 83), id="in the middle"),
        pytest.param(slice(157, 160), id="at the newest end"),
        pytest.param(slice(0, 3), id="at the start"),
    ],
)
def test_hundredfold_rows_wait_and_the_right_ones_take_their_place(market: Market, rows: slice) -> None:
    odd = run(market, times(made_table(1), rows, 100.0))
    assert (odd.prices.new, odd.prices.newly_quarantined, odd.prices.in_quarantine) == (157, 3, 3)
    assert market.count("rejected_bars", "reason = 'about 100 times too high'") == 3
    assert market.count("prices", "close > 1000") == 0
    if rows.start == 0:
        market.reaches_back_to("2023-12-31")  # nobody expects what lies before the first bar
    healed = run(market, made_table(1))
    assert (healed.prices.new, healed.prices.in_quarantine, healed.prices.n_gaps) == (3, 0, 0)


def jumped() -> pd.DataFrame:
    """The last two bars on a level three times as high."""
    return times(made_table(1), slice(158, None), 3.0)


def test_a_released_bar_is_stored_and_the_level_goes_on_from_it(market: Market) -> None:
    held = run(market, jumped())
    assert (held.prices.new, held.prices.in_quarantine, held.prices.missing) == (158, 2, 2)
    release(market, 1)
    found = run(market)
    assert (found.prices.new, found.prices.in_quarantine, found.prices.n_gaps) == (2, 0, 0)
    assert found.summary.failures == ()
    assert run(market).changes == (0, 0, 0, 0)


def test_a_released_bar_does_not_hinder_a_later_split(market: Market) -> None:
    run(market, eventful(without(jumped(), slice(159, None))), "2025-06-09")
    release(market, 1)
    run(market, as_of="2025-06-09")
    assert market.count("prices") == 159
    after = run(market, eventful(times(jumped(), slice(None), 0.25), splits={159: 4.0}))
    assert (after.changes, after.prices.rebased) == ((1, 0, 0, 0), pytest.approx(0.25))


def test_a_bar_that_a_person_rejected_stays_out_without_being_asked_about_again(market: Market) -> None:
    run(market, jumped())
    release(market, 1, Decision.REJECTED)
    release(market, 2, Decision.REJECTED)
    later = run(market)
    assert (later.changes, later.prices.in_quarantine, later.prices.n_gaps) == ((0, 0, 0, 0), 0, 2)


def test_a_row_that_is_good_today_was_no_more_than_late(market: Market) -> None:
    bad = made_table(1)
    bad.loc[159, "High"] = bad.loc[159, "Low"] * 0.9
    held = run(market, bad)
    assert (held.changes, held.prices.in_quarantine) == ((159, 0, 1, 1), 1)
    good = run(market, made_table(1))
    assert (good.changes, good.prices.in_quarantine, good.prices.n_gaps) == ((1, 0, 0, 0), 0, 0)


def test_a_correction_before_the_overlap_is_seen_when_the_whole_history_is_asked_for(tmp_path: Path) -> None:
    market = market_in(tmp_path)
    assert market.run() == 0
    table = made_table(1)
    table.loc[40, "Volume"] *= 2.0
    market.write("ODD-USD", table)
    options = ("--config", str(market.config), "--as-of", AS_OF)
    assert execute(["download", *options]) == 0
    assert market.count("price_bars", "revision = 1") == 0
    assert execute(["download", "--whole", *options]) == 0
    assert market.ask("SELECT session_date FROM price_bars WHERE revision = 1") == [(table.loc[40, "Date"],)]
