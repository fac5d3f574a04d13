"""What every registered model promises of its forecasts: the daily job, on real files and a real store."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from pipeline.models import MODELS
from tests.market import Market, made_table

pytestmark = pytest.mark.tensorflow

AS_OF = "2025-06-05"
KNOWN_BEFORE = "2025-06-01"
"""Within the backtest: a fit that looks ahead of its origins, to the newest session, sees other prices."""
CONFIG = """
workers = 1
models = {models}
source = "csv:{folder}"
horizons = 2
assets = [
    {{ symbol = "GOOD-USD", calendar = "24/7" }},
    {{ symbol = "ODD-USD", calendar = "24/7", leads = ["GOOD-USD"], spreads = ["GOOD-USD"] }},
]

[transform]
time_steps = 5
train_sessions = 110

[lstm]
units = 3
epochs = 2
learning_rate = 0.05
min_improvement = 0.0
patience = 3
warm_epochs = 1
warm_audit_days = 1

[model.lstm-levels.lstm]
units = 3
epochs = 2

[backtest]
origins = 6
refit_every = 3

[download]
history_start = 2024-01-01
"""
ISSUED = """
SELECT model, symbol, kind, origin_date, horizon, forecast_close FROM forecasts WHERE kind <> 'audit'
ORDER BY model, symbol, kind, origin_date, horizon
"""
Issued = dict[str, list[tuple[object, ...]]]


def issued_in(folder: Path, tables: dict[str, pd.DataFrame]) -> Issued:
    """The forecasts of every model, as-of AS_OF, from these prices."""
    folder.mkdir()
    market = Market(folder)
    for symbol, table in tables.items():
        market.write(symbol, table)
    market.config.write_text(
        CONFIG.format(folder=folder, models=str(list(MODELS)).replace("'", '"')), encoding="utf-8"
    )
    assert market.run("--db", str(market.database), as_of=AS_OF) == 0
    with closing(sqlite3.connect(market.database)) as connection:
        found: Issued = {}
        for model, *rest in connection.execute(ISSUED):
            found.setdefault(model, []).append(tuple(rest))
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Issued, Issued, Issued]:
    """One run, the same again in another store, and one on files whose later prices are other ones."""
    folder = tmp_path_factory.mktemp("every")
    tables = {symbol: made_table(seed) for seed, symbol in enumerate(("GOOD-USD", "ODD-USD"))}
    altered = {symbol: table.copy() for symbol, table in tables.items()}
    for table in altered.values():
        is_later = table["Date"] >= KNOWN_BEFORE
        table.loc[is_later, ["Open", "High", "Low", "Close"]] *= 1.7
        assert is_later.any()
    return (
        issued_in(folder / "one", tables),
        issued_in(folder / "again", tables),
        issued_in(folder / "other", altered),
    )


@pytest.mark.parametrize("model", MODELS)
def test_it_forecasts_every_origin_with_positive_prices(model: str, runs: tuple[Issued, ...]) -> None:
    rows = runs[0][model]
    assert len(rows) == 2 * 2 * (6 + 1)
    assert all(0.0 < float(str(close)) < 1e6 for *_, close in rows)


@pytest.mark.parametrize("model", MODELS)
def test_it_forecasts_the_same_again_bit_for_bit(model: str, runs: tuple[Issued, ...]) -> None:
    assert runs[1][model] == runs[0][model]


@pytest.mark.parametrize("model", MODELS)
def test_prices_that_it_cannot_know_change_nothing(model: str, runs: tuple[Issued, ...]) -> None:
    before, after = ([row for row in run[model] if str(row[2]) < KNOWN_BEFORE] for run in (runs[0], runs[2]))
    assert len(before) == 2 * 2 * 3
    assert after == before


def test_models_are_not_all_the_same(runs: tuple[Issued, ...]) -> None:
    assert len({str(rows) for rows in runs[0].values()}) >= len(MODELS) - 2
