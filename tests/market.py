"""A folder of CSV files in Yahoo's format, made by the tests, and the daily job on it."""

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cli import execute
from tests.made import made_bars

FIRST, SESSIONS = "2025-01-01", 160
AS_OF = "2025-06-10"
"""The last of the sessions settles three hours into this day."""
CONFIG = """
source = "csv:{folder}"
database = "sqlite:///{database}"
horizons = 2
models = {models}
assets = {assets}

[transform]
time_steps = 5
train_sessions = 120

[backtest]
origins = 20
refit_every = 20

[download]
history_start = 2024-01-01
"""


def made_table(seed: int) -> pd.DataFrame:
    """SESSIONS daily rows of a 24/7 market from FIRST on."""
    bars = made_bars(SESSIONS, seed)
    return pd.DataFrame(
        {
            "Date": pd.date_range(FIRST, periods=SESSIONS, freq="D").strftime("%Y-%m-%d"),
            "Open": bars.open,
            "High": bars.high,
            "Low": bars.low,
            "Close": bars.close,
            "Volume": bars.volume,
        }
    )


@dataclass(frozen=True)
class Market:
    """One good asset, GOOD-USD, and ODD-USD, which tests make odd."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "prices.db"

    @property
    def config(self) -> Path:
        return self.folder / "market.toml"

    def write(self, symbol: str, table: pd.DataFrame) -> Path:
        file = self.folder / f"{symbol}.csv"
        table.to_csv(file, index=False)
        return file

    def configure(self, models: str = '["last-value", "drift"]', leads: str = "[]") -> None:
        assets = (
            '[{ symbol = "GOOD-USD", calendar = "24/7" }, '
            f'{{ symbol = "ODD-USD", calendar = "24/7", leads = {leads} }}]'
        )
        text = CONFIG.format(folder=self.folder, database=self.database, models=models, assets=assets)
        self.config.write_text(text, encoding="utf-8")

    def reaches_back_to(self, day: str) -> None:
        """Have the history start on another day."""
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(
            re.sub(r"history_start = .*", f"history_start = {day}", text), encoding="utf-8"
        )

    def run(self, *options: str, as_of: str = AS_OF) -> int:
        return execute(["run", "--direct", "--config", str(self.config), "--as-of", as_of, *options])

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql).fetchall()

    def change(self, sql: str) -> None:
        """What no user should do to a record: for tests of what the job makes of it."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(sql)

    def count(self, table: str, condition: str = "1") -> int:
        ((number,),) = self.ask(f"SELECT count(*) FROM {table} WHERE {condition}")
        assert isinstance(number, int)
        return number

    def summary(self) -> dict[str, object]:
        ((text,),) = self.ask("SELECT summary FROM runs ORDER BY run_id DESC LIMIT 1")
        found: dict[str, object] = json.loads(str(text))
        return found


def market_in(folder: Path) -> Market:
    market = Market(folder)
    market.configure()
    for seed, symbol in enumerate(("GOOD-USD", "ODD-USD")):
        market.write(symbol, made_table(seed))
    return market


def without(table: pd.DataFrame, rows: slice) -> pd.DataFrame:
    return table.drop(table.index[rows]).reset_index(drop=True)


def with_prices(table: pd.DataFrame, rows: slice, value: float) -> pd.DataFrame:
    changed = table.copy()
    changed.iloc[rows, 1:5] = np.float64(value)
    return changed


def times(table: pd.DataFrame, rows: slice, factor: float) -> pd.DataFrame:
    """With the prices of some rows so many times as high."""
    changed = table.copy()
    changed.iloc[rows, 1:5] *= factor
    return changed
