"""What earlier forecasts are to new ones: errors for bands, weights to go on from, audits, members.

As in `read`, everything comes as arrays, and NULL numbers as NaN.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Float, and_, func, select, true, type_coerce

from pipeline.store.columns import AS_ISSUED, columns, current_score, dates, day, floats, is_model, text
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
    """The weights that issued the newest live forecast before `origin`; empty when none are kept.

    As they were before the run of that number, or as they are now.
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
    """The newest audited origin up to `through`; NaT when none was audited."""
    forecast = forecasts.c
    audited = and_(is_model(symbol, model, config_hash), forecast.kind == ForecastKind.AUDIT.value)
    found = conn.scalar(
        select(func.max(forecast.origin_date)).where(audited, forecast.origin_date <= day(through))
    )
    return np.datetime64("NaT", "D") if found is None else np.datetime64(found, "D")


def audited_errors(
    conn: Connection, symbol: str, model: str, config_hash: str, through: np.datetime64
) -> AuditedErrors:
    """The scored errors of warm fits and of their audits, for targets up to `through`.

    An audit is that of the warm fit of the same run.
    """
    audited, anew = forecasts.alias("audited"), forecasts.c
    warm = audited.c
    actual = scores.c.actual_close
    same = and_(*(warm[name] == anew[name] for name in (*SERIES, "origin_date")))
    query = (
        select(text(anew.origin_date), warm.forecast_close, anew.forecast_close.label("anew_close"), actual)
        .join_from(forecasts, scores, current_score())
        .join(audited, and_(same, warm.kind.in_(AS_ISSUED), warm.run_id == anew.run_id))
        .join(fits, and_(fits.c.fit_id == warm.fit_id, fits.c.way == FitWay.WARM.value))
        .where(is_model(symbol, model, config_hash), anew.kind == ForecastKind.AUDIT.value)
        .where(anew.target_date <= day(through))
        .order_by(anew.origin_date, anew.horizon)
    )
    days, *closes = columns(conn, query)
    warm_closes, anew_closes, actuals = map(floats, closes)
    return AuditedErrors(dates(days), np.log(warm_closes / actuals), np.log(anew_closes / actuals))


def recent_errors(
    conn: Connection, key: SeriesKey, through: np.datetime64, count: int
) -> tuple[DateArray, FloatArray]:
    """Target dates and absolute log errors (m,) of the newest `count` scored origins, in order of time."""
    forecast = forecasts.c
    first = (
        select(func.min(forecast.forecast_id).label("forecast_id"))
        .join_from(forecasts, scores, current_score())
        .where(is_model(key.symbol, key.model, key.config_hash), forecast.horizon == key.horizon)
        .where(forecast.kind.in_(AS_ISSUED), forecast.target_date <= day(through))
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
    """The origins that the model has forecast live."""
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
    """What models (names with configuration hashes) issued for the origins, up to `through`, that they share.

    Of an origin that was issued twice the first counts. Closes are in the price basis of the first model's.
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
    """Columns (o, H) of the origins that have all sessions ahead."""
    forecast = forecasts.c
    query = (
        select(text(forecast.origin_date), text(forecast.target_date), forecast.horizon, forecast.fit_id)
        .add_columns(forecast.last_close, forecast.forecast_close, scores.c.actual_close)
        .add_columns(type_coerce(fits.c.naive_mae, Float).label("naive_mae"))
        .select_from(forecasts.outerjoin(scores, current_score()))
        .join(fits, fits.c.fit_id == forecast.fit_id)
        .where(is_model, forecast.kind.in_(AS_ISSUED), forecast.horizon.in_(ahead))
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
