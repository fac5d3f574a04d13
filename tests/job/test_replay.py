"""The forecasts of an old run, made again after everything around them has changed."""

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipeline.clock import parse_moment
from pipeline.errors import PricecastError, UsageError
from pipeline.job.daily import run_daily, run_download
from pipeline.job.replay import CONFIGURED_OTHERWISE, OF_MEMBERS, OTHER_BITS, replay
from pipeline.job.request import Request
from pipeline.settings import load_settings
from pipeline.sources import open_source
from pipeline.store import open_read_only, open_store, write, writing
from pipeline.types import Replayed, RunStatus, RunSummary
from tests.market import Market, made_table, market_in

pytestmark = pytest.mark.slow

DAY = "2025-06-06"
NEXT = "2025-06-08"
FIRST_NIGHT = datetime.fromisoformat("2025-06-20T01:00:00Z")
MODELS = '["last-value", "drift", "ridge", "ensemble-mean"]'
ISSUED = (
    "SELECT count(*) FROM forecasts WHERE run_id = {run} AND model NOT LIKE 'ensemble%' AND kind <> 'audit'"
)


@pytest.fixture
def market(tmp_path: Path) -> Market:
    market = market_in(tmp_path)
    market.configure(MODELS)
    configure(market, '\n[ensemble]\nmembers = ["drift", "ridge"]\n')
    return market


def configure(market: Market, added: str = "", **replaced: str) -> None:
    text = market.config.read_text(encoding="utf-8")
    for old, new in replaced.items():
        name = old.replace("__", " = ")
        assert name in text
        text = text.replace(name, new)
    market.config.write_text(text + added, encoding="utf-8")


def run(market: Market, day: str, days_later: float = 0.0, command: str = "run") -> RunSummary:
    """The daily job as of a day, on a night of its own."""
    settings = load_settings(market.config)
    source, at = open_source(settings.source, settings.download), FIRST_NIGHT + timedelta(days=days_later)
    job = run_daily if command == "run" else run_download
    with open_store(settings.database) as store:
        return job(Request(settings, parse_moment(day), command=command), source, store, clock=lambda: at)


def made_again(market: Market, run_id: int = 1) -> tuple[Replayed, ...]:
    with open_read_only(f"sqlite:///{market.database}") as engine:
        return replay(engine, run_id)


def assert_same(market: Market, run_id: int = 1) -> None:
    """Every forecast of the run comes again, and there are some."""
    found = made_again(market, run_id)
    alone = [one for one in found if one.note != OF_MEMBERS]
    ((stored,),) = market.ask(ISSUED.format(run=run_id))
    assert [(one.symbol, one.model, one.same, one.note) for one in alone] == [
        (one.symbol, one.model, one.issued, "") for one in alone
    ]
    assert sum(one.issued for one in alone) == stored > 0


def is_in_error(market: Market, run_id: int, model: str = "ridge") -> list[Replayed]:
    return [one for one in made_again(market, run_id) if one.same != one.issued and one.model == model]


def revised(seed: int, row: int, factor: float = 1.001) -> pd.DataFrame:
    table = made_table(seed)
    table.loc[row, ["Open", "High", "Low", "Close"]] *= factor
    return table


def paying(amount: float, seed: int = 1, row: int = 150) -> pd.DataFrame:
    table = made_table(seed).assign(Dividends=0.0)
    table.loc[row, "Dividends"] = amount
    return table


def halved(row: int, seed: int = 1) -> pd.DataFrame:
    """A history in the units of a split of 2:1 on the date of a row."""
    table = made_table(seed).assign(Dividends=0.0, **{"Stock Splits": 0.0})
    table[["Open", "High", "Low", "Close"]] /= 2.0
    table["Volume"] *= 2.0
    table.loc[row, "Stock Splits"] = 2.0
    return table


def test_forecasts_come_again_bit_for_bit(market: Market) -> None:
    run(market, DAY)
    run(market, NEXT, 2)
    assert_same(market, 1)
    assert_same(market, 2)


def test_both_the_backtest_and_the_live_forecasts_are_made_again(market: Market) -> None:
    run(market, DAY)
    found = {(one.symbol, one.model): one for one in made_again(market)}
    assert found["GOOD-USD", "ridge"] == Replayed("GOOD-USD", "ridge", 2 * (20 + 1), 2 * (20 + 1), "")
    run(market, NEXT, 2)
    found = {(one.symbol, one.model): one for one in made_again(market, 2)}
    assert found["ODD-USD", "drift"] == Replayed("ODD-USD", "drift", 2, 2, "")


def test_nothing_is_written(market: Market) -> None:
    run(market, DAY)
    before = market.database.read_bytes()
    made_again(market)
    assert market.database.read_bytes() == before


def test_an_ensemble_is_named_and_not_counted(market: Market) -> None:
    run(market, DAY)
    ensembles = [one for one in made_again(market) if one.model == "ensemble-mean"]
    assert ensembles == [
        Replayed("GOOD-USD", "ensemble-mean", 0, 0, OF_MEMBERS),
        Replayed("ODD-USD", "ensemble-mean", 0, 0, OF_MEMBERS),
    ]


