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
    """The forecasts of one configuration of one model."""
    forecast = forecasts.c
    return and_(forecast.symbol == symbol, forecast.model == model, forecast.config_hash == config_hash)


def current_score() -> ColumnElement[bool]:
    """How a forecast is joined to its score."""
    return and_(scores.c.forecast_id == forecasts.c.forecast_id, scores.c.superseded_at_utc.is_(None))


def columns(conn: Connection, query: Select[Any]) -> Sequence[Sequence[Any]]:
    """The answer by columns, as many as were asked for even where it has no rows."""
    rows = conn.execute(query).all()
    return tuple(zip(*rows, strict=True)) if rows else ((),) * len(query.selected_columns)


def day(session: np.datetime64) -> date:
    """A session date as the database takes it."""
    found: date = session.astype("datetime64[D]").item()
    return found


def text(session_date: ColumnElement[date]) -> ColumnElement[str]:
    """A date as the database driver gives it: SQLite's are texts, which numpy reads fastest."""
    return type_coerce(session_date, Text).label(str(session_date.key))


def dates(values: Sequence[str | date]) -> DateArray:
    """Session dates, as texts or dates."""
    return np.array(values, dtype="datetime64[D]")


def floats(values: Sequence[float | None]) -> FloatArray:
    """Numbers, NULL as NaN."""
    return np.array(values, dtype=np.float64)


def integers(values: Sequence[int]) -> IntArray:
    """Whole numbers."""
    return np.array(values, dtype=np.int64)
