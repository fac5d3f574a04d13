"""Read forecasts made elsewhere from a CSV file, checked row by row; every row left out is reported.

Rows are numbered as a spreadsheet shows them: the header is row 1. Everything is read as text first, so that
a value that cannot be used is quoted as written in the file.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from math import inf, nan
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import PricecastError, UsageError
from pipeline.lag.decision import MIN_FORECASTS
from pipeline.lag.market import HISTORY
from pipeline.lag.stretches import longest_stretch
from pipeline.show.text import count_text
from pipeline.types import SAME_PRICE, BoolArray, DateArray, IntArray, Trial

KEYS = ("symbol", "model")
DATES = ("origin_date", "target_date")
PRICES = ("last_close", "forecast", "actual")
COLUMNS_NEEDED = f"Its first row must name the columns {', '.join((*DATES, *PRICES))}, separated by commas."
TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:\d{2}.*$")
ONE_HORIZON = "Keep one row for each origin_date: a file is of one horizon."
ONLY_DAILY = "Keep one row for each day: only daily sessions are judged."
FARTHEST_HORIZON = 60
FEWEST_PAIRS = 10
"""Fewer pairs of rows cannot show which horizon a file has."""
NAMED = 3
"""The number of places of one kind of defect that a note names; it counts the rest."""


class ForecastFileError(PricecastError):
    """A file of forecasts, or one series in it, that cannot be judged as it is."""


@dataclass(frozen=True, eq=False)
class ForecastSeries:
    """The forecasts of one symbol by one model; "" where the file names none.

    `target_dates` (n,) are those of the trial's forecasts; `notes` say what was done to the rows.
    """

    symbol: str
    model: str
    trial: Trial
    target_dates: DateArray
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class UnusableSeries:
    """A series that cannot be judged: what was done to its rows, and why that was not enough."""

    symbol: str
    model: str
    error: ForecastFileError
    notes: tuple[str, ...]


def read_forecast_file(file: Path, horizon: int) -> tuple[ForecastSeries | UnusableSeries, ...]:
    """Read every series of a file, in order of first appearance, as forecasts `horizon` sessions ahead."""
    cells = _with_needed_columns(file, _text_cells(file))
    groups = cells.groupby(list(KEYS), sort=False)
    return tuple(_series(str(symbol), str(model), rows, horizon) for (symbol, model), rows in groups)


@dataclass(frozen=True, eq=False)
class _Kept:
    """The rows of a series still in use, NaN and NaT where unreadable, with all of its cells as text.

    Both frames are indexed by the rows' numbers in the file.
    """

    cells: pd.DataFrame
    rows: pd.DataFrame
    notes: tuple[str, ...] = ()

    def only(self, chosen: BoolArray, *notes: str) -> _Kept:
        return replace(self, rows=self.rows[chosen], notes=(*self.notes, *notes))

    def texts(self, column: str) -> pd.Series[str]:
        """The rows' cells of one column as written in the file."""
        return self.cells[column].loc[self.rows.index]


def _text_cells(file: Path) -> pd.DataFrame:
    """Read all cells as stripped text, with blank lines, so that a row's place is its number less 1."""
    if not file.exists() or file.is_dir():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise UsageError(f"{file} {what}", "Name a CSV file of forecasts.")
    try:
        cells = pd.read_csv(
            file, header=None, dtype=str, keep_default_na=False, skip_blank_lines=False, encoding="utf-8-sig"
        )
    except UnicodeDecodeError as error:
        raise ForecastFileError(f"{file} is not UTF-8 text", "Save it as a CSV file in UTF-8.") from error
    except pd.errors.EmptyDataError as error:
        raise ForecastFileError(f"{file} is empty", COLUMNS_NEEDED) from error
    except (ValueError, csv.Error) as error:
        what = f"{file} is not a readable CSV file: {_in_a_line(str(error))}"
        raise ForecastFileError(what, "Correct the file at that place.") from error
    except (OSError, EOFError, zlib.error) as error:
        what = f"{file} cannot be read: {_in_a_line(str(error))}"
        raise ForecastFileError(what, "Check the file and its permissions.") from error
    return cells.fillna("").map(str.strip)


