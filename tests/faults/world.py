"""Three assets on the local Yahoo, the real daily job on them, and what is left in the store."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from sqlalchemy import text

from pipeline.job.daily import run_daily
from pipeline.job.request import Request
from pipeline.settings import (
    AssetSettings,
    BacktestSettings,
    DownloadSettings,
    Settings,
    TransformSettings,
)
from pipeline.show import runs
from pipeline.sources.yahoo import YahooSource
from pipeline.store import open_store
from pipeline.types import RunSummary
from tests.yahoo.authority import Authority
from tests.yahoo.client import forget, sent_to
from tests.yahoo.made import coin, stock
from tests.yahoo.market import Market
from tests.yahoo.series import Bar, Series
from tests.yahoo.server import running

COIN, STRUCK, OTHER = "COIN-USD", "ACME", "BOLT"
"""In the order of the job: around the clock, the stock that faults strike, another stock."""
FIRST, LAST = date(2025, 1, 2), date(2025, 9, 30)
SETTINGS = Settings(
    horizons=2,
    models=("last-value", "ridge"),
    assets=(
        AssetSettings(symbol=COIN, calendar="24/7"),
        AssetSettings(symbol=STRUCK),
        AssetSettings(symbol=OTHER),
    ),
    transform=TransformSettings(time_steps=5, train_sessions=60),
    backtest=BacktestSettings(origins=5, refit_every=5),
    download=DownloadSettings(
        history_start=FIRST,
        timeout_seconds=20.0,
        backoff_seconds=0.0,
        seconds_between_requests=0.0,
        rate_limit_seconds=0.0,
    ),
)
"""Patient, so that an answer from a busy machine is never one too late."""
Bars = Mapping[date, Bar]
MOST_TOLD = 4


def evening(day: date) -> datetime:
    """When the daily job runs: the New York session of the day has settled, that of the coin is open."""
    return datetime(day.year, day.month, day.day, 22, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Day:
    """One run of the job: how it ended, and all that its user could read."""

    summary: RunSummary
    text: str

    def about(self, symbol: str) -> str:
        """The lines about one asset, and those about none."""
        others = tuple(
            f"{start}{one}" for one in {COIN, STRUCK, OTHER} - {symbol} for start in ("  ", "error: ")
        )
        return "\n".join(line for line in self.text.splitlines() if not line.startswith(others))


class World:
    """A market, and a store that the job fills from it, a run at a time."""

    def __init__(self, market: Market, folder: Path, settings: Settings) -> None:
        self.market = market
        self.settings = settings.model_copy(update={"database": f"sqlite:///{folder / 'prices.db'}"})
        self._folder = folder
        self._closing = ExitStack()
        self._store = self._closing.enter_context(open_store(self.settings.database))

    def run(self, now: datetime) -> Day:
        """The job at `now`, as `pricecast run --direct` in a process of its own, without its pauses."""
        self.market.now = now
        forget()
        source = YahooSource(self.settings.download, self._folder)
        request = Request(self.settings, now)
        with patch("tenacity.nap.time", SimpleNamespace(sleep=lambda seconds: None)):
            summary = run_daily(request, source, self._store, clock=lambda: self.market.now)
        failures = dict.fromkeys(runs.failure_text(failure) for failure in summary.failures)
        shown = (runs.run_text(summary, self.settings.database), *failures)
        return Day(summary, "\n".join(shown).replace(f"{self._folder}/", ""))

    def truth(self, symbol: str, at: datetime | None = None) -> Bars:
        """What the store should hold of an asset `at` a moment (None: now), faults aside."""
        minutes = self.settings.settle_minutes(self.settings.asset(symbol).calendar)
        bars = self.market.truth(symbol, minutes, at)
        return {bar.day: bar for bar in bars if bar.day >= self.settings.download.history_start}

    def stored(self, symbol: str) -> Bars:
        """The current prices, as a user asks for them."""
        rows = self._ask(
            "SELECT session_date, open, high, low, close, volume FROM prices WHERE symbol = :symbol",
            symbol=symbol,
        )
        bars = [Bar(date.fromisoformat(str(day)), *values) for day, *values in rows]  # type: ignore[arg-type]
        assert len({bar.day for bar in bars}) == len(bars), f"{symbol} has a session twice"
        return {bar.day: bar for bar in bars}

    def live_origins(self, symbol: str) -> set[date]:
        """The sessions that live forecasts were issued from."""
        rows = self._ask(
            "SELECT DISTINCT origin_date FROM forecasts WHERE kind = 'live' AND symbol = :symbol",
            symbol=symbol,
        )
        return {date.fromisoformat(str(day)) for (day,) in rows}

    def live_closes(self, symbol: str) -> Mapping[date, float]:
        """By origin, the close that the newest run's live forecasts were made from."""
        rows = self._ask(
            "SELECT origin_date, last_close FROM forecasts WHERE kind = 'live' AND symbol = :symbol "
            "AND run_id = (SELECT max(run_id) FROM runs)",
            symbol=symbol,
        )
        return {date.fromisoformat(str(day)): float(str(close)) for day, close in rows}

    def open_gaps(self, symbol: str) -> set[date]:
        rows = self._ask(
            "SELECT session_date FROM gaps WHERE filled_at_utc IS NULL AND symbol = :symbol", symbol=symbol
        )
        return {date.fromisoformat(str(day)) for (day,) in rows}

    def events(self, symbol: str, *, doubted: bool) -> dict[tuple[date, str], float]:
        """The current splits and dividends by day and kind, with or without those the source lacks now."""
        condition = "" if doubted else "AND missing_since_utc IS NULL"
        rows = self._ask(
            "SELECT ex_date, kind, value FROM corporate_actions "
            f"WHERE superseded_at_utc IS NULL AND symbol = :symbol {condition}",
            symbol=symbol,
        )
        return {(date.fromisoformat(str(day)), str(kind)): float(str(value)) for day, kind, value in rows}

    def reasons(self, symbol: str) -> list[str]:
        """Why rows were quarantined."""
        rows = self._ask("SELECT DISTINCT reason FROM rejected_bars WHERE symbol = :symbol", symbol=symbol)
        return [str(reason) for (reason,) in rows]

    def quarantine(self, symbol: str) -> list[str]:
        """The rows that wait for a decision: how many of each reason."""
        rows = self._ask(
            "SELECT reason, count(*) FROM rejected_bars WHERE symbol = :symbol "
            "AND resolved_at_utc IS NULL AND decision IS NULL GROUP BY reason ORDER BY reason",
            symbol=symbol,
        )
        return [f"{number}x {reason}" for reason, number in rows]

    def count(self, table: str, condition: str = "1") -> int:
        ((number,),) = self._ask(f"SELECT count(*) FROM {table} WHERE {condition}")
        assert isinstance(number, int)
        return number

    def close(self) -> None:
        self._closing.close()

    def _ask(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        with self._store.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]


