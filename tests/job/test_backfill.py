from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pytest

from pipeline.clock import parse_moment
from pipeline.errors import UsageError
from pipeline.ingest.rate_limit import RateLimitedBatch
from pipeline.job.backfill import DownloadedOnce, run_backfill
from pipeline.job.request import Request
from pipeline.settings import AssetSettings, load_settings
from pipeline.sources import open_source
from pipeline.sources.base import PriceSource
from pipeline.store import open_store
from pipeline.types import RawPrices
from tests.market import Market, made_table, market_in, times

LASTING = "symbol, model, kind, horizon, origin_date, target_date, last_close, forecast_close, lower_80"


@dataclass
class Counted:
    """A source that remembers what it was asked for."""

    origin: PriceSource
    name: str = "counted"
    asked: list[str] = field(default_factory=list)

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        self.asked.append(asset.symbol)
        return self.origin.download(asset, start, as_of)


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return market_in(tmp_path)


def test_every_day_knows_what_it_knew_and_the_source_is_asked_once(market: Market) -> None:
    settings = load_settings(market.config)
    source = Counted(open_source(settings.source, settings.download))
    request = Request(settings, parse_moment("2025-06-07"), command="backfill")
    with open_store(settings.database) as store:
        summaries = run_backfill(request, date(2025, 6, 5), source, store)
    assert [summary.as_of.date() for summary in summaries] == [date(2025, 6, day) for day in (5, 6, 7)]
    assert source.asked == ["GOOD-USD", "ODD-USD"]
    backfilled = market.ask(f"SELECT {LASTING} FROM forecasts ORDER BY {LASTING}")

    market.database.unlink()
    for day in ("2025-06-05", "2025-06-06", "2025-06-07"):
        assert market.run(as_of=day) == 0
    assert market.ask(f"SELECT {LASTING} FROM forecasts ORDER BY {LASTING}") == backfilled


def test_a_day_done_already_stays_as_it_is(market: Market) -> None:
    assert market.run(as_of="2025-06-06") == 0
    settings = load_settings(market.config)
    request = Request(settings, parse_moment("2025-06-06"))
    source = open_source(settings.source, settings.download)
    with open_store(settings.database) as store:
        (summary,) = run_backfill(request, date(2025, 6, 6), source, store)
    assert (summary.n_forecasts, summary.n_scores, summary.n_verdicts) == (0, 0, 0)


def test_a_first_day_after_the_last_is_wrong_usage(market: Market) -> None:
    settings = load_settings(market.config)
    request = Request(settings, parse_moment("2025-06-06"))
    source = open_source(settings.source, settings.download)
    with (
        open_store(settings.database) as store,
        pytest.raises(UsageError, match="2025-06-07 lies after --to 2025-06-06"),
    ):
        run_backfill(request, date(2025, 6, 7), source, store)


def test_what_was_downloaded_once_serves_later_starts_and_is_asked_again_for_earlier_ones(
    market: Market,
) -> None:
    table = made_table(1)
    table.loc[len(table)] = ["Total", *[1.0] * 5]
    market.write("ODD-USD", table)
    settings = load_settings(market.config)
    source = Counted(open_source(settings.source, settings.download))
    courtesy = RateLimitedBatch("once", settings.download)
    once = DownloadedOnce(source, parse_moment("2025-06-10"), "once", courtesy)

    def rows(start: str) -> list[str]:
        raw = once.download(settings.asset("ODD-USD"), date.fromisoformat(start), parse_moment("2025-03-01"))
        assert raw.start == date.fromisoformat(start)
        return [str(text) for text in raw.rows["date_text"]]

    assert rows("2025-06-08") == ["2025-06-08", "2025-06-09", "Total"]
    assert rows("2025-06-09") == ["2025-06-09", "Total"]
    assert len(source.asked) == 1
    assert rows("2025-06-07") == ["2025-06-07", "2025-06-08", "2025-06-09", "Total"]
    assert rows("2025-06-08") == ["2025-06-08", "2025-06-09", "Total"]
    assert len(source.asked) == 2


def test_a_split_on_one_of_the_days_asks_once_more_and_rebases_nothing_twice(market: Market) -> None:
    table = made_table(1).assign(Dividends=0.0, **{"Stock Splits": 0.0})
    market.write("ODD-USD", table)
    settings = load_settings(market.config)
    source = Counted(open_source(settings.source, settings.download))

    def backfilled(first: date, last: str) -> list[tuple[int, int]]:
        request = Request(settings, parse_moment(last), ("ODD-USD",), command="backfill")
        with open_store(settings.database) as store:
            return [
                (one.ingested[0].new, one.ingested[0].revised)
                for one in run_backfill(request, first, source, store)
            ]

    assert backfilled(date(2025, 6, 2), "2025-06-03") == [(152, 0), (1, 0)]
    after = times(table, slice(None), 0.25)
    after.loc[157, "Stock Splits"] = 4.0
    market.write("ODD-USD", after)
    assert backfilled(date(2025, 6, 4), "2025-06-10") == [(1, 0)] * 7
    assert source.asked == ["ODD-USD"] * 3
    assert market.ask("SELECT through_date, n_bars FROM rebasings") == [("2025-06-02", 153)]
    closes = [close for (close,) in market.ask("SELECT close FROM prices ORDER BY session_date")]
    assert closes == pytest.approx(list(after["Close"]))
