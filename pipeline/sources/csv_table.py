"""Read one CSV file of prices into a table of raw columns, tolerating common header and date formats."""

import csv
import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.types import OHLC, RAW_COLUMNS, DateArray, FloatArray, IntArray

COLUMN_KEYS = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "adjclose": "adj_close",
    "dividends": "dividend",
    "stocksplits": "split_ratio",
}
DATE_KEYS = ("date", "datetime")
SYMBOL_KEYS = ("symbol", "ticker", "name")
MISSING = ["", "-", "null", "None", "nan", "NaN"]
DATE_FORMATS = (
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%y",
    "%d-%b-%Y",
    "%Y/%m/%d",
    "%Y%m%d",
)
DAY_FIRST = "%d/%m/%Y"


class UnreadableFileError(Exception):
    """A file that cannot be read: what is wrong and the next step; the caller adds asset and path."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.what = what
        self.next_step = next_step


@dataclass(frozen=True, eq=False)
class CsvTable:
    """The n rows of a file in its order with the columns RAW_COLUMNS, and their symbols (None: no column)."""

    rows: pd.DataFrame
    symbols: pd.Series | None

    @cached_property
    def places(self) -> dict[str, IntArray]:
        """The row numbers of each symbol; empty without a symbol column."""
        if self.symbols is None:
            return {}
        groups = self.rows.groupby(self.symbols, sort=False).indices
        return {str(symbol): np.asarray(places, dtype=np.int64) for symbol, places in groups.items()}


def read_table(path: Path) -> CsvTable:
    """Read a plain or gzipped CSV file as a table; UnreadableFileError if it cannot be read."""
    try:
        cells = _read_cells(path)
    except UnicodeDecodeError as error:
        raise UnreadableFileError("is not UTF-8 text", "Save it as a CSV file in UTF-8.") from error
    except (ValueError, csv.Error) as error:
        what = f"is not a readable CSV file: {error}"
        raise UnreadableFileError(what, "Correct the file at that line.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFileError(
            f"cannot be read: {error}", "Check the file and its permissions."
        ) from error
    if cells.empty:
        raise UnreadableFileError("contains no rows", "Add a header and prices, or remove the file.")
    return _parsed(cells)


def _read_cells(path: Path) -> pd.DataFrame:
    """Read the cells under the file's column names: numbers if the whole column is numeric, else text."""
    header = _header_lines(path)
    names = [name.strip() for name in header[0]]
    if not any(names):
        return pd.DataFrame()
    is_stacked = [line[:1] for line in header] == [["Price"], ["Ticker"], ["Date"]]
    texts = [0] if is_stacked else _text_places(names)
    cells = pd.read_csv(
        path,
        encoding="utf-8-sig",
        skiprows=3 if is_stacked else 1,
        header=None,
        names=range(len(names)),
        index_col=False,
        dtype=dict.fromkeys(texts, str),
        keep_default_na=False,
        na_values=MISSING,
    )
    return _long_form(cells, names, header[1]) if is_stacked else cells.set_axis(names, axis="columns")


def _text_places(names: Sequence[str]) -> list[int]:
    """Find the columns that are never read as numbers: dates, and symbols such as NA, TRUE or 600519."""
    return [place for place, name in enumerate(names) if _key(name) in (*DATE_KEYS, *SYMBOL_KEYS)]


def _header_lines(path: Path) -> list[list[str]]:
    """Read the first three lines as lists of cells; fewer if the file is shorter."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
        return list(islice(csv.reader(lines), 3)) or [[]]


def _long_form(cells: pd.DataFrame, names: Sequence[str], tickers: Sequence[str]) -> pd.DataFrame:
    """Reshape yfinance's wide format, with a block of columns per ticker, to a block of rows per ticker."""
    blocks = []
    for ticker in dict.fromkeys(tickers[1:]):
        places = [place for place in range(1, len(names)) if tickers[place] == ticker]
        block = cells[places].set_axis([names[place] for place in places], axis="columns")
        blocks.append(block.assign(Date=cells[0], Ticker=ticker))
    return pd.concat(blocks, ignore_index=True)


