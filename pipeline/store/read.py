"""Read bars, forecasts, scores and verdicts, as arrays with NULL numbers as NaN."""

import sqlite3
from dataclasses import fields as fields_of
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    FromClause,
    RowMapping,
    Subquery,
    and_,
    func,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError

from pipeline.errors import StoreError
from pipeline.store.columns import (
    JUDGED_KINDS,
    columns,
    current_score,
    dates,
    day,
    floats,
    integers,
    is_model,
    text,
)
from pipeline.store.tables import (
    SERIES,
    corporate_actions,
    fits,
    forecasts,
    gaps,
    price_bars,
    scores,
    verdicts,
)
from pipeline.store.view_columns import VIEW_COLUMNS
from pipeline.store.views import adjusted_closes, current_models, is_current_dividend
from pipeline.types import (
    SAME_PRICE,
    Adjustment,
    Bands,
    Bars,
    Dividends,
    Evidence,
    ForecastKind,
    Judgement,
    LagVerdict,
    PendingForecasts,
    Prices,
    SeriesKey,
    TrackRecord,
    Verdict,
)


def bars(conn: Connection, symbol: str, through: np.datetime64) -> Bars:
    """Return the current bars of `symbol` up to and including the session `through`; empty without bars."""
    bar = price_bars.c
    query = (
        select(text(bar.session_date), bar.open, bar.high, bar.low, bar.close, bar.volume)
        .where(bar.symbol == symbol, bar.superseded_at_utc.is_(None), bar.session_date <= day(through))
        .order_by(bar.session_date)
    )
    days, *values = columns(conn, query)
    return Bars(symbol, dates(days), *map(floats, values))


def dividends(conn: Connection, symbol: str, through: np.datetime64) -> Dividends:
    """Return the current dividends of `symbol` with ex-dates up to and including `through`."""
    action = corporate_actions.c
    query = (
        select(text(action.ex_date), action.value)
        .where(is_current_dividend(corporate_actions))
        .where(action.symbol == symbol, action.ex_date <= day(through))
        .order_by(action.ex_date)
    )
    days, amounts = columns(conn, query)
    return Dividends(dates(days), floats(amounts))


def prices(conn: Connection, symbol: str, through: np.datetime64) -> Prices:
    """Return the current bars and dividends of `symbol` up to and including the session `through`."""
    return Prices(bars(conn, symbol, through), dividends(conn, symbol, through))


def newest_session(
    conn: Connection, symbol: str, through: np.datetime64 | None = None
) -> np.datetime64 | None:
    """Return the session date of the newest stored bar (up to `through`, if given); None without bars."""
    bar = price_bars.c
    newest = select(func.max(bar.session_date)).where(bar.symbol == symbol, bar.superseded_at_utc.is_(None))
    found = conn.scalar(newest if through is None else newest.where(bar.session_date <= day(through)))
    return None if found is None else np.datetime64(found, "D")


def first_session(conn: Connection, symbol: str) -> np.datetime64:
    """Return the session date of the oldest stored bar; NaT without bars."""
    bar = price_bars.c
    found = conn.scalar(select(func.min(bar.session_date)).where(bar.symbol == symbol))
    return np.datetime64("NaT" if found is None else found, "D")


def count_gaps(conn: Connection, symbol: str) -> int:
    """Count the expected sessions of `symbol` that have no bar."""
    gap = gaps.c
    query = select(func.count()).where(gap.symbol == symbol, gap.filled_at_utc.is_(None))
    return conn.scalar(query) or 0


def has_forecasts(conn: Connection, symbol: str, model: str, config_hash: str, kind: ForecastKind) -> bool:
    """Return whether any forecast of this kind is stored for the model in this configuration."""
    query = select(forecasts.c.forecast_id).where(
        is_model(symbol, model, config_hash), forecasts.c.kind == kind.value
    )
    return conn.scalar(query.limit(1)) is not None


def has_live_origin(
    conn: Connection, symbol: str, model: str, config_hash: str, origin: np.datetime64
) -> bool:
    """Return whether a live forecast from the session `origin` is stored for the model and configuration."""
    query = select(forecasts.c.forecast_id).where(
        is_model(symbol, model, config_hash),
        forecasts.c.kind == ForecastKind.LIVE.value,
        forecasts.c.origin_date == day(origin),
    )
    return conn.scalar(query.limit(1)) is not None