def usual_market() -> Market:
    """The three assets, without a fault."""
    market = Market(evening(FIRST))
    market.series |= _usual_series()
    return market


@cache
def _usual_series() -> Mapping[str, Series]:
    return {
        COIN: coin(FIRST, LAST, seed=1),
        STRUCK: stock(FIRST, LAST, seed=2),
        OTHER: stock(FIRST, LAST, seed=3),
    }


@contextmanager
def world_in(
    folder: Path, authority: Authority, market: Market, settings: Settings = SETTINGS
) -> Iterator[World]:
    """A world with an empty store, whose yfinance can reach nothing but its market."""
    world = World(market, folder, settings)
    try:
        with running(market, authority) as proxy, sent_to(proxy, authority):
            yield world
    finally:
        world.close()


def impatient(settings: Settings = SETTINGS) -> Settings:
    """For a market that does not answer at all."""
    download = settings.download.model_copy(update={"timeout_seconds": 0.4})
    return settings.model_copy(update={"download": download})


def difference(stored: Bars, expected: Bars, tolerance: float = 0.0) -> list[str]:
    """How the stored bars differ from the expected ones, in words; empty when they do not."""
    lost = [f"{day} is lost" for day in sorted(expected.keys() - stored.keys())]
    invented = [f"{day} should not be there" for day in sorted(stored.keys() - expected.keys())]
    wrong = [
        f"{day} is {stored[day]} instead of {expected[day]}"
        for day in sorted(stored.keys() & expected.keys())
        if not _same(stored[day], expected[day], tolerance)
    ]
    problems = [*lost, *invented, *wrong]
    return problems if len(problems) <= MOST_TOLD else [*problems[:MOST_TOLD], f"... {len(problems)} in all"]


def _same(bar: Bar, other: Bar, tolerance: float) -> bool:
    pairs = [
        (getattr(bar, name), getattr(other, name)) for name in ("open", "high", "low", "close", "volume")
    ]
    return all(abs(left - right) <= tolerance * max(abs(left), abs(right)) for left, right in pairs)
