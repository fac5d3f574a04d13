"""The public views: the contract with everybody who queries the database.

Their columns, names and order change only with a CHANGELOG entry. They are made anew with every upgrade, so
that no numbered migration mentions them. All but `prices` show a model's current configuration only: that of
its newest fit. Newest metrics and verdicts are those of the latest `as_of_utc`, then the last written.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    ScalarSelect,
    Select,
    Table,
    and_,
    case,
    func,
    inspect,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from pipeline.store.tables import (
    SERIES,
    corporate_actions,
    fits,
    forecasts,
    metrics,
    price_bars,
    scores,
    verdicts,
)
from pipeline.types import ActionKind, ForecastKind, Verdict

SCOREBOARD_METRICS = (
    *("mae", "rmse", "mape", "smape", "mase", "skill", "theil_u", "hit_rate"),
    *("coverage_80", "coverage_95", "dm_p_value"),
)
"""The metrics that have a column of their own in `model_scoreboard`, in its order."""

MODEL = SERIES[:3]
Query: TypeAlias = Select[Any]


def current_models() -> CTE:
    """Symbol, model and config_hash of every model's newest fit.

    Materialized, because a planner that merges it into a join looks for the newest fit again at every row.
    """
    newest = select(func.max(fits.c.fit_id)).group_by(fits.c.symbol, fits.c.model)
    models = select(fits.c.symbol, fits.c.model, fits.c.config_hash).where(fits.c.fit_id.in_(newest))
    return models.cte("current_models").prefix_with("MATERIALIZED")


def _same(left: FromClause, right: FromClause, names: tuple[str, ...]) -> ColumnElement[bool]:
    return and_(*(left.c[name] == right.c[name] for name in names))


def _literal(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'")


def _series(table: Table) -> CTE:
    """Every current model's horizons, from the highest that `table` knows down to 1.

    Counting down costs a search per model, where listing the distinct horizons would read all of history.
    """
    models = current_models()
    known = table.alias()
    highest = (
        select(func.max(known.c.horizon))
        .where(_same(known, models, MODEL))
        .correlate(models)
        .scalar_subquery()
    )
    top = select(models.c.symbol, models.c.model, models.c.config_hash, highest.label("horizon"))
    series = top.cte("series", recursive=True)
    lower = select(
        series.c.symbol, series.c.model, series.c.config_hash, (series.c.horizon - 1).label("horizon")
    ).where(series.c.horizon > 1)
    return series.union_all(lower)


def _newest(table: Table, identity: str, outer: FromClause, names: tuple[str, ...]) -> ScalarSelect[int]:
    """The identity of the newest row of `table` that agrees with `outer` on the columns `names`."""
    row = table.alias()
    return (
        select(row.c[identity])
        .where(_same(row, outer, names))
        .order_by(row.c.as_of_utc.desc(), row.c[identity].desc())
        .limit(1)
        .correlate(outer)
        .scalar_subquery()
    )


def _dividends() -> CTE:
    """Each current dividend with what it leaves of the close before it, and the dividend that follows.

    A dividend that nothing was stored before, or that is not below the close before it, leaves everything.
    """
    action, bar = corporate_actions, price_bars.alias("bar_before")
    before = (
        select(bar.c.close)
        .where(bar.c.symbol == action.c.symbol, bar.c.session_date < action.c.ex_date)
        .where(bar.c.superseded_at_utc.is_(None))
        .order_by(bar.c.session_date.desc())
        .limit(1)
        .correlate(action)
        .scalar_subquery()
    )
    later = func.lead(action.c.ex_date).over(partition_by=action.c.symbol, order_by=action.c.ex_date)
    left = case((action.c.value < before, 1.0 - action.c.value / before), else_=1.0)
    return (
        select(action.c.symbol, action.c.ex_date, later.label("later_ex_date"), left.label("share_left"))
        .where(_is_current_dividend(action))
        .cte("dividends")
    )


def _is_current_dividend(action: FromClause) -> ColumnElement[bool]:
    return and_(action.c.kind == _literal(ActionKind.DIVIDEND), action.c.superseded_at_utc.is_(None))


def _adjustments() -> CTE:
    """The product of the shares left by each dividend and all later ones."""
    dividends = _dividends()
    earlier = dividends.alias("earlier")
    newest = select(dividends.c.symbol, dividends.c.ex_date, dividends.c.share_left.label("factor")).where(
        dividends.c.later_ex_date.is_(None)
    )
    adjustments = newest.cte("adjustments", recursive=True)
    return adjustments.union_all(
        select(earlier.c.symbol, earlier.c.ex_date, adjustments.c.factor * earlier.c.share_left).where(
            earlier.c.symbol == adjustments.c.symbol, earlier.c.later_ex_date == adjustments.c.ex_date
        )
    )


def _prices() -> Query:
    bar, action, adjustment = price_bars, corporate_actions.alias("action"), _adjustments()
    next_ex_date = (
        select(func.min(action.c.ex_date))
        .where(action.c.symbol == bar.c.symbol, action.c.ex_date > bar.c.session_date)
        .where(_is_current_dividend(action))
        .correlate(bar)
        .scalar_subquery()
    )
    same_period = and_(adjustment.c.symbol == bar.c.symbol, adjustment.c.ex_date == next_ex_date)
    adj_close = bar.c.close * func.coalesce(adjustment.c.factor, 1.0)
    return (
        select(bar.c.symbol, bar.c.session_date, bar.c.open, bar.c.high, bar.c.low, bar.c.close)
        .add_columns(adj_close.label("adj_close"), bar.c.volume, bar.c.first_seen_at_utc)
        .select_from(bar.outerjoin(adjustment, same_period))
        .where(bar.c.superseded_at_utc.is_(None))
    )


def _latest_forecasts() -> Query:
    forecast, models, verdict = forecasts, current_models(), verdicts
    other, bar = forecasts.alias("other"), price_bars.alias("newer_bar")
    live = _literal(ForecastKind.LIVE)
    newest_origin = (
        select(func.max(other.c.origin_date))
        .where(_same(other, models, MODEL), other.c.kind == live)
        .correlate(models)
        .scalar_subquery()
    )
    newer_bar = (
        select(bar.c.bar_id)
        .where(bar.c.symbol == forecast.c.symbol, bar.c.session_date > forecast.c.origin_date)
        .where(bar.c.superseded_at_utc.is_(None))
        .correlate(forecast)
        .exists()
    )
    is_stale = case((or_(newer_bar, forecast.c.target_date < func.current_date()), 1), else_=0)
    names = ("symbol", "model", "horizon", "origin_date", "target_date", "last_close", "forecast_close")
    bands = ("lower_80", "upper_80", "lower_95", "upper_95")
    newest_verdict = verdict.c.verdict_id == _newest(verdicts, "verdict_id", forecast, SERIES)
    return (
        select(*(forecast.c[name] for name in (*names, *bands)))
        .add_columns((forecast.c.forecast_close / forecast.c.last_close - 1.0).label("predicted_return"))
        .add_columns(forecast.c.made_at_utc, is_stale.label("is_stale"), verdict.c.verdict)
        .select_from(models.join(forecast, _same(forecast, models, MODEL)).outerjoin(verdict, newest_verdict))
        .where(forecast.c.kind == live, forecast.c.origin_date == newest_origin)
    )


def _inside(lower: str, upper: str) -> ColumnElement[int]:
    actual, low, high = scores.c.actual_close, forecasts.c[lower], forecasts.c[upper]
    unknown = or_(actual.is_(None), low.is_(None), high.is_(None))
    return case((unknown, null()), (actual.between(low, high), 1), else_=0)


def _direction_hit() -> ColumnElement[int]:
    predicted = forecasts.c.forecast_close - forecasts.c.last_close
    actual = scores.c.actual_close - forecasts.c.last_close
    return case((predicted * actual > 0, 1), (predicted * actual < 0, 0), else_=null())


def _forecast_history() -> Query:
    forecast, score, models = forecasts, scores, current_models()
    names = ("symbol", "model", "kind", "is_late", "horizon", "origin_date", "target_date", "last_close")
    current_score = and_(score.c.forecast_id == forecast.c.forecast_id, score.c.superseded_at_utc.is_(None))
    return (
        select(*(forecast.c[name] for name in names), forecast.c.forecast_close)
        .add_columns(score.c.actual_close, score.c.error, func.abs(score.c.error).label("abs_error"))
        .add_columns(func.abs(score.c.naive_error).label("naive_abs_error"))
        .add_columns(_direction_hit().label("direction_hit"))
        .add_columns(_inside("lower_80", "upper_80").label("in_80"))
        .add_columns(_inside("lower_95", "upper_95").label("in_95"), forecast.c.made_at_utc)
        .select_from(models.join(forecast, _same(forecast, models, MODEL)).outerjoin(score, current_score))
    )


def _rows(name: str, column: str, values: tuple[str, ...]) -> CTE:
    return union_all(*(select(_literal(value).label(column)) for value in values)).cte(name)


def _newest_metrics() -> CTE:
    """The newest value of every metric of each current series and kind."""
    series = _series(metrics)
    kinds = _rows("kinds", "kind", tuple(ForecastKind))
    wanted = _rows("wanted", "metric", SCOREBOARD_METRICS)
    keys = (*(series.c[name] for name in SERIES), kinds.c.kind, wanted.c.metric)
    asked = select(*keys).subquery("asked")
    newest = _newest(metrics, "metric_id", asked, (*SERIES, "kind", "metric"))
    return select(metrics).join_from(asked, metrics, metrics.c.metric_id == newest).cte("newest_metrics")


def _model_scoreboard() -> Query:
    newest, verdict = _newest_metrics(), verdicts
    groups = (*(newest.c[name] for name in SERIES), newest.c.kind)
    values = (
        func.max(case((newest.c.metric == _literal(name), newest.c.value))).label(name)
        for name in SCOREBOARD_METRICS
    )
    board = select(*groups, func.max(newest.c.n).label("n"), *values).group_by(*groups).cte("board")
    newest_verdict = verdict.c.verdict_id == _newest(verdicts, "verdict_id", board, SERIES)
    return (
        select(board.c.symbol, board.c.model, board.c.horizon, board.c.kind, board.c.n)
        .add_columns(*(board.c[name] for name in SCOREBOARD_METRICS))
        .add_columns(verdict.c.verdict, verdict.c.is_promoted)
        .select_from(board.outerjoin(verdict, newest_verdict))
    )


def _metric_history() -> Query:
    models, names = current_models(), tuple(VIEW_COLUMNS["metric_history"])
    return select(*(metrics.c[name] for name in names)).join_from(
        models, metrics, _same(metrics, models, MODEL)
    )


def _lagging_models() -> Query:
    series, names = _series(verdicts), tuple(VIEW_COLUMNS["lagging_models"])
    newest = _newest(verdicts, "verdict_id", series, SERIES)
    echoes = (_literal(Verdict.ECHO), _literal(Verdict.SUSPECT_ECHO))
    return (
        select(*(verdicts.c[name] for name in names))
        .join_from(series, verdicts, verdicts.c.verdict_id == newest)
        .where(verdicts.c.verdict.in_(echoes))
    )


def definitions(dialect: Dialect) -> dict[str, str]:
    """The CREATE VIEW statement of every view."""
    selects = {
        "prices": _prices(),
        "latest_forecasts": _latest_forecasts(),
        "forecast_history": _forecast_history(),
        "model_scoreboard": _model_scoreboard(),
        "metric_history": _metric_history(),
        "lagging_models": _lagging_models(),
    }
    literal = {"literal_binds": True}
    return {
        name: f"CREATE VIEW {name} AS {query.compile(dialect=dialect, compile_kwargs=literal)}"
        for name, query in selects.items()
    }


def recreate_views(connection: Connection) -> None:
    """Drop the public views and create them anew, inside the caller's transaction."""
    existing = set(inspect(connection).get_view_names())
    for name, statement in definitions(connection.dialect).items():
        if name in existing:
            connection.exec_driver_sql(f"DROP VIEW {name}")
        connection.exec_driver_sql(statement)