def _parsed(cells: pd.DataFrame) -> CsvTable:
    """Parse dates and numbers and map the file's columns to RAW_COLUMNS."""
    keys = [_key(str(name)) for name in cells.columns]
    # Reversed, so that the first of several columns with the same name is used.
    found = {key: cells.iloc[:, place] for place, key in reversed(list(enumerate(keys)))}
    dates = _required(found, DATE_KEYS, "Date", cells).fillna("")
    _required(found, ("close",), "Close", cells)
    rows = pd.DataFrame({name: _numbers(found[key]) for key, name in COLUMN_KEYS.items() if key in found})
    if not set(OHLC) <= set(rows.columns):
        rows = rows.assign(open=rows["close"], high=rows["close"], low=rows["close"])
    volume_key = next((key for key in keys if key.startswith("volume")), None)
    rows["volume"] = 0.0 if volume_key is None else _numbers(found[volume_key])
    rows["date_text"] = dates.to_numpy()
    rows["session_date"] = _dates(dates)
    symbol_key = next((key for key in SYMBOL_KEYS if key in found), None)
    symbols = None if symbol_key is None else found[symbol_key].str.strip()
    return CsvTable(rows.reindex(columns=list(RAW_COLUMNS)), symbols)


def _required(
    found: Mapping[str, pd.Series], keys: Sequence[str], name: str, cells: pd.DataFrame
) -> pd.Series:
    """Find the column under one of `keys`; UnreadableFileError names the columns if there is none."""
    for key in keys:
        if key in found:
            return found[key]
    columns = ", ".join(f"'{column}'" for column in cells.columns)
    raise UnreadableFileError(f"has no {name} column (it has {columns})", f"Name the column {name}.")


def _key(name: str) -> str:
    """Normalise a column name to its lower-case letters."""
    return "".join(letter for letter in name.lower() if letter.isalpha())


def _numbers(cells: pd.Series) -> FloatArray:
    """Parse a column as floats; NaN for text that is no number."""
    if not pd.api.types.is_numeric_dtype(cells):
        cells = pd.to_numeric(cells.astype(str).str.replace(r"[$,\s]", "", regex=True), errors="coerce")
    return cells.to_numpy(dtype="float64")


def _dates(texts: pd.Series) -> DateArray:
    """Parse (n,) texts as dates (datetime64[s]), each distinct text once; NaT where unreadable."""
    codes, different = pd.factorize(texts)
    days = pd.Series(different, dtype=str).str.strip().str.replace(r"[ T]\d{1,2}:\d{2}.*$", "", regex=True)
    # pandas parses 'now' and 'today' as dates in any format.
    days = days.where(days.str.contains(r"\d"), "")
    dates = pd.Series(pd.NaT, index=days.index, dtype="datetime64[s]")
    for pattern in DATE_FORMATS:
        dates = dates.fillna(_matching(days, pattern))
    unread = days[dates.isna()]
    if len(unread) == len(days):
        what = f"has no readable date, e.g. '{texts.iloc[0]}'"
        raise UnreadableFileError(what, "Write dates as YYYY-MM-DD.")
    if _matching(unread, DAY_FIRST).notna().any():
        what = f"seems to have dates with the day before the month, e.g. '{unread.iloc[0]}'"
        raise UnreadableFileError(what, "Write dates as YYYY-MM-DD: D/M/YYYY would be read as M/D/YYYY.")
    return dates.to_numpy()[codes]


def _matching(days: pd.Series, pattern: str) -> pd.Series:
    """Parse the texts in one date format; NaT for the others."""
    return pd.to_datetime(days, format=pattern, errors="coerce").astype("datetime64[s]")