def test_forecasts_come_again_after_bars_were_revised(market: Market) -> None:
    run(market, DAY)
    market.write("ODD-USD", revised(1, 150))
    run(market, NEXT, 2)
    market.write("ODD-USD", revised(1, 150, 1.002))
    run(market, NEXT, 3)
    assert market.count("price_bars", "superseded_at_utc IS NOT NULL") == 2
    for run_id in (1, 2):
        assert_same(market, run_id)


def test_two_runs_of_one_second_are_made_again_each_from_its_own_prices(market: Market) -> None:
    configure(market, horizons__2="horizons = 2\nseed = 1")
    run(market, DAY)
    market.write("ODD-USD", revised(1, 150))
    configure(market, seed__1="seed = 2")
    run(market, DAY)
    assert market.count("price_bars", "superseded_at_utc IS NOT NULL") == 1
    assert_same(market, 1)
    assert_same(market, 2)


def test_forecasts_come_again_after_a_split_has_re_based_the_history(market: Market) -> None:
    run(market, DAY)
    market.write("ODD-USD", halved(row=157))
    run(market, NEXT, 2)
    assert market.count("rebasings") == 1
    assert_same(market, 1)
    assert_same(market, 2)


@pytest.mark.parametrize("model", ["last-value", "ridge"])
@pytest.mark.parametrize(
    ("before", "after"),
    [(0.0, 3.0), (3.0, 4.0), (3.0, 0.0)],
    ids=["added", "corrected", "withdrawn"],
)
def test_forecasts_come_again_after_a_dividend_has_changed(
    market: Market, model: str, before: float, after: float
) -> None:
    market.configure(f'["{model}"]')
    configure(market, time_steps__5='time_steps = 5\nadjust = "dividends"')
    market.write("ODD-USD", paying(before))
    run(market, DAY)
    market.write("ODD-USD", paying(after))
    run(market, DAY, 1)
    run(market, NEXT, 20)
    current = market.count("corporate_actions", f"value = {after} AND superseded_at_utc IS NULL")
    assert current == (1 if after else 0)
    assert market.count("corporate_actions", "superseded_at_utc IS NULL") == current
    assert_same(market, 1)
    assert_same(market, 3)


