"""The daily job as a whole, on real files and a real store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli import execute
from pipeline.clock import parse_moment
from pipeline.errors import RateLimitError
from pipeline.job.context import Job, StepResult
from pipeline.job.daily import Steps, run_daily
from pipeline.job.request import Request
from pipeline.job.steps import forecasts
from pipeline.job.workers import Pending
from pipeline.settings import AssetSettings, DownloadSettings, load_settings
from pipeline.sources import PriceSource, open_source
from pipeline.store import open_store
from pipeline.types import RawPrices, RunStatus
from tests.market import AS_OF, SESSIONS, Market, made_table, market_in

TABLES = (
    *("assets", "price_bars", "rejected_bars", "gaps", "corporate_actions", "fits"),
    *("forecasts", "scores", "metrics", "verdicts"),
)
LASTING = "symbol, model, config_hash, kind, horizon, origin_date, target_date, last_close, forecast_close"


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return market_in(tmp_path)


def counts(market: Market) -> dict[str, int]:
    return {table: market.count(table) for table in TABLES}


def test_a_run_again_without_news_adds_no_row_but_its_own(market: Market) -> None:
    assert market.run() == 0
    before = counts(market)
    assert before["forecasts"] == 2 * 2 * 2 * (20 + 1)
    assert market.run() == 0
    assert counts(market) == before
    assert market.count("runs") == 2


def test_a_model_is_judged_beside_every_configured_asset_however_runs_are_split(market: Market) -> None:
    market.configure('["last-value", "ridge"]')
    longer = market.config.read_text(encoding="utf-8").replace("origins = 20", "origins = 60")
    market.config.write_text(longer, encoding="utf-8")
    judged = "SELECT symbol, model, horizon, p_skill, p_skill_adjusted FROM model_verdicts ORDER BY 1, 2, 3"
    assert market.run("--symbols", "GOOD-USD") == 0
    assert market.run("--symbols", "ODD-USD") == 0
    split = market.ask(judged)
    assert any(adjusted != alone for *_, alone, adjusted in split)
    before = counts(market)
    assert market.run("--symbols", "GOOD-USD") == 0
    assert counts(market) == before
    market.database.unlink()
    assert market.run() == 0
    assert market.ask(judged) == split


def test_a_later_run_adds_only_what_is_new_and_scores_what_has_settled(market: Market) -> None:
    assert market.run(as_of="2025-06-07") == 0
    before = counts(market)
    unscored = market.count("forecast_history", "actual_close IS NULL")
    assert market.run(as_of="2025-06-09") == 0
    after = counts(market)
    assert after["price_bars"] - before["price_bars"] == 2 * 2
    assert after["forecasts"] - before["forecasts"] == 2 * 2 * 2
    assert after["fits"] - before["fits"] == 2 * 2
    assert unscored == 2 * 2 * (2 + 1)
    assert after["scores"] - before["scores"] == unscored
    assert market.count("forecast_history", "actual_close IS NULL") == 2 * 2 * 2


def test_the_same_day_in_another_store_gives_the_same_forecasts_bit_for_bit(market: Market) -> None:
    question = f"SELECT {LASTING}, lower_80, upper_95 FROM forecasts ORDER BY {LASTING}"
    assert market.run() == 0
    first = market.ask(question)
    market.database.unlink()
    assert market.run() == 0
    assert market.ask(question) == first


def test_a_revised_bar_is_a_revision_and_no_issued_forecast_changes(market: Market) -> None:
    assert market.run(as_of="2025-06-07") == 0
    issued = market.ask(f"SELECT {LASTING}, made_at_utc FROM forecasts ORDER BY forecast_id")
    revised = made_table(1)
    revised.loc[155, "Close"] = (revised.loc[155, "High"] + revised.loc[155, "Low"]) / 2
    market.write("ODD-USD", revised)
    assert market.run(as_of="2025-06-07") == 0
    assert market.ask(f"SELECT {LASTING}, made_at_utc FROM forecasts ORDER BY forecast_id") == issued
    assert market.count("price_bars", "superseded_at_utc IS NOT NULL") == 1
    assert market.count("scores", "superseded_at_utc IS NOT NULL") > 0
    assert market.ask(
        "SELECT close FROM prices WHERE symbol = 'ODD-USD' AND session_date = '2025-06-05'"
    ) == [(pytest.approx(revised.loc[155, "Close"]),)]


def test_another_configuration_is_another_model_and_history_keeps_both(market: Market) -> None:
    assert market.run() == 0
    market.config.write_text(market.config.read_text().replace("time_steps = 5", "time_steps = 6"))
    assert market.run() == 0
    assert market.count("forecasts") == 2 * 2 * 2 * 2 * 21
    assert market.count("forecast_history") == 2 * 2 * 2 * 21


def test_a_forecast_of_a_past_day_is_marked_late(market: Market) -> None:
    assert market.run() == 0
    assert market.count("forecasts", "kind = 'live' AND is_late = 1") == 2 * 2 * 2


def test_a_live_band_rests_on_the_stored_errors(market: Market) -> None:
    assert market.run() == 0
    (last, forecast, upper) = market.ask(
        "SELECT last_close, forecast_close, upper_80 FROM latest_forecasts"
        " WHERE symbol = 'GOOD-USD' AND model = 'drift' AND horizon = 1"
    )[0]
    errors = sorted(
        abs(np.log(float(f) / float(a)))  # type: ignore[arg-type]
        for f, a in market.ask(
            "SELECT forecast_close, actual_close FROM forecast_history"
            " WHERE symbol = 'GOOD-USD' AND model = 'drift' AND horizon = 1 AND actual_close IS NOT NULL"
        )
    )
    rank = int(np.ceil((len(errors) + 1) * 0.8))
    assert len(errors) == 20
    assert last != forecast
    assert float(upper) == pytest.approx(float(forecast) * np.exp(errors[rank - 1]))  # type: ignore[arg-type]


def test_provenance_stands_with_every_fit(market: Market) -> None:
    assert market.run() == 0
    assert market.count("fits", "length(data_hash) = 16 AND length(config_hash) = 12 AND seed > 0") == 8
    assert market.count("fits", "adf_p < 0.05 AND code_version IS NOT NULL AND naive_mae > 0") == 8
    assert market.count("fits", "kind = 'live' AND weights IS NOT NULL") == 4


def test_a_defect_in_one_asset_costs_no_other_asset(market: Market) -> None:
    def issue(job: Job, asset: AssetSettings, due: Sequence[Pending]) -> StepResult:
        if asset.symbol == "ODD-USD":
            raise ZeroDivisionError("a defect")
        return forecasts.issue(job, asset, due)

    settings = load_settings(market.config)
    told: dict[str, list[tuple[int, int]]] = {}
    with open_store(settings.database) as store:
        summary = run_daily(
            Request(settings, parse_moment(AS_OF)),
            open_source(settings.source, settings.download),
            store,
            Steps(issue=issue),
            progress=lambda stage, asset, done, total: told.setdefault(stage, []).append((done, total)),
        )
    assert summary.status is RunStatus.DEGRADED
    (failure,) = summary.failures
    assert failure.symbol == "ODD-USD"
    assert "ZeroDivisionError: a defect" in failure.message
    assert market.count("latest_forecasts", "symbol = 'GOOD-USD'") == 4
    assert list(told) == ["prices", "forecasts", "verdicts"]
    for counted in told.values():
        assert counted == sorted(counted)
        assert counted[-1][0] == counted[-1][1]


@dataclass
class RateLimited:
    """The market's files, until a number of answers has been given; then nothing but "slow down"."""

    origin: PriceSource
    answers: int
    name: str = "limited"
    asked: list[str] = field(default_factory=list)

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        self.asked.append(asset.symbol)
        if len(self.asked) > self.answers:
            raise RateLimitError(asset.symbol, "slow down", "Run again later.")
        return self.origin.download(asset, start, as_of)


