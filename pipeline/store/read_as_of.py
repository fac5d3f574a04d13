"""Read prices as they were known to a run or at a moment, and the forecasts that a run issued."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_

from pipeline.store.columns import columns, dates, day, floats, integers, text
from pipeline.store.tables import corporate_actions, fits, forecasts, price_bars
from pipeline.types import (
    ActionKind,
    Bars,
    Dividends,
    FitWay,
    ForecastKind,
    IssuedForecasts,
    PastRun,
    Prices,
)


def prices_known_to(conn: Connection, run: PastRun, symbol: str, through: np.datetime64) -> Prices:
    """Return the bars and dividends of `symbol` up to `through` as known to `run` after its ingestion."""
    is_known_bar = price_bars.c.run_id <= run.run_id
    return _prices(conn, symbol, through, is_known_bar, _is_known_action(run, symbol))


def prices_known_at(conn: Connection, symbol: str, moment: datetime) -> Prices:
    """Return all bars and dividends of `symbol` as they were stored at an aware moment."""
    action = corporate_actions.c
    return _prices(
        conn,
        symbol,
        np.datetime64("9999-12-31", "D"),
        price_bars.c.first_seen_at_utc <= moment,
        and_(action.first_seen_at_utc <= moment, _is_current_at(moment)),
    )


def _is_known_action(run: PastRun, symbol: str) -> ColumnElement[bool]:
    """Return the condition that an action is the newest row known to `run` and was not withdrawn by then.

    Rows are compared by run number where possible, because several runs may start in the same second.
    """
    action = corporate_actions.c
    newest = (
        select(func.max(action.action_id))
        .where(action.symbol == symbol, action.run_id <= run.run_id)
        .group_by(action.ex_date, action.kind)
    )
    replacing = select(action.ex_date, action.kind, action.first_seen_at_utc).where(
        action.symbol == symbol, action.run_id > run.run_id
    )
    is_replaced_later = tuple_(action.ex_date, action.kind, action.superseded_at_utc).in_(replacing)
    return and_(action.action_id.in_(newest), or_(_is_current_at(run.started_at), is_replaced_later))


def _is_current_at(moment: datetime) -> ColumnElement[bool]:
    ended = corporate_actions.c.superseded_at_utc
    return or_(ended.is_(None), ended > moment)


def _prices(
    conn: Connection,
    symbol: str,
    through: np.datetime64,
    is_known_bar: ColumnElement[bool],
    is_known_action: ColumnElement[bool],
) -> Prices:
    return Prices(
        _bars(conn, _newest_revisions(symbol, through, is_known_bar), symbol),
        _dividends(conn, symbol, through, is_known_action),
    )


def _newest_revisions(symbol: str, through: np.datetime64, is_known: ColumnElement[bool]) -> Select[Any]:
    bar = price_bars.c
    return (
        select(bar.session_date, func.max(bar.revision).label("revision"))
        .where(bar.symbol == symbol, bar.session_date <= day(through), is_known)
        .group_by(bar.session_date)
    )


def _bars(conn: Connection, revisions: Select[Any], symbol: str) -> Bars:
    bar, newest = price_bars.c, revisions.subquery("newest")
    is_newest = and_(bar.session_date == newest.c.session_date, bar.revision == newest.c.revision)
    query = (
        select(text(bar.session_date), bar.open, bar.high, bar.low, bar.close, bar.volume)
        .join_from(newest, price_bars, is_newest)
        .where(bar.symbol == symbol)
        .order_by(bar.session_date)
    )
    days, *values = columns(conn, query)
    return Bars(symbol, dates(days), *map(floats, values))


def _dividends(
    conn: Connection, symbol: str, through: np.datetime64, is_known: ColumnElement[bool]
) -> Dividends:
    action = corporate_actions.c
    query = (
        select(text(action.ex_date), action.value)
        .where(action.symbol == symbol, action.kind == ActionKind.DIVIDEND.value)
        .where(action.ex_date <= day(through), is_known)
        .order_by(action.ex_date)
    )
    days, amounts = columns(conn, query)
    return Dividends(dates(days), floats(amounts))


def issued_by(conn: Connection, run_id: int) -> Sequence[IssuedForecasts]:
    """Return the forecasts that a run issued, without audits, per asset and model in order of issue."""
    fit = fits.c
    query = (
        select(fit.symbol, fit.model, fit.config_hash, func.min(fit.fit_id).label("first"))
        .where(fit.run_id == run_id, fit.kind != ForecastKind.AUDIT.value)
        .group_by(fit.symbol, fit.model, fit.config_hash)
        .order_by("first")
    )
    return [_issued(conn, run_id, *key) for *key, _ in conn.execute(query).all()]


def _issued(conn: Connection, run_id: int, symbol: str, model: str, config_hash: str) -> IssuedForecasts:
    forecast, fit = forecasts.c, fits.c
    query = (
        select((forecast.kind == ForecastKind.LIVE.value).label("is_live"), text(forecast.origin_date))
        .add_columns(forecast.horizon, text(forecast.target_date))
        .add_columns(forecast.last_close, forecast.forecast_close)
        .where(forecast.run_id == run_id, forecast.kind != ForecastKind.AUDIT.value)
        .where(forecast.symbol == symbol, forecast.model == model, forecast.config_hash == config_hash)
        .order_by(forecast.kind, forecast.origin_date, forecast.horizon)
    )
    is_live, origins, horizons, targets, last_closes, closes = columns(conn, query)
    own = (fit.run_id == run_id, fit.symbol == symbol, fit.model == model, fit.config_hash == config_hash)
    ways = conn.execute(select(fit.kind, fit.way, fit.start_hash).where(*own).order_by(fit.fit_id)).all()
    live = [row.start_hash or "" for row in ways if row.kind == ForecastKind.LIVE.value]
    return IssuedForecasts(
        symbol=symbol,
        model=model,
        config_hash=config_hash,
        is_live=np.array(is_live, dtype=bool),
        origin_dates=dates(origins),
        horizons=integers(horizons),
        target_dates=dates(targets),
        last_closes=floats(last_closes),
        closes=floats(closes),
        has_warm_fit=any(row.way == FitWay.WARM.value for row in ways),
        live_start_hash=live[-1] if live else "",
    )
