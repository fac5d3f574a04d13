"""The public views: the stable interface for SQL queries on the database.

The views, their columns and the columns' order change only with a CHANGELOG entry. Every upgrade recreates
all views, so that no numbered migration mentions them. All but `prices` and `quarantine` show a model's
current configuration only: that of its newest fit. The newest of several metrics or verdicts is the row with
the latest `as_of_utc`, then with the highest number.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    URL,
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
    fit_leads,
    fits,
    forecasts,
    metrics,
    price_bars,
    rejected_bars,
    scores,
    verdicts,
)
from pipeline.store.view_columns import VIEW_COLUMNS
from pipeline.types import ActionKind, ForecastKind, Verdict

SCOREBOARD_METRICS = (
    *("mae", "rmse", "mape", "smape", "mase", "skill", "theil_u", "hit_rate"),
    *("coverage_80", "coverage_95", "dm_p_value"),
)
"""The metrics that are columns of `model_scoreboard`, in the order of its columns."""

MODEL_KEY = SERIES[:3]
"""The columns that identify a model in one configuration: symbol, model and config_hash."""
Query: TypeAlias = Select[Any]


def current_models() -> CTE:
    """Return a CTE with symbol, model and config_hash of every model's newest fit.

    Materialized, because a query planner that merges it into a join searches the newest fit for every row.
    """
    newest = select(func.max(fits.c.fit_id)).group_by(fits.c.symbol, fits.c.model)
    models = select(fits.c.symbol, fits.c.model, fits.c.config_hash).where(fits.c.fit_id.in_(newest))
    return models.cte("current_models").prefix_with("MATERIALIZED")


def _same(left: FromClause, right: FromClause, names: tuple[str, ...]) -> ColumnElement[bool]:
    return and_(*(left.c[name] == right.c[name] for name in names))


def _literal(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'")


def _series(table: Table) -> CTE:
    """Return a CTE with the series of every current model: horizons from the highest in `table` down to 1.

    Counting down needs one search per model; selecting the distinct horizons would read the whole table.
    """
    models = current_models()
    known = table.alias()
    highest = (
        select(func.max(known.c.horizon))
        .where(_same(known, models, MODEL_KEY))
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
    """Return a subquery for the key of the newest row of `table` with the values of `outer` in `names`."""
    row = table.alias()
    return (
        select(row.c[identity])
        .where(_same(row, outer, names))
        .order_by(row.c.as_of_utc.desc(), row.c[identity].desc())
        .limit(1)
        .correlate(outer)
        .scalar_subquery()
    )


def _dividends(*conditions: ColumnElement[bool]) -> CTE:
    """Return a CTE with each current dividend, the next ex-date and `share_left`, the dividend's factor.

    The factor is 1 - dividend / close of the last bar before the ex-date; 1 when there is no such bar or the
    dividend is not below that close. `conditions` on corporate_actions select the dividends.
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
        .where(is_current_dividend(action), *conditions)
        .cte("dividends")
    )


