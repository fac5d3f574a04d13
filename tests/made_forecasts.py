"""Files of forecasts made for tests: text cells of a random walk, and the file they are written to."""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.made import made_dates

COLUMNS = ["origin_date", "target_date", "last_close", "forecast", "actual"]


def made_cells(n: int = 120, *, horizon: int = 1, age: int = 0, seed: int = 5) -> pd.DataFrame:
    """n rows of text whose forecasts are the last close `age` rows before; row r of the file is at r - 2."""
    rng = np.random.default_rng(seed)
    prices = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, age + n + horizon)))
    dates = made_dates(n + horizon)
    columns = (dates[:n], dates[horizon:], prices[age:-horizon], prices[:n], prices[age + horizon :])
    texts = ([str(value) for value in column.tolist()] for column in columns)
    return pd.DataFrame(dict(zip(COLUMNS, texts, strict=True)), dtype=object)


def noisy_cells(n: int = 120, *, horizon: int = 1, seed: int = 5) -> pd.DataFrame:
    """The same, with forecasts that know half of the move, under noise: no number of theirs is trivial."""
    cells = made_cells(n, horizon=horizon, seed=seed)
    last, actual = (cells[name].astype(float) for name in ("last_close", "actual"))
    noise = np.random.default_rng(seed + 1).normal(0.0, 0.02, n)
    forecasts = last * np.exp(0.5 * np.log(actual / last) + noise)
    return cells.assign(forecast=[str(value) for value in forecasts.tolist()])


def written(folder: Path, cells: pd.DataFrame, name: str = "forecasts.csv") -> Path:
    cells.to_csv(folder / name, index=False)
    return folder / name


def with_cell(cells: pd.DataFrame, row: int, column: str, text: str) -> pd.DataFrame:
    """The same with another text in the spreadsheet's row `row`."""
    changed = cells.copy()
    changed.loc[row - 2, column] = text
    return changed


def without_rows(cells: pd.DataFrame, *rows: int) -> pd.DataFrame:
    return cells.drop(index=[row - 2 for row in rows])
