"""Prices from CSV files: a folder of `SYMBOL.csv` files, or one long file with a symbol column."""

import difflib
from collections.abc import Collection
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.calendars import utc_moment
from pipeline.errors import SourceError
from pipeline.settings import AssetSettings
from pipeline.sources.csv_table import CsvTable, UnreadableFileError, read_table
from pipeline.types import CheckResult, FloatArray, RawPrices

SUFFIXES = (".csv", ".csv.gz")
DIVIDEND_STEPS = (1e-4, 0.5)
"""Relative steps of the adjustment factor that count as dividends: smaller is rounding, larger an error."""


class CsvSource:
    """A price source that reads CSV files, in the order of their rows; a long file is read once.

    Files are UTF-8, plain or .gz, with Yahoo's columns: Date, Open, High, Low, Close, Adj Close, Volume,
    Dividends, Stock Splits. Date and Close are required. Column names are matched without regard to case,
    blanks and punctuation; the first column that starts with 'volume' is the volume; other columns are
    ignored. The three header lines that yfinance writes are supported. If Open, High or Low is absent, all
    three are set to the close; without a volume column the volume is 0.

    Dates are ISO (a time and an offset are dropped: the local date counts), M/D/YYYY, 'Jul 31, 2017',
    '23-Jan-20', YYYY/MM/DD or YYYYMMDD; others become NaT and keep their text. Numbers may contain thousands
    commas, dollar signs and blanks. Empty cells, '-', 'null' and other text become NaN.

    With Adj Close but without Dividends, the dividends are computed by `implied_dividends`. Rows before
    `start` or after the UTC date of `as_of` are left out.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"csv:{path}"
        self._path = path
        self._long: CsvTable | None = None

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        """Read the rows as `PriceSource.download`; a SourceError names the file and the next step."""
        path = self._path
        try:
            path = self._file_of(asset.symbol)
            rows = _rows_of(asset.symbol, self._table(path), is_own=path != self._path)
            last = utc_moment(as_of).astype("datetime64[D]")
            shown = _between(rows, np.datetime64(start, "D"), last)
        except UnreadableFileError as error:
            raise SourceError(asset.symbol, f"{path} {error.what}", error.next_step) from error
        return RawPrices(asset.symbol, str(path), shown, start)

    def check(self, symbols: Collection[str]) -> CheckResult:
        """Check that the file exists, or the folder with a file for every symbol."""
        path = self._path
        if path.is_file():
            return CheckResult("source", ok=True, message=f"the file {path}")
        if not path.is_dir():
            next_step = "Set csv:PATH to an existing folder or file."
            return CheckResult("source", ok=False, message=f"{path} does not exist", next_step=next_step)
        absent = sorted(symbol for symbol in symbols if not self._has_file(symbol))
        if absent:
            return CheckResult(
                name="source",
                ok=False,
                message=f"{path} has no file for {', '.join(absent)}",
                next_step="Put their prices there as SYMBOL.csv or SYMBOL.csv.gz.",
            )
        return CheckResult("source", ok=True, message=f"the folder {path}")

    def _has_file(self, symbol: str) -> bool:
        """Check whether the folder has a file for a symbol."""
        return any((self._path / f"{symbol}{suffix}").is_file() for suffix in SUFFIXES)

    def _table(self, path: Path) -> CsvTable:
        """Read a file; the long file only once."""
        if path != self._path:
            return read_table(path)
        if self._long is None:
            self._long = read_table(path)
        return self._long

    def _file_of(self, symbol: str) -> Path:
        """Find the file of a symbol; UnreadableFileError if there is none."""
        if self._path.is_file():
            return self._path
        if not self._path.is_dir():
            raise UnreadableFileError("does not exist", "Set csv:PATH to an existing folder or file.")
        for suffix in SUFFIXES:
            path = self._path / f"{symbol}{suffix}"
            if path.is_file():
                return path
        files = sorted(path.name for path in self._path.iterdir() if path.name.endswith(SUFFIXES))
        similar = _similar(f"{symbol}.csv", files) or "the folder contains no CSV files"
        raise UnreadableFileError(
            f"has no {symbol}.csv ({similar})",
            f"Put the prices there as {symbol}.csv or {symbol}.csv.gz.",
        )


def implied_dividends(close: FloatArray, adj_close: FloatArray) -> FloatArray:
    """Compute the (n,) dividends implied by `close` and `adj_close`, both (n,), oldest first and finite.

    With the factor f = adj_close / close, the dividend on ex-date t is close[t-1] * (1 - f[t-1] / f[t]),
    provided that this relative step lies within DIVIDEND_STEPS and is larger than the rounding of the
    adjusted closes can explain; 0 otherwise and in the first row.

    >>> implied_dividends(np.array([100.0, 99.0]), np.array([99.0, 99.0])).round(9).tolist()
    [0.0, 1.0]
    """
    dividends = np.zeros(len(close))
    if len(close) > 1:
        factor = adj_close / close
        step = 1.0 - factor[:-1] / factor[1:]
        least, most = DIVIDEND_STEPS
        rounding = 2.0 * _resolution(adj_close) / np.minimum(adj_close[:-1], adj_close[1:])
        is_dividend = (step > np.maximum(least, rounding)) & (step < most)
        dividends[1:] = np.where(is_dividend, close[:-1] * step, 0.0)
    return dividends


def _resolution(values: FloatArray) -> float:
    """Find the unit that all values are rounded to: 0.01, 0.001 or 0.0001; 0 if none of them."""
    for decimals in (2, 3, 4):
        if np.allclose(values, np.round(values, decimals), rtol=0.0, atol=1e-9):
            return float(10.0**-decimals)
    return 0.0


def _rows_of(symbol: str, table: CsvTable, *, is_own: bool) -> pd.DataFrame:
    """Select the rows of one symbol and add implied dividends.

    In a file of its own (`is_own`), the symbol column may be absent or hold one other name.
    """
    if symbol in table.places:
        rows: pd.DataFrame = table.rows.iloc[table.places[symbol]].reset_index(drop=True)
    elif is_own and len(table.places) <= 1:
        rows = table.rows.copy()
    elif table.symbols is None:
        raise UnreadableFileError(
            "has no symbol column",
            "Add one named Symbol, Ticker or Name, or set csv:PATH to a folder of SYMBOL.csv files.",
        )
    else:
        similar = _similar(symbol, list(table.places)) or "its symbol column is empty"
        raise UnreadableFileError(
            f"has no rows of {symbol} ({similar})", "Correct the symbol, or add its rows to the file."
        )
    if rows["dividend"].isna().all() and rows["adj_close"].notna().any():
        rows["dividend"] = _dividends(rows)
    return rows


def _similar(wanted: str, names: list[str]) -> str:
    """List the five names most similar to the wanted one; empty if there are no names."""
    near = difflib.get_close_matches(wanted, names, n=5, cutoff=0.0)
    return f"there is {', '.join(near)}" if near else ""


def _dividends(rows: pd.DataFrame) -> FloatArray:
    """Compute the implied dividends (n,) of n rows in any order; 0 for unusable rows."""
    usable = rows["session_date"].notna() & (rows["close"] > 0.0) & (rows["adj_close"] > 0.0)
    known = rows[usable & np.isfinite(rows["close"]) & np.isfinite(rows["adj_close"])]
    known = known.sort_values("session_date", kind="stable")
    dividends = np.zeros(len(rows))
    dividends[known.index] = implied_dividends(known["close"].to_numpy(), known["adj_close"].to_numpy())
    return dividends


def _between(rows: pd.DataFrame, first: np.datetime64, last: np.datetime64) -> pd.DataFrame:
    """Select the rows dated `first` to `last`, and those without a readable date."""
    dates = rows["session_date"]
    if dates.isna().all():
        what = f"has no readable date in the rows of the symbol, e.g. '{rows['date_text'].iloc[0]}'"
        raise UnreadableFileError(what, "Write dates as YYYY-MM-DD.")
    is_shown = (dates >= first) & (dates <= last)
    if not is_shown.any():
        covered = f"it covers {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}"
        raise UnreadableFileError(
            f"has no prices from {first} to {last} ({covered})",
            "Change --as-of or download.history_start, or supply a file that covers these dates.",
        )
    shown: pd.DataFrame = rows[is_shown | dates.isna()].reset_index(drop=True)
    return shown
