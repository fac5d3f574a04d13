"""The daily job is killed (SIGKILL); the next run leaves the store as if nothing had happened."""

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, event

from pipeline.cli import execute
from tests.made import made_bars

SYMBOLS = ("AAA-USD", "BBB-USD", "CCC-USD", "DDD-USD")
FIRST, SESSIONS = "2025-01-01", 160
YESTERDAY, TODAY = "2025-06-09", "2025-06-10"
CONFIG = """
source = "csv:{folder}"
models = ["last-value", "ridge"]
horizons = 2
workers = 1
assets = [{assets}]
[transform]
time_steps = 5
train_sessions = 100
[backtest]
origins = 10
refit_every = 10
[download]
history_start = 2024-01-01
"""
CONTENT = {
    "price_bars": "symbol, session_date, revision, open, high, low, close, volume, superseded_at_utc IS NULL",
    "rejected_bars": 'symbol, date_text, reason, "row", resolved_at_utc IS NULL',
    "gaps": "symbol, session_date, filled_at_utc IS NULL",
    "corporate_actions": "symbol, ex_date, kind, value, superseded_at_utc IS NULL",
    "rebasings": "symbol, through_date, ratio, n_bars",
    "forecasts": "symbol, model, kind, origin_date, horizon, last_close, forecast_close, lower_80, upper_95",
    "scores": "actual_close, error, naive_error, superseded_at_utc IS NULL",
    "metrics": "symbol, model, horizon, kind, metric, value, n",
    "verdicts": "symbol, model, horizon, verdict, n, sentence",
    "fits": "symbol, model, kind, data_hash, trained_from_date, trained_through_date",
}
FEWEST_STATEMENTS = 60
COUNTED = ("before_cursor_execute", "commit")


