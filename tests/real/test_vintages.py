"""A history downloaded again every day for 58 days, as a vendor really gave it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.job.daily import run_daily
from pipeline.job.replay import replay
from pipeline.job.request import Request
from pipeline.settings import (
    AssetSettings,
    BacktestSettings,
    DownloadSettings,
    Settings,
    TransformSettings,
)
from pipeline.sources.csv_folder import CsvSource
from pipeline.store import Engine, check, open_store, read, reading
from pipeline.types import RunSummary

pytestmark = pytest.mark.real_data
NOISE = 1e-6
VALUES = ["Open", "High", "Low", "Close", "Volume"]
SETTINGS = Settings(
    models=("last-value", "drift", "ridge"),
    assets=(AssetSettings(symbol="AAPL"),),
    transform=TransformSettings(train_sessions=250),
    backtest=BacktestSettings(origins=20, refit_every=20),
)


@dataclass(frozen=True)
class Replayed:
    """The store after all the days, and what each day's run said."""

    store: Engine
    days: dict[datetime, pd.DataFrame]
    summaries: list[RunSummary]

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with reading(self.store) as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]


@pytest.fixture(scope="module")
def fetched(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    folder = tmp_path_factory.mktemp("vintages")
    table = pd.read_csv(real_data / "vintages" / "AAPL_daily_refetch.csv.gz")
    days = {
        datetime.fromisoformat(at): rows.set_index("Date")[VALUES] for at, rows in table.groupby("FetchedAt")
    }
    first = min(rows.index.min() for rows in days.values())
    settings = SETTINGS.model_copy(update={"download": DownloadSettings(history_start=first)})
    with open_store(str(folder / "vintages.db")) as store:
        summaries = []
        for moment, rows in sorted(days.items()):
            rows.reset_index().to_csv(folder / "AAPL.csv", index=False)
            request, source = Request(settings, moment), CsvSource(folder)
            summaries.append(run_daily(request, source, store, clock=lambda moment=moment: moment))
        yield Replayed(store, dict(sorted(days.items())), summaries)


def test_every_day_is_done_and_the_store_is_sound(fetched: Replayed) -> None:
    assert len(fetched.summaries) == 58
    assert {summary.status.value for summary in fetched.summaries} == {"done"}
    assert check(fetched.store) == ()


def test_bars_are_revised_just_where_the_vendor_changed_them(fetched: Replayed) -> None:
    believed: dict[str, tuple[float, ...]] = {}
    for (moment, rows), summary in zip(fetched.days.items(), fetched.summaries, strict=True):
        (ingested,) = summary.ingested
        settled = rows[rows.index <= str(ingested.newest_session)]
        given = {
            str(day): tuple(values) for day, values in zip(settled.index, settled.to_numpy(), strict=True)
        }
        changed = [
            day
            for day, values in given.items()
            if day in believed and not np.allclose(values, believed[day], rtol=NOISE, atol=0.0)
        ]
        if ingested.rebased is None:
            assert ingested.revised == len(changed), moment
            assert ingested.new == len(given.keys() - believed.keys())
        else:
            assert len(changed) > 300
        believed |= {day: given[day] for day in given if day in changed or day not in believed}
    stored = fetched.rows(
        "SELECT session_date, open, high, low, close, volume FROM prices WHERE symbol = 'AAPL'"
    )
    now = {str(day): values for day, *values in stored}
    last = next(reversed(fetched.days.values()))
    assert now.keys() >= set(last.index)
    for day, values in zip(last.index, last.to_numpy(), strict=True):
        assert np.allclose(now[str(day)], values, rtol=NOISE, atol=0.0), day


def test_the_dividend_is_recognised_once_and_puts_the_whole_history_in_its_units(fetched: Replayed) -> None:
    rebased = [one.ingested[0] for one in fetched.summaries if one.ingested[0].rebased is not None]
    ((through, ratio, bars),) = fetched.rows("SELECT through_date, ratio, n_bars FROM rebasings")
    assert len(rebased) == 1
    assert through == "2026-08-07"
    assert ratio == pytest.approx(1.0 - 0.0009, abs=1e-4)
    ((older,),) = fetched.rows(f"SELECT count(*) FROM prices WHERE session_date <= '{through}'")
    # The newest of them was revised otherwise that day, too.
    assert older in {bars, bars + 1}


def test_every_days_forecasts_come_again_from_what_was_known_that_day(fetched: Replayed) -> None:
    total = 0
    for summary in fetched.summaries:
        for one in replay(fetched.store, summary.run_id):
            assert (one.same, one.note) == (one.issued, ""), f"run {summary.run_id}: {one}"
            total += one.issued
    ((stored,),) = fetched.rows("SELECT count(*) FROM forecasts")
    assert total == stored > 900


def test_without_what_was_known_then_the_forecasts_would_differ(fetched: Replayed) -> None:
    with reading(fetched.store) as connection:
        now = read.prices(connection, "AAPL", np.datetime64("2026-07-01")).bars.close
    first = next(iter(fetched.days.values()))
    assert not np.allclose(now[: len(first)], first["Close"].to_numpy()[: len(now)], rtol=1e-4)