def test_a_rate_limit_for_good_ends_the_batch_and_leaves_what_came_before(
    market: Market, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    symbols = ("GOOD-USD", "ODD-USD", "NEXT-USD", "LAST-USD")
    sources: list[RateLimited] = []

    def limited(spec: str, download: DownloadSettings) -> RateLimited:
        sources.append(RateLimited(open_source(spec, download), answers=1))
        return sources[-1]

    monkeypatch.setattr("pipeline.sources.open_source", limited)
    market.config.write_text(market.config.read_text() + "rate_limit_seconds = 0\nrate_limit_pauses = 2\n")

    assert market.run("--symbols", ",".join(symbols)) == 3

    told = capsys.readouterr()
    assert sources[0].asked == ["GOOD-USD", *["ODD-USD"] * 3]
    assert "ODD-USD: slow down" in told.out + told.err
    for symbol in ("NEXT-USD", "LAST-USD"):
        assert f"{symbol}: not downloaded: the source limited" in told.out + told.err
    assert market.ask("SELECT status FROM runs") == [("degraded",)]
    assert market.count("latest_forecasts", "symbol = 'GOOD-USD'") == 4
    assert market.ask("SELECT DISTINCT symbol FROM price_bars") == [("GOOD-USD",)]


def status(market: Market) -> object:
    ((found,),) = market.ask("SELECT status FROM runs ORDER BY run_id DESC LIMIT 1")
    return found


def lose(market: Market, *symbols: str) -> None:
    for symbol in symbols:
        (market.folder / f"{symbol}.csv").unlink()


def test_an_asset_whose_download_fails_is_forecast_where_its_newest_bar_is_stored(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    assert download(market) == 0
    capsys.readouterr()
    lose(market, "ODD-USD")
    assert market.run() == 3
    told = capsys.readouterr()
    assert "  ODD-USD   failed: " in told.out
    assert told.err.startswith("error: ODD-USD: ")
    assert status(market) == "degraded"
    for symbol in ("GOOD-USD", "ODD-USD"):
        assert market.count("latest_forecasts", f"symbol = '{symbol}' AND origin_date = '2025-06-09'") == 4


def test_an_asset_whose_download_fails_is_not_forecast_from_an_old_bar(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    assert market.run(as_of="2025-06-08") == 0
    before = market.count("forecasts", "symbol = 'ODD-USD'")
    lose(market, "ODD-USD")
    assert market.run(as_of="2025-06-09") == 3
    assert capsys.readouterr().err.count("error: ODD-USD") == 1
    assert market.count("forecasts", "symbol = 'ODD-USD'") == before
    assert market.count("forecasts", "symbol = 'GOOD-USD'") > before


def test_a_run_whose_every_download_fails_is_degraded_where_all_newest_bars_are_stored(
    market: Market,
) -> None:
    assert market.run() == 0
    before = counts(market)
    lose(market, "GOOD-USD", "ODD-USD")
    assert market.run() == 3
    assert status(market) == "degraded"
    assert counts(market) == before


def test_a_run_whose_every_download_fails_has_failed_where_no_newest_bar_is_stored(market: Market) -> None:
    assert market.run(as_of="2025-06-07") == 0
    before = counts(market)
    lose(market, "GOOD-USD", "ODD-USD")
    assert market.run() == 1
    assert status(market) == "failed"
    after = counts(market)
    assert all(after[table] == before[table] for table in ("price_bars", "gaps", "fits", "forecasts"))
    for seed, symbol in enumerate(("GOOD-USD", "ODD-USD")):
        market.write(symbol, made_table(seed))
    assert market.run() == 0
    assert market.count("latest_forecasts", "origin_date = '2025-06-09'") == 8


def download(market: Market) -> int:
    return execute(["download", "--config", str(market.config), "--as-of", AS_OF])


def test_a_download_forecasts_nothing_and_the_next_run_does(market: Market) -> None:
    assert download(market) == 0
    assert market.ask("SELECT command, status FROM runs") == [("download", "done")]
    assert (market.count("forecasts"), market.count("fits")) == (0, 0)
    assert market.run() == 0
    assert market.count("latest_forecasts") == 8


def test_a_download_that_loses_an_asset_exits_with_3_and_every_asset_with_1(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(market, "ODD-USD")
    assert download(market) == 3
    told = capsys.readouterr()
    assert "  ODD-USD   failed: " in told.out
    assert told.err.startswith("error: ODD-USD: ")
    lose(market, "GOOD-USD")
    assert download(market) == 1


def test_a_lead_whose_download_fails_is_told_and_costs_no_forecast_where_it_is_stored(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.configure('["ridge"]', '["GOOD-USD"]')
    assert market.run("--symbols", "GOOD-USD") == 0
    lose(market, "GOOD-USD")
    assert market.run("--symbols", "ODD-USD") == 3
    assert capsys.readouterr().err.startswith("error: GOOD-USD: ")
    assert market.count("latest_forecasts", "symbol = 'ODD-USD'") == 2


def test_the_run_itself_is_recorded_with_wall_clock_and_knowledge(market: Market) -> None:
    settings = load_settings(market.config)
    now = datetime(2025, 7, 1, 12, tzinfo=UTC)
    source = open_source(settings.source, settings.download)
    with open_store(settings.database) as store:
        summary = run_daily(Request(settings, parse_moment(AS_OF)), source, store, clock=lambda: now)
    assert summary.status is RunStatus.DONE
    ((as_of, started, status),) = market.ask("SELECT as_of_utc, started_at_utc, status FROM runs")
    assert str(as_of).startswith("2025-06-10 23:59:59")
    assert str(started).startswith("2025-07-01 12:00:00")
    assert status == "done"
    assert market.count("price_bars") == 2 * SESSIONS


def test_histories_that_lack_what_others_have_are_named_in_one_note(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    market.write("ODD-USD", made_table(1).iloc[30:])
    assert market.run() == 0
    assert "1 of 2 histories are incomplete: ODD-USD (from 2025-01-31)" in capsys.readouterr().out
    market.database.unlink()
    market.write("ODD-USD", made_table(1).drop(index=[10, 11]))
    market.reaches_back_to("2023-12-31")
    assert market.run() == 0
    assert "ODD-USD (2 missing)" in capsys.readouterr().out
    market.write("ODD-USD", made_table(1))
    assert market.run() == 0
    assert "incomplete" not in capsys.readouterr().out