_MODEL_COLUMNS = {
    "symbol": "The asset, as its price source calls it",
    "model": "The model's name, in its current configuration",
}
_SERIES_COLUMNS = {
    **_MODEL_COLUMNS,
    "horizon": "Sessions from the origin to the target, from 1",
}
_FORECAST_COLUMNS = {
    "origin_date": "Last settled session that the forecast knows",
    "target_date": "The session it forecasts",
    "last_close": "Close of the origin as known when the forecast was issued",
    "forecast_close": "Forecast close of the target, in the price basis of the origin",
}
_KIND = "live: issued by a daily run for targets after its as_of; backtest: issued by walk-forward"
_VERDICT = "SKILLED, ECHO, SUSPECT_ECHO, NO_SKILL, WORSE or INSUFFICIENT; it rests on both kinds together"

VIEW_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "prices": {
            "symbol": "The asset, as its price source calls it",
            "session_date": "The exchange's local trading date (UTC date for crypto)",
            "open": "First price",
            "high": "Highest price",
            "low": "Lowest price",
            "close": "Last price, adjusted for splits and not for dividends",
            "adj_close": "Close times what each later dividend left of the close before it",
            "volume": "Traded volume",
            "first_seen_at_utc": "When the bar, as it now is, was first downloaded",
        },
        "latest_forecasts": {
            **_SERIES_COLUMNS,
            **_FORECAST_COLUMNS,
            "lower_80": "Lower end of the 80% band; NULL: too few past errors",
            "upper_80": "Upper end of the 80% band",
            "lower_95": "Lower end of the 95% band; NULL: too few past errors",
            "upper_95": "Upper end of the 95% band",
            "predicted_return": "forecast_close / last_close - 1",
            "made_at_utc": "Wall clock when the forecast was stored",
            "is_stale": "1: a newer bar is stored, or the target date is past",
            "verdict": f"{_VERDICT}; NULL: not judged",
        },
        "forecast_history": {
            **_MODEL_COLUMNS,
            "kind": _KIND,
            "is_late": "1: the target had already settled when the forecast was made",
            "horizon": _SERIES_COLUMNS["horizon"],
            **_FORECAST_COLUMNS,
            "actual_close": "Close of the target in the price basis of the origin; NULL: not yet scored",
            "error": "forecast_close - actual_close",
            "abs_error": "Absolute error of the forecast",
            "naive_abs_error": "Absolute error of repeating last_close",
            "direction_hit": "1: moved as forecast, 0: the other way; NULL: no move, or not yet scored",
            "in_80": "1: actual_close lies in the 80% band, 0: outside; NULL: no band, or not yet scored",
            "in_95": "The same for the 95% band",
            "made_at_utc": "Wall clock when the forecast was stored",
        },
        "model_scoreboard": {
            **_SERIES_COLUMNS,
            "kind": _KIND,
            "n": "Scored forecasts",
            "mae": "Mean absolute error, in the asset's currency",
            "rmse": "Root mean squared error, in the asset's currency",
            "mape": "Mean absolute error in percent of the actual close",
            "smape": "Mean absolute error in percent of the mean of forecast and actual close",
            "mase": "Mean absolute error in units of the mean one-session change in training",
            "skill": "1 - MSE / MSE of persistence; above 0 beats the last value",
            "theil_u": "RMSE / RMSE of persistence; below 1 beats the last value",
            "hit_rate": "Share of moves whose direction was forecast",
            "coverage_80": "Share of actual closes inside the 80% band",
            "coverage_95": "Share of actual closes inside the 95% band",
            "dm_p_value": "Probability of so much skill if there were none (Diebold-Mariano, one-sided)",
            "verdict": f"{_VERDICT}; NULL: not judged",
            "is_promoted": "1: skilled beyond the chance of looking every day; NULL: not judged",
        },
        "metric_history": {
            **_SERIES_COLUMNS,
            "kind": _KIND,
            "metric": "The metric's name, as in model_scoreboard",
            "value": "Its value; NULL: undefined",
            "n": "Forecasts it is computed from",
            "run_id": "The run that computed it",
            "made_at_utc": "Wall clock when it was stored",
        },
        "lagging_models": {
            **_SERIES_COLUMNS,
            "verdict": "ECHO or SUSPECT_ECHO",
            "mean_lag_sessions": "Sessions by which the forecasts trail the prices",
            "nearest_naive": "The naive rule that the forecasts are nearest to",
            "p_echo": "p-value of the verdict ECHO: the smaller, the surer; NULL: not computed",
            "skill": "1 - MSE / MSE of persistence",
            "n": "Scored forecasts that the verdict rests on",
            "judged_at_utc": "Wall clock of the verdict",
        },
    }
)
"""Every public view's columns, in order, with what each holds."""
