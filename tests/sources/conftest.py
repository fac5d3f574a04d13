"""The local Yahoo, and the adapter that asks it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.sources.yahoo import YahooSource
from tests.sources.week import PATIENT, week
from tests.yahoo.authority import Authority
from tests.yahoo.client import sent_to
from tests.yahoo.market import Market
from tests.yahoo.server import running


@pytest.fixture
def market(authority: Authority) -> Iterator[Market]:
    """A market that serves a week of AAPL, with a yfinance that has never talked to anybody."""
    market = Market(datetime.now(UTC))
    market.series["AAPL"] = week()
    with running(market, authority) as proxy, sent_to(proxy, authority):
        yield market


@pytest.fixture
def source(market: Market, tmp_path: Path) -> YahooSource:
    return YahooSource(PATIENT, tmp_path)
