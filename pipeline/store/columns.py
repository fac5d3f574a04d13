"""Queries' columns as arrays, and conditions that several queries share."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, Text, and_, type_coerce

from pipeline.store.tables import forecasts, scores
from pipeline.types import DateArray, FloatArray, ForecastKind, IntArray

AS_ISSUED = (ForecastKind.LIVE.value, ForecastKind.BACKTEST.value)
"""The kinds of forecast that are scored and judged as a model's own."""


def is_model(symbol: str, model: str, config_hash: str) -> ColumnElement[bool]:
    forecast = forecasts.c
    return and_(forecast.symbol == symbol, forecast.model == model, forecast.config_hash == config_hash)


def current_score() -> ColumnElement[bool]:
    return and_(scores.c.forecast_id == forecasts.c.forecast_id, scores.c.superseded_at_utc.is_(None))


def columns(conn: Connection, query: Select[Any]) -> Sequence[Sequence[Any]]:
    rows = conn.execute(query).all()
    return tuple(zip(*rows, strict=True)) if rows else ((),) * len(query.selected_columns)


def day(session: np.datetime64) -> date:
    day: date = session.astype("datetime64[D]").item()
    return day


def text(day: ColumnElement[date]) -> ColumnElement[str]:
    """A date as the database driver gives it: SQLite's are texts, which numpy reads fastest."""
    return type_coerce(day, Text).label(str(day.key))


def dates(values: Sequence[str | date]) -> DateArray:
    return np.array(values, dtype="datetime64[D]")


def floats(values: Sequence[float | None]) -> FloatArray:
    return np.array(values, dtype=np.float64)


def integers(values: Sequence[int]) -> IntArray:
    return np.array(values, dtype=np.int64)
