"""Conversions between query columns and arrays, and conditions that several queries share."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, Text, and_, type_coerce

from pipeline.store.tables import forecasts, scores
from pipeline.types import DateArray, FloatArray, ForecastKind, IntArray

JUDGED_KINDS = (ForecastKind.LIVE.value, ForecastKind.BACKTEST.value)
"""The kinds of forecast that metrics, bands and verdicts use; audits are left out."""


def is_model(symbol: str, model: str, config_hash: str) -> ColumnElement[bool]:
    """Return the condition that a forecast is of this asset, model and configuration."""
    forecast = forecasts.c
    return and_(forecast.symbol == symbol, forecast.model == model, forecast.config_hash == config_hash)


def current_score() -> ColumnElement[bool]:
    """Return the condition that joins a forecast to its current score."""
    return and_(scores.c.forecast_id == forecasts.c.forecast_id, scores.c.superseded_at_utc.is_(None))


def columns(conn: Connection, query: Select[Any]) -> Sequence[Sequence[Any]]:
    """Run `query` and return its result by columns: one sequence per selected column, empty without rows."""
    rows = conn.execute(query).all()
    return tuple(zip(*rows, strict=True)) if rows else ((),) * len(query.selected_columns)


def day(session: np.datetime64) -> date:
    """Convert a session date to the `date` that the database driver takes."""
    found: date = session.astype("datetime64[D]").item()
    return found


def text(session_date: ColumnElement[date]) -> ColumnElement[str]:
    """Select a date column without conversion to `date`.

    SQLite stores dates as text, and numpy parses text faster than it converts `date` objects.
    """
    return type_coerce(session_date, Text).label(str(session_date.key))


def dates(values: Sequence[str | date]) -> DateArray:
    """Convert ISO texts or dates to an array of session dates."""
    return np.array(values, dtype="datetime64[D]")


def floats(values: Sequence[float | None]) -> FloatArray:
    """Convert numbers to a float array, NULL to NaN."""
    return np.array(values, dtype=np.float64)


def integers(values: Sequence[int]) -> IntArray:
    """Convert integers to an integer array."""
    return np.array(values, dtype=np.int64)
