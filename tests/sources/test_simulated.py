"""The simulated market: reproducible, consistent, and true to what it states."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from pipeline.calendars import trading_calendar
from pipeline.errors import SourceError
from pipeline.ingest.validate import validate
from pipeline.settings import AssetSettings, DownloadSettings
from pipeline.sources import open_source
from pipeline.sources.simulated import SIMULATED_ASSETS, TRUTHS, SimulatedSource
from pipeline.types import RAW_COLUMNS, FloatArray

BEGINNING = date(2015, 1, 1)
AS_OF = datetime(2026, 6, 1, 23, 59, 59, tzinfo=UTC)
LONG_AFTER = datetime(2075, 1, 1, tzinfo=UTC)

every_asset = pytest.mark.parametrize("asset", SIMULATED_ASSETS, ids=lambda asset: asset.symbol)


def rows_of(symbol: str, as_of: datetime = AS_OF, seed: int = 7) -> pd.DataFrame:
    return SimulatedSource(seed).download(AssetSettings(symbol=symbol), BEGINNING, as_of).rows


def returns_of(symbol: str, seed: int = 7) -> FloatArray:
    """Daily log returns of half a century, long enough for moments to show."""
    return np.diff(np.log(rows_of(symbol, LONG_AFTER, seed)["close"].to_numpy()))


def correlation(left: FloatArray, right: FloatArray) -> float:
    return float(np.corrcoef(left, right)[0, 1])


@every_asset
def test_a_later_as_of_only_appends_rows(asset: AssetSettings) -> None:
    early = rows_of(asset.symbol, datetime(2023, 3, 3, tzinfo=UTC))
    late = rows_of(asset.symbol)

    pd.testing.assert_frame_equal(late.iloc[: len(early)], early, check_exact=True)
    assert len(late) == 2009


@every_asset
def test_every_row_but_the_open_day_is_a_valid_bar(asset: AssetSettings) -> None:
    raw = SimulatedSource().download(asset, BEGINNING, AS_OF)

    validated = validate(raw, asset, trading_calendar(asset.calendar, 180), AS_OF)

    assert tuple(raw.rows.columns) == RAW_COLUMNS
    assert len(validated.bars) == len(raw.rows) - 1
    assert validated.quarantined == ()
    since_first = validated.expected[validated.expected >= validated.bars.session_dates[0]]
    assert since_first.tolist() == validated.bars.session_dates.tolist()
    assert (validated.bars.volume > 0.0).all()
    assert (validated.bars.volume % 1.0 == 0.0).all()


@every_asset
def test_a_start_cuts_rows_without_changing_the_rest(asset: AssetSettings) -> None:
    whole = rows_of(asset.symbol)
    part = SimulatedSource().download(asset, date(2025, 1, 1), AS_OF).rows

    expected = whole[whole["session_date"] >= "2025-01-01"].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, expected, check_exact=True)


@every_asset
def test_seeds_and_assets_have_paths_of_their_own(asset: AssetSettings) -> None:
    mine = returns_of(asset.symbol)

    assert abs(correlation(mine, returns_of(asset.symbol, seed=8))) < 0.05
    others = [other for other in TRUTHS if other != asset.symbol]
    assert all(abs(correlation(mine, returns_of(other))) < 0.05 for other in others)


@every_asset
def test_nothing_within_a_day_tells_of_the_next_return(asset: AssetSettings) -> None:
    rows = rows_of(asset.symbol, LONG_AFTER)
    close = rows["close"].to_numpy()
    tomorrow = np.diff(np.log(close))[1:]
    before = np.log(rows["open"].to_numpy()[1:-1] / close[:-2])
    top = np.log(rows["high"] / np.maximum(rows["open"], rows["close"])).to_numpy()[1:-1]
    bottom = np.log(rows["low"] / np.minimum(rows["open"], rows["close"])).to_numpy()[1:-1]

    for trace in (before, top, bottom, np.log(rows["volume"].to_numpy())[1:-1]):
        assert abs(correlation(trace, tomorrow)) < 0.03


def test_the_trend_carries_thirty_percent_over() -> None:
    returns = returns_of("SIM-TREND")

    assert correlation(returns[1:], returns[:-1]) == pytest.approx(0.3, abs=0.03)
    assert returns.std() == pytest.approx(0.02, rel=0.05)


def test_the_follower_follows_yesterdays_lead_and_nothing_else() -> None:
    follow, lead = returns_of("SIM-FOLLOW"), returns_of("SIM-LEAD")

    slope = np.polyfit(lead[:-1], follow[1:], 1)[0]
    assert slope == pytest.approx(0.35, abs=0.03)
    assert follow.std() == pytest.approx(0.02, rel=0.05)
    assert correlation(lead[:-1], follow[1:]) ** 2 == pytest.approx(0.1225, abs=0.03)
    assert abs(correlation(lead[:-2], follow[2:])) < 0.03
    assert abs(correlation(follow[:-1], follow[1:])) < 0.03


@pytest.mark.parametrize("symbol", ["SIM-WALK", "SIM-LEAD"])
def test_where_there_is_nothing_to_learn_returns_do_not_repeat(symbol: str) -> None:
    returns = returns_of(symbol)

    assert abs(correlation(returns[1:], returns[:-1])) < 0.05


def test_the_walks_volatility_comes_in_clusters() -> None:
    size = np.abs(returns_of("SIM-WALK"))

    assert correlation(size[1:], size[:-1]) > 0.1


def test_truths_are_stated_for_exactly_the_simulated_assets() -> None:
    assert [asset.symbol for asset in SIMULATED_ASSETS] == list(TRUTHS)
    assert {asset.symbol: asset.leads for asset in SIMULATED_ASSETS if asset.leads} == {
        "SIM-FOLLOW": ("SIM-LEAD",)
    }


def test_another_symbol_is_an_error_that_lists_the_assets() -> None:
    with pytest.raises(SourceError, match=r"AAPL: (.|\n)*Use one of: SIM-WALK, SIM-TREND"):
        rows_of("AAPL")


def test_a_day_before_the_market_began_is_an_error() -> None:
    with pytest.raises(SourceError, match="no session from 2020-12-01 to 2019-01-01"):
        rows_of("SIM-WALK", datetime(2019, 1, 1, tzinfo=UTC))


def test_the_registry_knows_it() -> None:
    assert open_source("simulated", DownloadSettings()).name == "simulated"
