import dataclasses

import numpy as np
import pytest

from pipeline.score.metrics import METRICS
from pipeline.score.score import measure, score_forecasts
from pipeline.types import Bands, ForecastKind, PendingForecasts, SeriesKey, TrackRecord
from tests.made import made_bars


def pending(origin_close: float, target_close: float) -> PendingForecasts:
    one = np.ones(1)
    return PendingForecasts(np.array([7]), 100.0 * one, origin_close * one, target_close * one, 103.0 * one)


def test_a_score_is_forecast_minus_actual() -> None:
    scores = score_forecasts(pending(100.0, 104.0))
    assert (scores.actual_closes[0], scores.errors[0], scores.naive_errors[0]) == (104.0, -1.0, -4.0)


def test_after_a_split_the_actual_close_comes_back_on_the_basis_of_the_origin() -> None:
    scores = score_forecasts(pending(25.0, 26.0))
    assert scores.actual_closes[0] == pytest.approx(104.0)
    assert scores.errors[0] == pytest.approx(-1.0)


def test_live_and_backtest_are_measured_apart() -> None:
    closes = made_bars(31).close
    bands = Bands(closes[:30] * 0.9, closes[:30] * 1.1, closes[:30] * 0.8, closes[:30] * 1.2)
    dates = made_bars(31).session_dates
    record = TrackRecord(
        SeriesKey("MADE", "drift", "abc", 1),
        dates[:30],
        dates[1:],
        np.arange(30) >= 20,
        closes[:30],
        closes[:30] * 1.001,
        closes[1:],
        np.full(30, 2.0),
        bands,
    )
    values = list(measure(record))
    assert {(value.kind, value.n) for value in values} == {
        (ForecastKind.LIVE, 10),
        (ForecastKind.BACKTEST, 20),
    }
    assert {value.metric for value in values} == set(METRICS)
    backtest_alone = dataclasses.replace(record, is_live=np.zeros(30, dtype=bool))
    assert {value.kind for value in measure(backtest_alone)} == {ForecastKind.BACKTEST}
    live_mae = next(value.value for value in values if value.kind == "live" and value.metric == "mae")
    assert live_mae == pytest.approx(np.mean(np.abs(closes[20:30] * 1.001 - closes[21:])))