def table_of(seed: int) -> pd.DataFrame:
    bars = made_bars(SESSIONS, seed)
    table = pd.DataFrame({name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")})
    table.insert(0, "date", pd.date_range(FIRST, periods=SESSIONS, freq="D").strftime("%Y-%m-%d"))
    table["dividends"], table["stock splits"] = 0.0, 0.0
    return table


def write_yesterday(folder: Path) -> None:
    """Histories up to yesterday: one with a gap, one with a row that is not believed."""
    for seed, symbol in enumerate(SYMBOLS):
        table = table_of(seed).iloc[:-1]
        if symbol == "CCC-USD":
            table = table.drop(index=120)
        if symbol == "DDD-USD":
            table.loc[130, "high"] = 1e-3
        table.to_csv(folder / f"{symbol}.csv", index=False)


def write_today(folder: Path) -> None:
    """A day with every kind of news: a revision, a split, a dividend, a gap filled, a row repaired."""
    for seed, symbol in enumerate(SYMBOLS):
        table = table_of(seed)
        if symbol == "AAA-USD":
            table.loc[SESSIONS - 2, "volume"] *= 1.01
            table.loc[SESSIONS - 1, "dividends"] = 0.5
        if symbol == "BBB-USD":
            table[["open", "high", "low", "close"]] /= 4.0
            table["volume"] *= 4.0
            table.loc[SESSIONS - 1, "stock splits"] = 4.0
        table.to_csv(folder / f"{symbol}.csv", index=False)


class Record:
    """A folder of prices and a database of yesterday's run, from which today's run can be tried again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "killed.toml"
        assets = ", ".join(f'{{ symbol = "{symbol}", calendar = "24/7" }}' for symbol in SYMBOLS)
        self._config.write_text(CONFIG.format(folder=folder, assets=assets), encoding="utf-8")
        write_yesterday(folder)
        assert self.run(folder / "yesterday.db", YESTERDAY) == 0
        write_today(folder)

    def fresh(self, name: str) -> Path:
        """A copy of yesterday's database."""
        for old in self._folder.glob(f"{name}.db*"):
            old.unlink()
        with (
            closing(sqlite3.connect(self._folder / "yesterday.db")) as yesterday,
            closing(sqlite3.connect(self._folder / f"{name}.db")) as copy,
        ):
            yesterday.backup(copy)
        return self._folder / f"{name}.db"

    def run(self, database: Path, as_of: str = TODAY, command: str = "run --direct") -> int:
        options = ["--config", str(self._config), "--db", str(database), "--as-of", as_of]
        return execute([*command.split(), *options])

    def killed_at_statement(self, database: Path, statement: int) -> None:
        """Kill the run as it is about to send its so manieth statement, or to commit."""

        def work() -> None:
            die_at(statement)
            self.run(database)

        die(work, wait=60.0)

    def killed_after(self, database: Path, seconds: float) -> None:
        """Kill the run so long after it has begun to write."""
        die(lambda: self.run(database), wait=seconds, once=lambda: has_begun(database))

    def content(self, database: Path) -> dict[str, list[tuple[object, ...]]]:
        with closing(sqlite3.connect(database)) as connection:
            return {
                table: sorted(connection.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)
                for table, columns in CONTENT.items()
            }


class Countdown:
    """Counts statements and commits of this process; calls `at_zero` as the given one is about to happen."""

    def __init__(self, start: int, at_zero: Callable[[], None]) -> None:
        self.left = start
        self._at_zero = at_zero

    def count(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            self._at_zero()


def die_at(statement: int) -> None:
    countdown = Countdown(statement, lambda: os.kill(os.getpid(), signal.SIGKILL))
    for name in COUNTED:
        event.listen(Engine, name, countdown.count)


def die(work: Callable[[], object], wait: float, once: Callable[[], bool] = lambda: True) -> None:
    """Do the work in another process, and kill that so many seconds after `once`, if it still is at work."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    for _ in range(20_000):
        if once() or not process.is_alive():
            break
        time.sleep(0.001)
    process.join(wait)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode in {0, -signal.SIGKILL}


def has_begun(database: Path) -> bool:
    log = Path(f"{database}-wal")
    return log.exists() and log.stat().st_size > 0


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return Record(tmp_path_factory.mktemp("killed"))


@dataclass(frozen=True)
class Undisturbed:
    """What today's run stores, and how long it takes: statements of its ingestion, of all, and seconds."""

    content: dict[str, list[tuple[object, ...]]]
    ingest_statements: int
    statements: int
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(record: Record) -> Undisturbed:
    ingest = counted(lambda: record.run(record.fresh("ingested"), command="download"))
    database, begun = record.fresh("undisturbed"), time.monotonic()
    everything = counted(lambda: record.run(database))
    return Undisturbed(record.content(database), ingest, everything, time.monotonic() - begun)


def counted(work: Callable[[], int]) -> int:
    """How many statements and commits the work sends."""
    countdown = Countdown(0, lambda: None)
    for name in COUNTED:
        event.listen(Engine, name, countdown.count)
    assert work() == 0
    for name in COUNTED:
        event.remove(Engine, name, countdown.count)
    return -countdown.left


def test_today_has_every_kind_of_news(record: Record, undisturbed: Undisturbed) -> None:
    before = record.content(record.fresh("before"))
    assert [table for table in CONTENT if undisturbed.content[table] != before[table]] == list(CONTENT)
    assert FEWEST_STATEMENTS < undisturbed.ingest_statements < undisturbed.statements


def holds(record: Record, database: Path, expected: dict[str, list[tuple[object, ...]]]) -> None:
    assert record.run(database) == 0
    assert record.content(database) == expected
    assert execute(["db", "check", "--db", str(database)]) == 0
    with closing(sqlite3.connect(database)) as connection:
        statuses = [status for (status,) in connection.execute("SELECT status FROM runs ORDER BY run_id")]
    assert statuses[-1] == "done"


def points(count: int, seed: int) -> list[float]:
    """Shares of the way through the run, one in each of `count` equal parts of it."""
    chance = random.Random(seed)
    return [(part + chance.random()) / count for part in range(count)]


def killed_at(record: Record, undisturbed: Undisturbed, statement: int) -> None:
    database = record.fresh("killed-at")
    record.killed_at_statement(database, statement)
    assert record.content(database) != undisturbed.content
    holds(record, database, undisturbed.content)


@pytest.mark.parametrize("share", points(4, seed=1), ids=lambda share: f"{share:.0%}")
def test_a_run_killed_while_it_ingests_is_made_good_by_the_next(
    record: Record, undisturbed: Undisturbed, share: float
) -> None:
    killed_at(record, undisturbed, 1 + int(share * undisturbed.ingest_statements))


@pytest.mark.killed
@pytest.mark.parametrize("share", points(50, seed=2), ids=lambda share: f"{share:.0%}")
def test_at_whatever_statement_of_its_ingestion(
    record: Record, undisturbed: Undisturbed, share: float
) -> None:
    killed_at(record, undisturbed, 1 + int(share * undisturbed.ingest_statements))


@pytest.mark.killed
@pytest.mark.parametrize("share", points(20, seed=3), ids=lambda share: f"{share:.0%}")
def test_at_whatever_instant_of_the_run(record: Record, undisturbed: Undisturbed, share: float) -> None:
    database = record.fresh("killed-after")
    record.killed_after(database, share * undisturbed.seconds)
    holds(record, database, undisturbed.content)