def _with_needed_columns(file: Path, cells: pd.DataFrame) -> pd.DataFrame:
    """Select the rows below the header that are not blank, by number, with the columns of a series."""
    names = [name.lower() for name in cells.iloc[0]]
    missing = [name for name in (*DATES, *PRICES) if name not in names]
    if missing:
        there = ", ".join(f"'{name}'" for name in cells.iloc[0] if name) or "nothing"
        what = f"{file} has no column {', '.join(missing)} (its first row has {_in_a_line(there)})"
        raise ForecastFileError(what, COLUMNS_NEEDED)
    twice = [name for name in (*KEYS, *DATES, *PRICES) if names.count(name) > 1]
    if twice:
        raise ForecastFileError(f"{file} has two columns {twice[0]}", "Keep the one that is meant.")
    named = cells.set_axis(range(1, len(cells) + 1)).set_axis(names, axis="columns").iloc[1:]
    named = named[(named != "").any(axis=1)]
    if named.empty:
        raise ForecastFileError(f"{file} has no rows below its header", "Put the forecasts into it.")
    columns = [named[name] if name in names else pd.Series("", named.index, name=name) for name in KEYS]
    return pd.concat([*columns, named[[*DATES, *PRICES]]], axis=1)


def _series(symbol: str, model: str, cells: pd.DataFrame, horizon: int) -> ForecastSeries | UnusableSeries:
    steps: tuple[Callable[[_Kept], _Kept], ...] = (
        *(partial(_readable, columns=DATES[:1]), _in_order, _once, _come_true),
        *(partial(_readable, columns=(*DATES, *PRICES)), partial(_consecutive, horizon=horizon)),
        partial(_dated, horizon=horizon),
    )
    kept = _Kept(cells, _parsed(cells))
    try:
        for step in steps:
            kept = step(kept)
    except ForecastFileError as error:
        return UnusableSeries(symbol, model, error, kept.notes)
    targets = kept.rows["target_date"].to_numpy().astype("datetime64[D]")
    return ForecastSeries(symbol, model, _trial(kept.rows, horizon), targets[HISTORY:], kept.notes)


def _trial(rows: pd.DataFrame, horizon: int) -> Trial:
    """Make a trial of consecutive rows: the first 21 are its history, the last `horizon` actuals its end."""
    last_closes, forecasts, actuals = (rows[name].to_numpy(dtype=np.float64) for name in PRICES)
    log_prices = np.log(np.concatenate([last_closes, actuals[-horizon:]]))
    return Trial(horizon, log_prices, np.log(forecasts[HISTORY:]))


def _parsed(cells: pd.DataFrame) -> pd.DataFrame:
    dates = {name: np.array([_date(text) for text in cells[name]], dtype="datetime64[s]") for name in DATES}
    prices = {name: np.array([_price(text) for text in cells[name]], dtype=np.float64) for name in PRICES}
    return pd.DataFrame({**dates, **prices}, index=cells.index)


