"""Odd bars of ODD-USD, made for a market, and what the command line and the store tell of them."""

import json

import pandas as pd

from tests.conftest import Run
from tests.market import AS_OF, Market, made_table, times

ROW, DATE = 150, "2025-05-31"
"""A row of the table, and its session."""


def odd_table(factor: float, rows: slice, noise: float = 0.0) -> pd.DataFrame:
    """From a factor and rows, make ODD-USD with these rows multiplied, and every row by 1 + `noise`."""
    return times(times(made_table(1), slice(None), 1.0 + noise), rows, factor)


def download(run: Run, as_of: str = AS_OF, *words: str) -> None:
    """From a command line, a day and more words, download what the market has by then."""
    assert run("download", "--as-of", as_of, *words)[0] == 0


def listed(run: Run, *words: str) -> list[dict[str, object]]:
    """From a command line and more words, read the rows that `quarantine list` shows."""
    code, out, err = run("quarantine", "list", "--json", *words)
    assert (code, err) == (0, "")
    found: list[dict[str, object]] = json.loads(out)
    return found


def ids(run: Run) -> list[str]:
    """From a command line, read the numbers that `quarantine list` shows."""
    return [str(row["id"]) for row in listed(run)]


def stored(market: Market, date: str = DATE) -> list[float]:
    """From a market and a date, read the closes of ODD-USD that are stored: one, or none."""
    found = market.ask(f"SELECT close FROM prices WHERE symbol = 'ODD-USD' AND session_date = '{date}'")
    return [float(str(close)) for (close,) in found]