def test_forecasts_come_again_whatever_the_environment_and_the_file_say_now(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(market, DAY)
    market.config.write_text("horizons = 5\nmodels = ['drift']\n[transform]\ntime_steps = 9\n")
    monkeypatch.chdir(market.folder)
    monkeypatch.setenv("PRICECAST_CONFIG", str(market.config))
    monkeypatch.setenv("PRICECAST_HORIZONS", "3")
    monkeypatch.setenv("PRICECAST_SEED", "8")
    monkeypatch.setenv("PRICECAST_TRANSFORM__TRAIN_SESSIONS", "60")
    monkeypatch.setenv("PRICECAST_BACKTEST__ORIGINS", "7")
    assert_same(market)


def test_forecasts_come_again_when_the_files_are_gone(market: Market) -> None:
    run(market, DAY)
    for file in market.folder.glob("*.csv"):
        file.unlink()
    assert_same(market)


def test_forecasts_of_an_asset_with_a_lead_rest_on_the_lead_as_it_was(market: Market) -> None:
    market.configure('["ridge"]', '["GOOD-USD"]')
    run(market, DAY)
    market.write("GOOD-USD", revised(0, 150, 1.01))
    run(market, NEXT, 2)
    assert_same(market, 1)
    assert_same(market, 2)


def test_leads_that_the_fit_chose_are_chosen_again(market: Market) -> None:
    market.configure('["ridge"]')
    text = market.config.read_text(encoding="utf-8").replace("leads = []", 'leads = "auto"')
    market.config.write_text(text, encoding="utf-8")
    run(market, DAY)
    market.write("GOOD-USD", revised(0, 150, 1.01))
    run(market, NEXT, 2)
    assert market.count("fit_leads") > 0
    assert_same(market, 1)
    assert_same(market, 2)


def test_a_past_day_that_is_run_late_is_made_again_from_what_was_known_late(market: Market) -> None:
    run(market, NEXT)
    market.write("ODD-USD", revised(1, 150))
    run(market, DAY, 1)
    market.write("ODD-USD", revised(1, 150, 1.1))
    run(market, NEXT, 2)
    assert_same(market, 1)
    assert_same(market, 2)


@pytest.mark.parametrize("column", ["forecast_close", "last_close"])
@pytest.mark.parametrize("kind", ["live", "backtest"])
def test_a_forecast_that_somebody_changed_is_found(market: Market, column: str, kind: str) -> None:
    run(market, DAY)
    one = (
        "SELECT max(forecast_id) FROM forecasts "
        f"WHERE model = 'ridge' AND symbol = 'ODD-USD' AND kind = '{kind}'"
    )
    market.change(f"UPDATE forecasts SET {column} = {column} * (1 + 1e-14) WHERE forecast_id = ({one})")
    assert is_in_error(market, 1) == [Replayed("ODD-USD", "ridge", 42, 41, OTHER_BITS)]


def test_a_target_that_somebody_moved_is_found(market: Market) -> None:
    run(market, DAY)
    one = "SELECT max(forecast_id) FROM forecasts WHERE model = 'ridge' AND symbol = 'ODD-USD'"
    market.change(f"UPDATE forecasts SET target_date = '2025-06-30' WHERE forecast_id = ({one})")
    assert is_in_error(market, 1) == [Replayed("ODD-USD", "ridge", 42, 41, OTHER_BITS)]


def test_a_bar_that_somebody_changed_is_found(market: Market) -> None:
    run(market, DAY)
    market.change("UPDATE price_bars SET close = close * 1.01 WHERE session_date = '2025-06-01'")
    assert {one.symbol for one in is_in_error(market, 1)} == {"GOOD-USD", "ODD-USD"}


def test_another_version_of_pricecast_is_named_where_forecasts_differ(market: Market) -> None:
    run(market, DAY)
    market.change("UPDATE runs SET code_version = '0.0.9'")
    assert_same(market)
    market.change("UPDATE forecasts SET forecast_close = forecast_close * 1.01 WHERE model = 'drift'")
    for one in is_in_error(market, 1, "drift"):
        assert one.note.startswith(f"{OTHER_BITS}; issued by pricecast 0.0.9, this is ")


def test_settings_that_make_another_model_now_are_named(market: Market) -> None:
    run(market, DAY)
    market.change("UPDATE runs SET settings = replace(settings, '\"seed\":7', '\"seed\":8')")
    for one in made_again(market):
        assert one.note in {OF_MEMBERS, CONFIGURED_OTHERWISE}
        assert one.same == 0


def test_a_model_that_is_no_more_is_named(market: Market) -> None:
    run(market, DAY)
    for table in ("fits", "forecasts"):
        market.change(f"UPDATE {table} SET model = 'oracle' WHERE model = 'drift'")
    found = [one for one in made_again(market) if one.model == "oracle"]
    assert [(one.issued, one.same) for one in found] == [(42, 0)] * 2
    assert all("oracle" in one.note for one in found)


def test_settings_that_this_version_cannot_read_are_an_error_that_says_so(market: Market) -> None:
    run(market, DAY)
    market.change("UPDATE runs SET settings = replace(settings, '\"seed\"', '\"seeds_of_old\"')")
    with pytest.raises(PricecastError, match="the settings of run 1 cannot be read") as caught:
        made_again(market)
    assert "seeds_of_old" in caught.value.what
    assert "pricecast" in caught.value.next_step


def test_a_run_that_does_not_exist_is_refused(market: Market) -> None:
    run(market, DAY)
    with pytest.raises(UsageError, match="there is no run 2"):
        made_again(market, 2)


def test_a_run_without_forecasts_has_nothing_to_make_again(market: Market) -> None:
    assert run(market, DAY, command="download").status is RunStatus.DONE
    assert made_again(market) == ()
    run(market, DAY, 1)
    run(market, DAY, 2)
    assert_same(market, 2)
    assert made_again(market, 3) == ()


WARM = """
[lstm]
units = 3
epochs = 2
warm_epochs = 1
warm_audit_days = 2
min_improvement = 0.0
"""
"""Weights change with every fit, however little there is to learn."""


def warm_market(folder: Path, origins: int) -> Market:
    market = market_in(folder)
    market.configure('["lstm-univariate"]')
    configure(market, WARM, origins__20=f"origins = {origins}", refit_every__20="refit_every = 2")
    market.config.write_text("workers = 1\n" + market.config.read_text(encoding="utf-8"), encoding="utf-8")
    return market


def prune(market: Market) -> None:
    with open_store(f"sqlite:///{market.database}") as store, writing(store) as connection:
        write.prune_weights(connection, FIRST_NIGHT + timedelta(days=900))


@pytest.mark.tensorflow
def test_a_warm_run_comes_again_until_its_weights_are_pruned(tmp_path: Path) -> None:
    market = warm_market(tmp_path, origins=4)
    run(market, DAY)
    run(market, NEXT, 2)
    run(market, "2025-06-07", 3)
    for run_id in (1, 2, 3):
        assert_same(market, run_id)
    assert market.count("fits", "run_id = 2 AND way = 'warm'") == 2
    prune(market)
    assert_same(market, 1)
    for one in made_again(market, 2):
        assert (one.issued, one.same) == (2, 0)
        assert one.note == f"{OTHER_BITS}; the weights that it went on from are no longer kept"


@pytest.mark.tensorflow
def test_a_changed_forecast_of_a_warm_run_is_not_put_down_to_its_weights(tmp_path: Path) -> None:
    market = warm_market(tmp_path, origins=4)
    run(market, DAY)
    run(market, NEXT, 2)
    market.change("UPDATE forecasts SET forecast_close = forecast_close * 1.01 WHERE kind = 'live'")
    for run_id in (1, 2):
        assert {one.note for one in made_again(market, run_id)} == {OTHER_BITS}
