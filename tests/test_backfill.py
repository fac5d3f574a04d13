from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pytest

from pipeline.backfill import run_backfill
from pipeline.clock import parse_moment
from pipeline.daily import Request
from pipeline.errors import UsageError
from pipeline.settings import AssetSettings, load_settings
from pipeline.sources import open_source
from pipeline.sources.base import PriceSource
from pipeline.store import open_store
from pipeline.types import RawPrices
from tests.market import Market, market_in

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
    summaries = run_backfill(request, date(2025, 6, 5), source, open_store(settings.database))
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
    (summary,) = run_backfill(request, date(2025, 6, 6), source, open_store(settings.database))
    assert (summary.n_forecasts, summary.n_scores, summary.n_verdicts) == (0, 0, 0)


def test_a_first_day_after_the_last_is_wrong_usage(market: Market) -> None:
    settings = load_settings(market.config)
    request = Request(settings, parse_moment("2025-06-06"))
    source = open_source(settings.source, settings.download)
    with pytest.raises(UsageError, match="2025-06-07 lies after --to 2025-06-06"):
        run_backfill(request, date(2025, 6, 7), source, open_store(settings.database))