def _date(text: str) -> np.datetime64:
    """Parse the day of a date or moment that begins with the year; NaT for any other text."""
    try:
        return np.datetime64(date.fromisoformat(TIME_OF_DAY.sub("", text).replace("/", "-")), "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _price(text: str) -> float:
    """Parse a positive, finite number; NaN for any other text."""
    try:
        price = nan if "_" in text else float(text)
    except ValueError:
        return nan
    return price if 0.0 < price < inf else nan


def _readable(kept: _Kept, columns: Sequence[str]) -> _Kept:
    """Keep the rows whose cells in `columns` can be read, with a note for each column that has others."""
    is_bad = kept.rows[list(columns)].isna()
    notes = [
        _unreadable_note(column, kept.texts(column)[is_bad[column]])
        for column in columns
        if is_bad[column].any()
    ]
    return kept.only(~is_bad.any(axis=1).to_numpy(), *notes)


def _unreadable_note(column: str, texts: pd.Series[str]) -> str:
    wanted = "date like 2024-12-31" if column in DATES else "positive number"
    rows = _first(lambda row: f"row {row} ({_shown(texts[row])})", texts.index)
    return f"{column} is no {wanted} in {rows}: left out"


def _in_order(kept: _Kept) -> _Kept:
    if kept.rows["origin_date"].is_monotonic_increasing:
        return kept
    ordered = kept.rows.sort_values("origin_date", kind="stable")
    return replace(kept, rows=ordered, notes=(*kept.notes, "rows are not in order of origin_date: sorted"))


def _once(kept: _Kept) -> _Kept:
    """Keep one row for each origin; ForecastFileError if two rows of an origin differ."""
    rows = kept.rows
    numbers = rows.index.to_series()
    firsts = numbers.groupby(rows["origin_date"]).transform("first")
    contrary = numbers[rows["origin_date"].duplicated() & ~rows.duplicated()]
    if len(contrary):
        row = contrary.iloc[0]
        origin = _day(rows.loc[row, "origin_date"])
        what = f"rows {firsts[row]} and {row} both have origin_date {origin}, and differ"
        texts = kept.texts("origin_date")
        is_intraday = texts[row] != texts[firsts[row]] and TIME_OF_DAY.search(texts[row]) is not None
        raise ForecastFileError(what, ONLY_DAILY if is_intraday else ONE_HORIZON)
    is_repeated = rows.duplicated().to_numpy()
    if not is_repeated.any():
        return kept
    named = _first(lambda row: f"row {row} repeats row {firsts[row]}", numbers[is_repeated].tolist())
    return kept.only(~is_repeated, f"{named}: left out")


def _come_true(kept: _Kept) -> _Kept:
    """Drop the newest rows, which have no actual yet."""
    places = np.arange(len(kept.rows))
    settled = places[(kept.texts("actual") != "").to_numpy()]
    is_open = places > (settled[-1] if len(settled) else -1)
    if not is_open.any():
        return kept
    named = _first(partial(_place, kept.rows), places[is_open])
    return kept.only(~is_open, f"no actual yet in {named}: left out")


def _consecutive(kept: _Kept, horizon: int) -> _Kept:
    """Keep the longest stretch of consecutive sessions; ForecastFileError if it is too short to be judged."""
    rows = kept.rows
    is_same = _is_next_close(rows, horizon)
    _check_horizon(rows, horizon, is_same)
    # A stretch must be longer than the horizon, or no pair of its rows shows that sessions are consecutive.
    fewest = max(HISTORY + MIN_FORECASTS, horizon + 1)
    needed = f"{fewest} are needed, {HISTORY} of history and {fewest - HISTORY} forecasts"
    if len(rows) < fewest:
        usable = f"{count_text(len(rows), 'row')} of {len(kept.cells):,} can be used"
        raise ForecastFileError(f"{usable}; {needed}", "Give more rows, one for each session.")
    broken = np.flatnonzero(~is_same)
    if len(broken) == 0:
        return kept
    stretch = rows.iloc[longest_stretch(len(rows), broken, broken + horizon)]
    breaks = _breaks(rows, broken, horizon)
    if len(stretch) < fewest:
        what = f"because of gaps only {len(stretch)} of {len(rows):,} rows can be judged together; {needed}"
        raise ForecastFileError(f"{what}: {'; '.join(breaks)}", "Mend the rows at those places.")
    ends = f"{_place(stretch, 0)} to {_place(stretch, -1)}"
    judged = f"judged is the longest stretch, {count_text(len(stretch), 'row')} from {ends}"
    left_out = f"{count_text(len(rows) - len(stretch), 'row')} left out"
    return replace(kept, rows=stretch, notes=(*kept.notes, *breaks, f"{judged}; {left_out}"))


def _dated(kept: _Kept, horizon: int) -> _Kept:
    """Keep the rows, with a note on those whose target is not the origin `horizon` rows later."""
    origins, targets = (kept.rows[name].to_numpy() for name in DATES)
    odd = np.flatnonzero(targets[:-horizon] != origins[horizon:])
    if len(odd) == 0:
        return kept
    away = f"the origin_date {count_text(horizon, 'row')} further on"
    named = _first(
        lambda place: f"row {kept.rows.index[place]} ({_day(kept.rows['target_date'].iloc[place])})", odd
    )
    note = f"target_date is not {away} in {named}: judged in the order of the rows, as their prices agree"
    return replace(kept, notes=(*kept.notes, note))


def _is_next_close(rows: pd.DataFrame, horizon: int) -> BoolArray:
    """Compare each row's actual with the last_close of the row h later: (n - h,) booleans."""
    actuals, last_closes = rows["actual"].to_numpy(), rows["last_close"].to_numpy()
    return np.asarray(np.isclose(actuals[:-horizon], last_closes[horizon:], rtol=SAME_PRICE, atol=0.0))


def _check_horizon(rows: pd.DataFrame, horizon: int, is_same: BoolArray) -> None:
    """Raise ForecastFileError if the file is clearly of another horizon."""
    if len(is_same) and is_same.mean() >= 0.5:
        return
    found = [_is_next_close(rows, other) for other in range(1, FARTHEST_HORIZON + 1)]
    shares = [other.mean() if len(other) >= FEWEST_PAIRS else 0.0 for other in found]
    likeliest = int(np.argmax(shares)) + 1
    if shares[likeliest - 1] >= 0.9:
        away = f"{count_text(likeliest, 'row')} further on, not {horizon}"
        raise ForecastFileError(
            f"the actual of a row is the last_close {away}", f"Give --horizon {likeliest}."
        )


def _breaks(rows: pd.DataFrame, broken: IntArray, horizon: int) -> list[str]:
    """Describe what separates the rows: contradicting prices and missing sessions."""
    targets, origins = rows["target_date"].to_numpy(), rows["origin_date"].to_numpy()
    is_contrary = targets[broken] == origins[broken + horizon]
    contrary, gaps = broken[is_contrary], _apart(broken[~is_contrary], horizon)
    said = []
    if len(contrary):
        named = _first(partial(_contradiction, rows, horizon), contrary)
        said.append(f"{named}: are they on one price basis?")
    if gaps:
        named = _first(lambda gap: f"between {_place(rows, gap)} and {_place(rows, gap + horizon)}", gaps)
        said.append(f"sessions are missing {named}")
    return said


def _apart(places: IntArray, horizon: int) -> list[int]:
    """Select the `places` that do not overlap: a gap separates every pair of rows around it."""
    chosen: list[int] = []
    for place in places.tolist():
        if not chosen or place >= chosen[-1] + horizon:
            chosen.append(place)
    return chosen


def _contradiction(rows: pd.DataFrame, horizon: int, place: int) -> str:
    first, second = rows.iloc[place], rows.iloc[place + horizon]
    actual = f"actual {first['actual']:.10g} of row {first.name}"
    session = f"for the same session {_day(first['target_date'])}"
    return f"last_close {second['last_close']:.10g} of row {second.name} contradicts {actual} {session}"


def _place(rows: pd.DataFrame, place: int) -> str:
    return f"row {rows.index[place]} ({_day(rows['origin_date'].iloc[place])})"


def _first(describe: Callable[[int], str], places: Sequence[int] | IntArray | pd.Index[int]) -> str:
    """Describe the first few places, and count the rest."""
    more = f" and {len(places) - NAMED:,} more" if len(places) > NAMED else ""
    return ", ".join(describe(int(place)) for place in places[:NAMED]) + more


def _day(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%d}"


def _shown(text: str) -> str:
    line = _in_a_line(text)
    return f"'{line if len(line) <= 40 else line[:37] + '...'}'" if text else "empty"


def _in_a_line(text: str) -> str:
    return " ".join(text.split())