def is_current_dividend(action: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row of corporate_actions is a dividend and current."""
    return and_(action.c.kind == _literal(ActionKind.DIVIDEND), action.c.superseded_at_utc.is_(None))


def _adjustments(dividends: CTE) -> CTE:
    """Return a CTE with the product of the factors of each dividend and all later dividends."""
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


def _prices(dividends: CTE) -> Query:
    bar, action, adjustment = price_bars, corporate_actions.alias("action"), _adjustments(dividends)
    next_ex_date = (
        select(func.min(action.c.ex_date))
        .where(action.c.symbol == bar.c.symbol, action.c.ex_date > bar.c.session_date)
        .where(is_current_dividend(action))
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


def _quarantine() -> Query:
    row = rejected_bars.c
    names = ("symbol", "session_date", "date_text", "reason", "row", "first_seen_at_utc")
    return select(row.rejected_id.label("id"), *(row[name] for name in names)).where(
        row.resolved_at_utc.is_(None), row.decision.is_(None)
    )


def adjusted_closes(symbol: str) -> CTE:
    """Return a CTE with session_date and dividend-adjusted close of one asset, as `adj_close` of `prices`.

    The view `prices` itself reads the dividends of all assets. Materialized, so that a join computes the
    closes once and not for every row.
    """
    bar, dividends = price_bars, _dividends(corporate_actions.c.symbol == symbol)
    prices = _prices(dividends).where(bar.c.symbol == symbol).subquery()
    closes = select(prices.c.session_date, prices.c.adj_close.label("close"))
    return closes.cte("adjusted_closes").prefix_with("MATERIALIZED")


def _latest_forecasts() -> Query:
    forecast, models, verdict = forecasts, current_models(), verdicts
    other, bar = forecasts.alias("other"), price_bars.alias("newer_bar")
    live = _literal(ForecastKind.LIVE)
    newest_origin = (
        select(func.max(other.c.origin_date))
        .where(_same(other, models, MODEL_KEY), other.c.kind == live)
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
        .select_from(
            models.join(forecast, _same(forecast, models, MODEL_KEY)).outerjoin(verdict, newest_verdict)
        )
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
        .select_from(
            models.join(forecast, _same(forecast, models, MODEL_KEY)).outerjoin(score, current_score)
        )
        .where(forecast.c.kind != _literal(ForecastKind.AUDIT))
    )


def _rows(name: str, column: str, values: tuple[str, ...]) -> CTE:
    return union_all(*(select(_literal(value).label(column)) for value in values)).cte(name)


def _newest_metrics() -> CTE:
    """Return a CTE with the newest value of every metric of each current series and kind."""
    series = _series(metrics)
    kinds = _rows("kinds", "kind", (ForecastKind.LIVE, ForecastKind.BACKTEST))
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
        models, metrics, _same(metrics, models, MODEL_KEY)
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


def _lead_lags() -> Query:
    """Return the leads of every model's newest fit in its current configuration, without audits."""
    models, fit, newer, lead = current_models(), fits.alias("fit"), fits.alias("newer"), fit_leads
    newest = (
        select(func.max(newer.c.fit_id))
        .where(_same(newer, models, MODEL_KEY), newer.c.kind != _literal(ForecastKind.AUDIT))
        .correlate(models)
        .scalar_subquery()
    )
    names = ("lead", "sessions_ahead", "correlation", "p_value", "n", "is_used")
    return (
        select(models.c.symbol, models.c.model, *(lead.c[name] for name in names))
        .add_columns(fit.c.trained_from_date, fit.c.made_at_utc)
        .select_from(models.join(fit, fit.c.fit_id == newest).join(lead, lead.c.fit_id == fit.c.fit_id))
    )


def _model_verdicts() -> Query:
    series, names = _series(verdicts), tuple(VIEW_COLUMNS["model_verdicts"])
    newest = _newest(verdicts, "verdict_id", series, SERIES)
    return select(*(verdicts.c[name] for name in names)).join_from(
        series, verdicts, verdicts.c.verdict_id == newest
    )


def definitions(dialect: Dialect) -> Mapping[str, str]:
    """Return the CREATE VIEW statement of every view in the SQL of `dialect`."""
    return _definitions(dialect.name)


@cache
def _definitions(dialect_name: str) -> Mapping[str, str]:
    """Compile the statements; cached, because compiling takes longer than opening a database."""
    selects = {
        "prices": _prices(_dividends()),
        "quarantine": _quarantine(),
        "latest_forecasts": _latest_forecasts(),
        "forecast_history": _forecast_history(),
        "model_scoreboard": _model_scoreboard(),
        "metric_history": _metric_history(),
        "lagging_models": _lagging_models(),
        "lead_lags": _lead_lags(),
        "model_verdicts": _model_verdicts(),
    }
    dialect, literal = URL.create(dialect_name).get_dialect()(), {"literal_binds": True}
    return MappingProxyType(
        {
            name: f"CREATE VIEW {name} AS {query.compile(dialect=dialect, compile_kwargs=literal)}"
            for name, query in selects.items()
        }
    )


def recreate_views(connection: Connection) -> None:
    """Drop and recreate the public views, inside the caller's transaction."""
    existing = set(inspect(connection).get_view_names())
    for name, statement in definitions(connection.dialect).items():
        if name in existing:
            connection.exec_driver_sql(f"DROP VIEW {name}")
        connection.exec_driver_sql(statement)
