"""Read the earlier forecasts that new ones depend on.

They give the past errors for bands, the weights and audits of warm starts, and the forecasts of ensemble
members. As in `read`, results are arrays with NULL numbers as NaN.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Float, and_, func, select, true, type_coerce

from pipeline.store.columns import JUDGED_KINDS, columns, current_score, dates, day, floats, is_model, text
from pipeline.store.tables import SERIES, fits, forecasts, scores
from pipeline.types import (
    AuditedErrors,
    DateArray,
    FitWay,
    FloatArray,
    ForecastKind,
    MemberForecasts,
    SeriesKey,
)


def weights_before(
    conn: Connection,
    symbol: str,
    model: str,
    config_hash: str,
    origin: np.datetime64,
    before_run: int | None = None,
) -> bytes:
    """Return the weights that issued the newest live forecast before `origin`; empty when not kept.

    With `before_run`, only forecasts of runs with a lower number count.
    """
    forecast = forecasts.c
    is_known = true() if before_run is None else forecast.run_id < before_run
    query = (
        select(fits.c.weights)
        .join_from(forecasts, fits, fits.c.fit_id == forecast.fit_id)
        .where(is_model(symbol, model, config_hash), forecast.kind == ForecastKind.LIVE.value)
        .where(forecast.origin_date < day(origin), is_known)
        .order_by(forecast.origin_date.desc())
        .limit(1)
    )
    weights: bytes | None = conn.scalar(query)
    return weights or b""


def last_audit(
    conn: Connection, symbol: str, model: str, config_hash: str, through: np.datetime64
) -> np.datetime64:
    """Return the newest origin up to `through` that has an audit forecast; NaT when there is none."""
    forecast = forecasts.c
    audited = and_(is_model(symbol, model, config_hash), forecast.kind == ForecastKind.AUDIT.value)
    found = conn.scalar(
        select(func.max(forecast.origin_date)).where(audited, forecast.origin_date <= day(through))
    )
    return np.datetime64("NaT", "D") if found is None else np.datetime64(found, "D")


def audited_errors(
    conn: Connection, symbol: str, model: str, config_hash: str, through: np.datetime64
) -> AuditedErrors:
    """Return the errors of warm fits and of the cold fits that audit them, for targets up to `through`.

    An audit forecast is paired with the forecast that the warm fit of the same run issued for the same
    origin and horizon; pairs without a current score are left out.
    """
    audited, cold = forecasts.alias("audited"), forecasts.c
    warm = audited.c
    actual = scores.c.actual_close
    same = and_(*(warm[name] == cold[name] for name in (*SERIES, "origin_date")))
    query = (
        select(text(cold.origin_date), warm.forecast_close, cold.forecast_close.label("cold_close"), actual)
        .join_from(forecasts, scores, current_score())
        .join(audited, and_(same, warm.kind.in_(JUDGED_KINDS), warm.run_id == cold.run_id))
        .join(fits, and_(fits.c.fit_id == warm.fit_id, fits.c.way == FitWay.WARM.value))
        .where(is_model(symbol, model, config_hash), cold.kind == ForecastKind.AUDIT.value)
        .where(cold.target_date <= day(through))
        .order_by(cold.origin_date, cold.horizon)
    )
    days, *closes = columns(conn, query)
    warm_closes, cold_closes, actuals = map(floats, closes)
    return AuditedErrors(dates(days), np.log(warm_closes / actuals), np.log(cold_closes / actuals))


def recent_errors(
    conn: Connection, key: SeriesKey, through: np.datetime64, count: int
) -> tuple[DateArray, FloatArray]:
    """Return target dates and absolute log errors (m,) of the newest `count` scored origins, oldest first."""
    forecast = forecasts.c
    first = (
        select(func.min(forecast.forecast_id).label("forecast_id"))
        .join_from(forecasts, scores, current_score())
        .where(is_model(key.symbol, key.model, key.config_hash), forecast.horizon == key.horizon)
        .where(forecast.kind.in_(JUDGED_KINDS), forecast.target_date <= day(through))
        .group_by(forecast.origin_date)
        .order_by(forecast.origin_date.desc())
        .limit(count)
        .subquery()
    )
    query = (
        select(text(forecast.target_date), forecast.forecast_close, scores.c.actual_close)
        .join_from(first, forecasts, forecast.forecast_id == first.c.forecast_id)
        .join(scores, current_score())
        .order_by(forecast.origin_date)
    )
    days, closes, actuals = columns(conn, query)
    return dates(days), np.abs(np.log(floats(closes) / floats(actuals)))


def live_origins(conn: Connection, symbol: str, model: str, config_hash: str) -> DateArray:
    """Return the origins from which the model in this configuration has issued live forecasts."""
    forecast = forecasts.c
    live = and_(is_model(symbol, model, config_hash), forecast.kind == ForecastKind.LIVE.value)
    (found,) = columns(conn, select(text(forecast.origin_date)).where(live).distinct())
    return dates(found)


def member_forecasts(
    conn: Connection,
    symbol: str,
    members: Sequence[tuple[str, str]],
    ahead: Sequence[int],
    through: np.datetime64,
) -> MemberForecasts:
    """Return the forecasts of several models for the origins up to `through` that they have in common.

    `members` are model names with configuration hashes, `ahead` the horizons that an origin must have. Of
    two forecasts for one origin and horizon the first issued counts. Closes are in the price basis of the
    first model's forecast.
    """
    issued = [_issued(conn, is_model(symbol, *member), ahead, through) for member in members]
    shared = reduce(np.intersect1d, [each["origin_date"][:, 0] for each in issued])
    first, *_ = aligned = [
        {name: values[np.isin(each["origin_date"][:, 0], shared)] for name, values in each.items()}
        for each in issued
    ]
    rebased = [each["forecast_close"] * (first["last_close"] / each["last_close"]) for each in aligned]
    return MemberForecasts(
        origin_dates=shared,
        last_closes=first["last_close"][:, 0],
        target_dates=first["target_date"],
        closes=np.stack(rebased),
        actual_closes=first["actual_close"],
        fit_ids=first["fit_id"][:, 0].astype(np.int64),
        naive_maes=first["naive_mae"][:, 0],
    )


def _issued(
    conn: Connection, is_model: ColumnElement[bool], ahead: Sequence[int], through: np.datetime64
) -> dict[str, np.ndarray[Any, Any]]:
    """Return columns (o, H) of one model's forecasts, for the origins that have all horizons in `ahead`.

    Of two forecasts for one origin and horizon the first issued counts.
    """
    forecast = forecasts.c
    query = (
        select(text(forecast.origin_date), text(forecast.target_date), forecast.horizon, forecast.fit_id)
        .add_columns(forecast.last_close, forecast.forecast_close, scores.c.actual_close)
        .add_columns(type_coerce(fits.c.naive_mae, Float).label("naive_mae"))
        .select_from(forecasts.outerjoin(scores, current_score()))
        .join(fits, fits.c.fit_id == forecast.fit_id)
        .where(is_model, forecast.kind.in_(JUDGED_KINDS), forecast.horizon.in_(ahead))
        .where(forecast.origin_date <= day(through))
        .order_by(forecast.origin_date, forecast.horizon, forecast.forecast_id)
    )
    origins, targets, *numbers = columns(conn, query)
    days, values = dates(origins), np.array(numbers, dtype=np.float64).reshape(6, len(origins))
    series = np.stack([days.astype(np.int64), values[0].astype(np.int64)])
    _, places = np.unique(series, axis=1, return_index=True)
    _, counts = np.unique(days[places], return_counts=True)
    rows = places[np.repeat(counts == len(ahead), counts)].reshape(-1, len(ahead))
    names = ("fit_id", "last_close", "forecast_close", "actual_close", "naive_mae")
    found = {name: column[rows] for name, column in zip(names, values[1:], strict=True)}
    return {"origin_date": days[rows], "target_date": dates(targets)[rows], **found}