def pending_forecasts(conn: Connection, symbol: str, through: np.datetime64) -> PendingForecasts:
    """Return the forecasts of `symbol` that have to be scored, with the closes of their origin and target.

    These are the forecasts whose origin and target have bars up to `through`, and whose current score is
    missing or uses an actual close that differs from today's by more than SAME_PRICE (relative). Where the
    fit is adjusted for dividends, the closes are `adj_close` of the view `prices`, otherwise `close`.
    """
    forecast, is_due = forecasts.c, forecasts.c.target_date <= day(through)
    traded = _traded_closes(symbol)
    reinvesting = select(fits.c.fit_id).where(
        fits.c.symbol == symbol, fits.c.adjustment == Adjustment.DIVIDENDS.value
    )
    if conn.scalar(reinvesting.limit(1)) is None:
        return _pending(conn, symbol, traded, is_due)
    parts = (
        _pending(conn, symbol, traded, is_due, forecast.fit_id.not_in(reinvesting)),
        _pending(conn, symbol, adjusted_closes(symbol), is_due, forecast.fit_id.in_(reinvesting)),
    )
    return PendingForecasts(*map(np.concatenate, zip(*(vars(part).values() for part in parts), strict=True)))


def _traded_closes(symbol: str) -> Subquery:
    bar = price_bars.c
    closes = select(bar.session_date, bar.close)
    return closes.where(bar.symbol == symbol, bar.superseded_at_utc.is_(None)).subquery()


def _pending(
    conn: Connection, symbol: str, closes: FromClause, *conditions: ColumnElement[bool]
) -> PendingForecasts:
    """Return the forecasts of `symbol` that have to be scored and meet `conditions`.

    `closes` has the columns session_date and close, in the units in which the forecasts are scored.
    """
    forecast, origin, target = forecasts.c, closes.alias("origin"), closes.alias("target")
    expected = forecast.last_close * target.c.close / origin.c.close
    is_revised = func.abs(scores.c.actual_close - expected) > SAME_PRICE * func.abs(expected)
    query = (
        select(forecast.forecast_id, forecast.last_close, origin.c.close, target.c.close.label("actual"))
        .add_columns(forecast.forecast_close)
        .select_from(forecasts.outerjoin(scores, current_score()))
        .join(origin, origin.c.session_date == forecast.origin_date)
        .join(target, target.c.session_date == forecast.target_date)
        .where(forecast.symbol == symbol, *conditions)
        .where(scores.c.score_id.is_(None) | is_revised)
        .order_by(forecast.forecast_id)
    )
    ids, *found = columns(conn, query)
    last_closes, origin_closes, target_closes, forecast_closes = map(floats, found)
    return PendingForecasts(integers(ids), last_closes, origin_closes, target_closes, forecast_closes)


def track_records(conn: Connection, symbol: str, through: np.datetime64) -> tuple[TrackRecord, ...]:
    """Return the scored forecasts of each current model of `symbol`, for targets up to `through`.

    There is one record per model and horizon, sorted by model name and then horizon. When an origin has both
    a backtest and a live forecast, the forecast issued first counts.
    """
    models = current_models()
    query = select(models.c.model, models.c.config_hash).where(models.c.symbol == symbol)
    records: list[TrackRecord] = []
    for model, config_hash in conn.execute(query.order_by(models.c.model)).all():
        columns = _scored(conn, is_model(symbol, model, config_hash), through)
        adjustment = _adjustment(conn, symbol, model, config_hash)
        for horizon in np.unique(columns["horizon"]).tolist():
            key = SeriesKey(symbol, model, config_hash, horizon)
            records.append(_record(key, columns, adjustment))
    return tuple(records)


def track_record(conn: Connection, key: SeriesKey, through: np.datetime64) -> TrackRecord:
    """Return the scored forecasts of one series, of any configuration, for targets up to `through`."""
    is_series = and_(is_model(key.symbol, key.model, key.config_hash), forecasts.c.horizon == key.horizon)
    adjustment = _adjustment(conn, key.symbol, key.model, key.config_hash)
    return _record(key, _scored(conn, is_series, through), adjustment)


def _adjustment(conn: Connection, symbol: str, model: str, config_hash: str) -> Adjustment:
    """Return what the fits of this configuration are adjusted for; SPLITS when there is no fit.

    One fit is enough to tell: the adjustment is part of the configuration hash.
    """
    fit = fits.c
    query = select(fit.adjustment).where(
        fit.symbol == symbol, fit.model == model, fit.config_hash == config_hash
    )
    return Adjustment(conn.scalar(query.limit(1)) or Adjustment.SPLITS)


_RECORD = ("last_close", "forecast_close", "lower_80", "upper_80", "lower_95", "upper_95")
_BANDS = _RECORD[2:]


