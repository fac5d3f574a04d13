"""The daily job on prices that pay dividends, learnt from and scored with them or without."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import execute
from pipeline.lag import judge_records
from pipeline.learn.adjust import adjusted
from pipeline.learn.intervals import conformal_radius
from pipeline.store import open_read_only, read, reading
from pipeline.types import Adjustment
from tests.market import Market, made_table

SYMBOL = "ODD-USD"
EX_ROWS = (60, 108, 130, 147, 156)
"""Before the backtest, and within it; 50 origins end with row 158."""
PAID = 12.0
MODELS = '["last-value", "drift", "ridge", "ensemble-mean"]'
ENSEMBLE = """
[ensemble]
members = ["drift", "ridge"]
"""
FAR = np.datetime64("2100-01-01")


def paying_table(seed: int) -> pd.DataFrame:
    """Prices that fall by just the dividend on its ex-date."""
    table = made_table(seed)
    table["Dividends"] = 0.0
    for row in EX_ROWS:
        close = table.loc[row - 1, "Close"] - PAID
        table.loc[row, ["Open", "High", "Low", "Close"]] = close
        table.loc[row, "Dividends"] = PAID
    return table


def run(folder: Path, adjust: Adjustment, tables: dict[str, pd.DataFrame], models: str, leads: str) -> Market:
    folder.mkdir()
    market = Market(folder)
    for symbol, table in tables.items():
        market.write(symbol, table)
    market.configure(models, leads)
    text = market.config.read_text(encoding="utf-8").replace("origins = 20", "origins = 50")
    text = text.replace("[transform]", f'[transform]\nadjust = "{adjust}"') + ENSEMBLE
    market.config.write_text(text, encoding="utf-8")
    assert market.run() == 0
    return market


@dataclass(frozen=True)
class Runs:
    """The same prices, under both settings."""

    splits: Market
    dividends: Market

    def __iter__(self) -> Iterator[Market]:
        return iter((self.splits, self.dividends))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("paying")
    tables = {"GOOD-USD": made_table(0), SYMBOL: paying_table(1)}
    return Runs(*(run(folder / str(one), one, tables, MODELS, "[]") for one in Adjustment))


def test_every_forecast_starts_from_the_close_as_traded(runs: Runs) -> None:
    for market in runs:
        other = market.ask(
            "SELECT f.origin_date FROM forecasts f JOIN prices p "
            "ON p.symbol = f.symbol AND p.session_date = f.origin_date WHERE f.last_close <> p.close"
        )
        assert other == []
        assert market.count("forecasts") == 2 * 4 * 51 * 2


def test_the_actual_close_is_the_last_one_and_the_total_return_since(runs: Runs) -> None:
    compared = """
        SELECT count(*), max(abs(s.actual_close / f.last_close - t.{close} / o.{close}))
        FROM scores s JOIN forecasts f USING (forecast_id)
        JOIN prices o ON o.symbol = f.symbol AND o.session_date = f.origin_date
        JOIN prices t ON t.symbol = f.symbol AND t.session_date = f.target_date
    """
    for market, close in ((runs.splits, "close"), (runs.dividends, "adj_close")):
        ((count, difference),) = market.ask(compared.format(close=close))
        assert int(str(count)) > 700
        assert float(str(difference)) < 1e-12


@pytest.mark.parametrize("row", EX_ROWS[-3:])
def test_a_fall_by_the_dividend_is_no_error_of_the_last_value_where_dividends_count(
    runs: Runs, row: int
) -> None:
    target = paying_table(1)["Date"][row]
    asked = (
        f"SELECT error, forecast_close - last_close FROM forecast_history WHERE symbol = '{SYMBOL}' "
        f"AND model = 'last-value' AND horizon = 1 AND target_date = '{target}'"
    )
    assert runs.splits.ask(asked) == [(pytest.approx(PAID, abs=1e-9), 0.0)]
    assert runs.dividends.ask(asked) == [(pytest.approx(0.0, abs=1e-9), 0.0)]


def test_a_fit_says_what_it_is_adjusted_for_and_its_hashes_pin_it(runs: Runs) -> None:
    asked = "SELECT DISTINCT adjustment FROM fits"
    assert [market.ask(asked) for market in runs] == [[("splits",)], [("dividends",)]]
    for column in ("data_hash", "config_hash"):
        hashes = f"SELECT {column} FROM fits WHERE symbol = '{SYMBOL}'"
        splits, dividends = (set(market.ask(hashes)) for market in runs)
        assert not splits & dividends


ISSUED = """
SELECT model, horizon, kind, origin_date, target_date, last_close, forecast_close, upper_80, actual_close
FROM forecasts LEFT JOIN scores USING (forecast_id) WHERE symbol = '{symbol}' ORDER BY 1, 2, 3, 4
"""


def test_without_dividends_the_setting_changes_no_price(runs: Runs) -> None:
    splits, dividends = (market.ask(ISSUED.format(symbol="GOOD-USD")) for market in runs)
    assert splits == dividends


@pytest.mark.parametrize("model", ["last-value", "drift", "ridge"])
def test_the_bands_of_a_backtest_rest_on_the_errors_that_are_scored(runs: Runs, model: str) -> None:
    rows = [
        row for row in runs.dividends.ask(ISSUED.format(symbol=SYMBOL)) if row[:3] == (model, 2, "backtest")
    ]
    origins, targets = (np.array([row[place] for row in rows]) for place in (3, 4))
    closes, upper, actual = np.array([row[6:] for row in rows], dtype=np.float64).T
    errors = np.abs(np.log(closes / actual))
    for origin, radius in list(zip(origins, np.log(upper / closes), strict=True))[10:]:
        known = np.sort(errors[targets <= origin])
        assert radius == pytest.approx(conformal_radius(known[None], 0.8)[0], abs=1e-12)


def test_the_verdict_rests_on_prices_adjusted_as_the_forecasts_are(runs: Runs) -> None:
    for market, adjustment in zip(runs, Adjustment, strict=True):
        with open_read_only(f"sqlite:///{market.database}") as engine, reading(engine) as connection:
            prices = read.prices(connection, SYMBOL, FAR)
            records = read.track_records(connection, SYMBOL, FAR)
        stored = market.ask(
            f"SELECT skill_as_issued FROM model_verdicts WHERE symbol = '{SYMBOL}' ORDER BY model, horizon"
        )
        expected, other = (
            [
                one.judgement.evidence.skill_as_issued
                for one in judge_records([(record, adjusted(prices, each)) for record in records])
            ]
            for each in (adjustment, *(one for one in Adjustment if one is not adjustment))
        )
        assert [found for (found,) in stored] == pytest.approx(expected, rel=1e-9)
        assert [found for (found,) in stored] != pytest.approx(other, rel=1e-3)


def test_a_verdict_on_them_can_be_explained(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    market = runs.dividends
    asked = ["verdicts", "--explain", SYMBOL, "drift", "--config", str(market.config)]
    assert execute(asked) == 0
    assert f"{SYMBOL} drift, 1 session ahead" in capsys.readouterr().out


@pytest.mark.parametrize("adjust", Adjustment)
def test_the_dividends_of_a_lead_count_where_dividends_do(adjust: Adjustment, tmp_path: Path) -> None:
    hashes = set()
    paying = paying_table(0)
    for name, lead in (("paying", paying), ("not", paying.assign(Dividends=0.0))):
        tables = {"GOOD-USD": lead, SYMBOL: made_table(1)}
        market = run(tmp_path / name, adjust, tables, '["ridge"]', '["GOOD-USD"]')
        asked = f"SELECT data_hash FROM fits WHERE symbol = '{SYMBOL}' AND kind = 'live'"
        hashes.update(market.ask(asked))
    assert len(hashes) == (1 if adjust is Adjustment.SPLITS else 2)
