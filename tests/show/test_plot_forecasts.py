"""Pictures: what is drawn where, and that a picture comes out."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.show.plot_forecasts import PANEL_INCHES, Chart, draw, series_of
from pipeline.show.plot_style import DOTS_PER_INCH
from pipeline.store import queries
from pipeline.store.queries import read_rows
from pipeline.types import Rows
from tests.light import light_store

DATES = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
COLUMNS = (
    *("model", "kind", "origin_date", "target_date", "last_close", "forecast_close"),
    *("lower_80", "upper_80", "lower_95", "upper_95"),
)
BANDS = (190.0, 210.0, None, None)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(light_store(tmp_path_factory))


def picture(db: str, file: Path, *models: str, horizon: int = 1) -> Path:
    forecasts = queries.forecasts_of(db, "SIM-FOLLOW", horizon).where("model", models)
    verdicts = read_rows(db, queries.VERDICTS).where("symbol", ("SIM-FOLLOW",)).where("horizon", (horizon,))
    prices = queries.prices_of(db, "SIM-FOLLOW")
    draw(Chart("SIM-FOLLOW", horizon, 120), prices, forecasts, verdicts, file)
    return file


def test_forecasts_are_drawn_in_the_units_of_todays_prices_after_a_split() -> None:
    row = ("ridge", "backtest", "2024-01-01", "2024-01-02", 200.0, 204.0, *BANDS)
    series = series_of("ridge", Rows(COLUMNS, (row,)), DATES, np.array([100.0, 101.0, 103.0]))
    assert series.last_closes.tolist() == [100.0]
    assert series.forecasts.tolist() == [102.0]
    assert series.bands["lower_80"].tolist() == [95.0]
    assert np.isnan(series.bands["upper_95"]).all()


def test_of_two_forecasts_of_a_day_the_first_issued_is_drawn() -> None:
    first = ("ridge", "live", "2024-01-01", "2024-01-02", 100.0, 102.0, *BANDS)
    second = ("ridge", "backtest", "2024-01-01", "2024-01-02", 100.0, 99.0, *BANDS)
    series = series_of("ridge", Rows(COLUMNS, (first, second)), DATES, np.array([100.0, 101.0, 103.0]))
    assert series.forecasts.tolist() == [102.0]
    assert series.is_live.tolist() == [True]


def test_a_picture_grows_with_its_models(db: str, tmp_path: Path) -> None:
    one = picture(db, tmp_path / "one.png", "ridge").read_bytes()
    two = picture(db, tmp_path / "two.png", "ridge", "drift").read_bytes()
    sizes = [tuple(int.from_bytes(png[at : at + 4], "big") for at in (16, 20)) for png in (one, two)]
    (width, height), (same_width, taller) = sizes
    assert width == same_width
    assert taller == height + PANEL_INCHES[1] * DOTS_PER_INCH


def test_a_picture_names_its_models_verdicts_and_lines(db: str, tmp_path: Path) -> None:
    text = picture(db, tmp_path / "two.svg", "last-value", "ridge", horizon=2).read_text(encoding="utf-8")
    verdicts = read_rows(db, queries.VERDICTS).where("symbol", ("SIM-FOLLOW",)).where("horizon", (2,))
    sentences = {record["model"]: record["sentence"] for record in verdicts.records()}
    for words in (
        *("SIM-FOLLOW: forecasts 2 sessions ahead", "last-value", "ridge", "actual close", "80% band"),
        *("95% band", "forecast, backtest", "forecast, live", "last price known (the naive forecast)"),
        *(sentences["last-value"], sentences["ridge"]),
    ):
        assert words in text
    assert ">drift<" not in text