def _scored(
    conn: Connection, condition: ColumnElement[bool], through: np.datetime64
) -> dict[str, np.ndarray[Any, Any]]:
    forecast = forecasts.c
    query = (
        select(forecast.horizon, text(forecast.origin_date), text(forecast.target_date))
        .add_columns((forecast.kind == ForecastKind.LIVE.value).label("is_live"))
        .add_columns(*(type_coerce(forecast[name], Float).label(name) for name in _RECORD))
        .add_columns(scores.c.actual_close, type_coerce(fits.c.naive_mae, Float).label("naive_mae"))
        .join_from(forecasts, scores, current_score())
        .join(fits, fits.c.fit_id == forecast.fit_id)
        .where(condition, forecast.target_date <= day(through), forecast.kind.in_(JUDGED_KINDS))
        .order_by(forecast.horizon, forecast.origin_date, forecast.forecast_id)
    )
    names = [column.name for column in query.selected_columns]
    found = dict(zip(names, columns(conn, query), strict=True))
    days = {name: dates(found.pop(name)) for name in ("origin_date", "target_date")}
    horizon, is_live = integers(found.pop("horizon")), np.array(found.pop("is_live"), dtype=bool)
    arrays = {name: floats(values) for name, values in found.items()}
    return {**days, **arrays, "horizon": horizon, "is_live": is_live}


def _record(key: SeriesKey, columns: dict[str, np.ndarray[Any, Any]], adjustment: Adjustment) -> TrackRecord:
    rows = np.flatnonzero(columns["horizon"] == key.horizon)
    _, first = np.unique(columns["origin_date"][rows], return_index=True)
    kept = {name: values[rows[first]] for name, values in columns.items()}
    return TrackRecord(
        key=key,
        origin_dates=kept["origin_date"],
        target_dates=kept["target_date"],
        is_live=kept["is_live"],
        last_closes=kept["last_close"],
        forecast_closes=kept["forecast_close"],
        actual_closes=kept["actual_close"],
        naive_maes=kept["naive_mae"],
        bands=Bands(*(kept[name] for name in _BANDS)),
        adjustment=adjustment,
    )


def newest_verdict(conn: Connection, symbol: str, model: str, horizon: int) -> LagVerdict | None:
    """Return the newest verdict on the model's current configuration; None when there is no verdict.

    A verdict that was stored without evidence has NaN for the missing figures and NaT for the dates.
    """
    models, row = current_models(), verdicts.c
    query = (
        select(verdicts)
        .join_from(models, verdicts, models.c.config_hash == row.config_hash)
        .where(models.c.symbol == symbol, models.c.model == model)
        .where(row.symbol == symbol, row.model == model, row.horizon == horizon)
        .order_by(row.as_of_utc.desc(), row.verdict_id.desc())
        .limit(1)
    )
    found = conn.execute(query).mappings().first()
    return None if found is None else _verdict(found)


def _verdict(row: RowMapping) -> LagVerdict:
    return LagVerdict(
        key=SeriesKey(*(row[name] for name in SERIES)),
        first_origin=np.datetime64(row["first_origin_date"], "D"),
        last_origin=np.datetime64(row["last_origin_date"], "D"),
        n_live=row["n_live"] or 0,
        n_left_out=row["n_left_out"] or 0,
        judgement=Judgement(
            verdict=Verdict(row["verdict"]),
            evidence=Evidence(**{field.name: row[field.name] for field in fields_of(Evidence)}),
            p_skill_adjusted=row["p_skill_adjusted"],
            is_promoted=row["is_promoted"],
            sentence=row["sentence"],
        ),
    )


def query(conn: Connection, sql: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Run one SQL statement and return its column names and rows; `conn` must be from `open_read_only`.

    Raises StoreError for a statement that fails, returns no rows or would write, and for several statements.
    """
    if not conn.engine.get_execution_options().get("reads_only", False):
        raise ValueError(
            "SQL that a person typed needs a connection from open_read_only: this connection can write"
        )
    next_step = f"Give one SELECT statement. The views are {', '.join(VIEW_COLUMNS)}."
    try:
        result = conn.exec_driver_sql(sql)
        if not result.returns_rows:
            raise StoreError("the SQL statement returns no rows", next_step)
        return tuple(result.keys()), [tuple(row) for row in result]
    except DBAPIError as error:
        raise StoreError(f"SQL: {error.orig}", next_step) from error
    except sqlite3.Warning as error:  # raised by Python 3.11 for several statements
        raise StoreError(f"SQL: {error}", next_step) from error
