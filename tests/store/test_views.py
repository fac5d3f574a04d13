import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.store import VIEW_COLUMNS, Connection, Engine, write
from pipeline.store.views import SCOREBOARD_METRICS, adjusted_closes, definitions
from pipeline.types import Bands, CorporateAction, FloatArray, ForecastKind, LeadLag, SeriesKey, Verdict
from tests.made import DAY
from tests.properties import examples
from tests.store.examples import (
    KEY,
    NOON,
    SYMBOL,
    changed,
    dates,
    dividend,
    issue,
    later,
    make_bars,
    make_block,
    make_evidence,
    make_fit,
    make_metric,
    make_scores,
    make_verdict,
    start_run,
    store,
    store_prices,
    validated,
)

CONTRACT = {
    "quarantine": "id symbol session_date date_text reason row first_seen_at_utc",
    "lead_lags": "symbol model lead sessions_ahead correlation p_value n is_used "
    "trained_from_date made_at_utc",
    "prices": "symbol session_date open high low close adj_close volume first_seen_at_utc",
    "latest_forecasts": "symbol model horizon origin_date target_date last_close forecast_close "
    "lower_80 upper_80 lower_95 upper_95 predicted_return made_at_utc is_stale verdict",
    "forecast_history": "symbol model kind is_late horizon origin_date target_date last_close forecast_close "
    "actual_close error abs_error naive_abs_error direction_hit in_80 in_95 made_at_utc",
    "model_scoreboard": "symbol model horizon kind n mae rmse mape smape mase skill theil_u hit_rate "
    "coverage_80 coverage_95 dm_p_value verdict is_promoted",
    "metric_history": "symbol model horizon kind metric value n run_id made_at_utc",
    "lagging_models": "symbol model horizon verdict mean_lag_sessions nearest_naive p_echo skill n "
    "judged_at_utc",
    "model_verdicts": "symbol model horizon verdict is_promoted n n_live n_left_out first_origin_date "
    "last_origin_date skill skill_low skill_high skill_as_issued size slope p_skill p_skill_adjusted p_anti "
    "p_shape p_no_skill p_echo p_worse p_better dm_p_value hit_rate p_direction distance tracking "
    "mean_lag_sessions filter_r2 power min_detectable_r2 e_value nearest_naive sentence as_of_utc "
    "judged_at_utc",
}
FAR_ORIGIN = np.array(["2999-01-01"], dtype="datetime64[D]")


def rows(conn: Connection, view: str, columns: str = "*") -> list[dict[str, Any]]:
    return [dict(row) for row in conn.exec_driver_sql(f"SELECT {columns} FROM {view}").mappings()]


def values(conn: Connection, view: str, column: str) -> list[Any]:
    return [row[column] for row in rows(conn, view, column)]


@pytest.mark.parametrize("view", CONTRACT)
def test_a_view_has_the_published_columns_in_order_and_each_is_explained(conn: Connection, view: str) -> None:
    found = list(conn.exec_driver_sql(f"SELECT * FROM {view}").keys())
    assert found == CONTRACT[view].split() == list(VIEW_COLUMNS[view])
    assert all(VIEW_COLUMNS[view].values())


def test_there_are_no_other_views() -> None:
    assert set(VIEW_COLUMNS) == set(CONTRACT)


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda one: one.name)
def test_the_views_need_nothing_that_sqlite_alone_allows(dialect: Dialect) -> None:
    """SQLite alone takes one of several rows for one value, and needs no RECURSIVE in a recursive query."""
    for statement in definitions(dialect).values():
        assert set(re.findall(r"LIMIT (\d+)", statement)) <= {"1"}
        assert "UNION ALL" not in statement or "WITH RECURSIVE" in statement


def test_prices_show_the_newest_revision_of_each_bar(conn: Connection) -> None:
    run_id = start_run(conn)
    for day, closes in enumerate(([10.0, 11.0], [10.0, 11.5])):
        store_prices(conn, validated(make_bars(closes)), run_id, later(day))
    assert values(conn, "prices", "close") == values(conn, "prices", "adj_close") == [10.0, 11.5]
    assert values(conn, "prices", "first_seen_at_utc")[1] == "2024-03-02 12:00:00.000000"


def test_a_dividend_lowers_the_adjusted_closes_before_its_ex_date(conn: Connection) -> None:
    actions = (dividend("2024-01-03", 1.0),)
    store(conn, changed(make_bars([10.0, 20.0, 19.0]), actions), start_run(conn), NOON)
    assert values(conn, "prices", "adj_close") == pytest.approx([9.5, 19.0, 19.0])


@pytest.mark.parametrize("amount", [10.0, 12.0], ids=["equal", "larger"])
def test_no_close_is_lowered_by_a_dividend_that_is_so_large_beside_it(
    conn: Connection, amount: float
) -> None:
    actions = (dividend("2024-01-02", amount),)
    store(conn, changed(make_bars([10.0, 9.0]), actions), start_run(conn), NOON)
    assert values(conn, "prices", "adj_close") == [10.0, 9.0]


def test_the_adjusted_closes_of_one_asset_are_those_of_the_view(conn: Connection) -> None:
    run_id = start_run(conn, SYMBOL, "SPY")
    store(conn, changed(make_bars([10.0, 20.0]), (dividend("2024-01-02", 1.0),)), run_id, NOON)
    other = make_bars([50.0, 40.0, 30.0], symbol="SPY")
    store(conn, changed(other, (dividend("2024-01-03", 8.0, "SPY"),)), run_id, NOON)
    for symbol, closes in ((SYMBOL, [9.0, 20.0]), ("SPY", [40.0, 32.0, 30.0])):
        found = conn.execute(select(adjusted_closes(symbol)).order_by("session_date")).all()
        assert [row.close for row in found] == pytest.approx(closes)


def adjusted(closes: FloatArray, sessions: Any, actions: list[CorporateAction]) -> list[float]:
    """Walk back through the sessions, as one would by hand."""
    amounts = {action.ex_date: action.value for action in actions}
    factor, found = 1.0, []
    for row in range(len(closes) - 1, -1, -1):
        found.append(float(closes[row]) * factor)
        amount = amounts.get(sessions[row], 0.0)
        if row > 0 and amount < closes[row - 1]:
            factor *= 1.0 - amount / closes[row - 1]
    return found[::-1]


@given(
    closes=st.lists(st.floats(min_value=1.0, max_value=1000.0), min_size=1, max_size=25),
    ex_rows=st.dictionaries(
        st.integers(min_value=0, max_value=24), st.floats(min_value=0.001, max_value=5.0)
    ),
)
@examples(40)
def test_adjusted_closes_equal_a_walk_back_through_the_sessions(
    shared_engine: Engine, closes: list[float], ex_rows: dict[int, float]
) -> None:
    bars = make_bars(closes)
    actions = [dividend(str(bars.session_dates[row]), ex_rows[row]) for row in ex_rows if row < len(closes)]
    foreign = changed(make_bars([50.0, 50.0], symbol="SPY"), (dividend("2024-01-02", 25.0, "SPY"),))
    with shared_engine.connect() as conn:
        run_id = start_run(conn, SYMBOL, "SPY")
        store(conn, changed(bars, tuple(actions)), run_id, NOON)
        store(conn, foreign, run_id, NOON)
        query = f"SELECT adj_close FROM prices WHERE symbol = '{SYMBOL}' ORDER BY session_date"
        found = [row.adj_close for row in conn.exec_driver_sql(query)]
        conn.rollback()
    np.testing.assert_allclose(found, adjusted(bars.close, bars.session_dates, actions), rtol=1e-12)


def test_a_superseded_dividend_adjusts_nothing(conn: Connection) -> None:
    run_id = start_run(conn)
    for day, amount in enumerate((5.0, 1.0)):
        prices = validated(make_bars([10.0, 9.0]), actions=(dividend("2024-01-02", amount),))
        store_prices(conn, prices, run_id, later(day))
    assert values(conn, "prices", "adj_close") == pytest.approx([9.0, 9.0])


def test_latest_forecasts_are_live_and_of_the_newest_origin(conn: Connection) -> None:
    run_id = start_run(conn)
    for day in (0, 1):
        issue(conn, run_id, make_block(make_fit(), FAR_ORIGIN + day * DAY, horizons=2, forecast=103.0 + day))
    issue(conn, run_id, make_block(make_fit(kind=ForecastKind.BACKTEST), FAR_ORIGIN + 5 * DAY))
    found = rows(conn, "latest_forecasts")
    assert [(row["horizon"], row["origin_date"], row["forecast_close"]) for row in found] == [
        (1, "2999-01-02", 104.0),
        (2, "2999-01-02", 104.0),
    ]
    assert found[0]["predicted_return"] == pytest.approx(0.04)
    assert (found[0]["is_stale"], found[0]["verdict"]) == (0, None)


@pytest.mark.parametrize(
    ("origin", "newest_bar", "is_stale"),
    [
        pytest.param("2999-01-02", "2999-01-02", 0, id="fresh while its origin is the newest bar"),
        pytest.param("2999-01-02", "2999-01-03", 1, id="stale once a newer bar is stored"),
        pytest.param("2020-01-02", "2020-01-02", 1, id="stale once its target is past"),
    ],
)
def test_a_latest_forecast_is(conn: Connection, origin: str, newest_bar: str, is_stale: int) -> None:
    run_id = start_run(conn)
    store_prices(conn, validated(make_bars([100.0], start=newest_bar)), run_id, NOON)
    issue(conn, run_id, make_block(make_fit(), dates(origin, 1), horizons=1))
    assert values(conn, "latest_forecasts", "is_stale") == [is_stale]


@pytest.mark.parametrize(
    ("days_ago", "is_stale"),
    [pytest.param(1, 1, id="yesterday: is stale"), pytest.param(0, 0, id="today: is not stale yet")],
)
def test_a_latest_forecast_whose_target_is_of(conn: Connection, days_ago: int, is_stale: int) -> None:
    today = np.datetime64(conn.exec_driver_sql("SELECT current_date").scalar_one(), "D")
    target = today - days_ago * DAY
    issue(conn, start_run(conn), make_block(make_fit(), np.array([target - DAY]), horizons=1))
    assert values(conn, "latest_forecasts", "is_stale") == [is_stale]


def test_the_newest_verdict_is_of_the_latest_as_of_and_then_the_last_written(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), FAR_ORIGIN, horizons=2))
    story = [(2, Verdict.ECHO), (2, Verdict.SUSPECT_ECHO), (1, Verdict.WORSE)]
    for day, verdict in story:
        write.store_verdicts(conn, [make_verdict(verdict)], run_id, later(day), later(3))
    assert values(conn, "latest_forecasts", "verdict") == ["SUSPECT_ECHO", None]
    (lagging,) = rows(conn, "lagging_models")
    assert (lagging["horizon"], lagging["verdict"], lagging["p_echo"]) == (1, "SUSPECT_ECHO", 0.98)


def test_the_newest_verdict_of_each_series_stands_with_all_its_evidence(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), FAR_ORIGIN))
    for day, n in enumerate((50, 51)):
        write.store_verdicts(conn, [make_verdict(n=n)], run_id, later(day), later(day))
    (found,) = rows(conn, "model_verdicts")
    expected = vars(make_evidence(51))
    assert {name: found[name] for name in expected} == {**expected, "distance": None}
    assert (found["p_skill_adjusted"], found["n_live"], found["first_origin_date"]) == (0.04, 3, "2024-01-02")


@pytest.mark.parametrize("verdict", [one for one in Verdict if "ECHO" not in one])
def test_a_model_that_no_longer_echoes_is_not_lagging(conn: Connection, verdict: Verdict) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), FAR_ORIGIN))
    for day, one in enumerate((Verdict.ECHO, verdict)):
        write.store_verdicts(conn, [make_verdict(one)], run_id, later(day), later(day))
    assert rows(conn, "lagging_models") == []


def test_horizons_between_judged_ones_do_not_hide_any(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), FAR_ORIGIN))
    judged = [make_verdict(key=replace(KEY, horizon=horizon)) for horizon in (1, 2, 5)]
    write.store_verdicts(conn, judged, run_id, NOON, NOON)
    assert sorted(values(conn, "lagging_models", "horizon")) == [1, 2, 5]


@pytest.mark.parametrize(
    ("forecast", "actual", "hit"),
    [
        pytest.param(103.0, 101.0, 1, id="both up"),
        pytest.param(100.25, 100.5, 1, id="both up a little"),
        pytest.param(100.25, 99.5, 0, id="a little up and down"),
        pytest.param(99.0, 98.0, 1, id="both down"),
        pytest.param(103.0, 99.0, 0, id="up and down"),
        pytest.param(100.0, 99.0, None, id="no move forecast"),
        pytest.param(103.0, 100.0, None, id="no move came"),
    ],
)
def test_a_direction_is_hit_or_missed_where_there_is_one(
    conn: Connection, forecast: float, actual: float, hit: int | None
) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 1), horizons=1, forecast=forecast))
    write.store_scores(conn, make_scores([1], actual, forecast), run_id, NOON)
    (found,) = rows(conn, "forecast_history")
    assert found["direction_hit"] == hit
    assert found["error"] == forecast - actual
    assert (found["abs_error"], found["naive_abs_error"]) == (abs(forecast - actual), abs(100.0 - actual))


@pytest.mark.parametrize(
    ("actual", "inside"), [(95.0, (1, 1)), (90.0, (1, 1)), (89.0, (0, 1)), (79.0, (0, 0)), (121.0, (0, 0))]
)
def test_an_actual_close_is_inside_or_outside_a_band(
    conn: Connection, actual: float, inside: tuple[int, int]
) -> None:
    run_id = start_run(conn)
    bands = Bands(*(np.array([[edge]]) for edge in (90.0, 110.0, 80.0, 120.0)))
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 1), horizons=1), bands)
    write.store_scores(conn, make_scores([1], actual), run_id, NOON)
    (found,) = rows(conn, "forecast_history", "in_80, in_95")
    assert tuple(found.values()) == inside


@pytest.mark.parametrize("is_scored", [True, False], ids=["without a band", "without a score"])
def test_coverage_is_unknown(conn: Connection, is_scored: bool) -> None:
    run_id = start_run(conn)
    block = make_block(make_fit(), dates("2024-01-01", 1), horizons=1)
    bands = None if is_scored else Bands(*(np.array([[edge]]) for edge in (90.0, 110.0, 80.0, 120.0)))
    issue(conn, run_id, block, bands)
    if is_scored:
        write.store_scores(conn, make_scores([1]), run_id, NOON)
    assert rows(conn, "forecast_history", "in_80, in_95") == [{"in_80": None, "in_95": None}]


def test_history_has_both_kinds_and_the_current_score_only(conn: Connection) -> None:
    run_id = start_run(conn)
    for kind in ForecastKind:
        issue(conn, run_id, make_block(make_fit(kind=kind), dates("2024-01-01", 1), horizons=1))
    for actual in (101.0, 102.0):
        write.store_scores(conn, make_scores([1], actual), run_id, NOON)
    found = {row["kind"]: row["actual_close"] for row in rows(conn, "forecast_history")}
    assert found == {"live": 102.0, "backtest": None}


def test_the_scoreboard_has_the_newest_value_of_every_metric(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), FAR_ORIGIN))
    board = [make_metric(float(rank), name) for rank, name in enumerate(SCOREBOARD_METRICS)]
    write.store_metrics(
        conn, [make_metric(99.0, name, n=49) for name in SCOREBOARD_METRICS], run_id, NOON, NOON
    )
    write.store_metrics(conn, board, run_id, later(1), later(1))
    write.store_verdicts(conn, [make_verdict(Verdict.SKILLED)], run_id, NOON, NOON)
    (found,) = rows(conn, "model_scoreboard")
    assert [found[name] for name in SCOREBOARD_METRICS] == list(range(len(SCOREBOARD_METRICS)))
    assert (found["horizon"], found["kind"], found["n"]) == (1, "backtest", 50)
    assert (found["verdict"], found["is_promoted"]) == ("SKILLED", 0)


def test_an_undefined_metric_is_null_on_the_scoreboard_and_a_line_without_verdict_is_shown(
    conn: Connection,
) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), FAR_ORIGIN))
    write.store_metrics(conn, [make_metric(1.0), make_metric(float("nan"), "mape")], run_id, NOON, NOON)
    (found,) = rows(conn, "model_scoreboard", "mae, mape, skill, verdict, is_promoted")
    assert tuple(found.values()) == (1.0, None, None, None, None)


def test_metric_history_keeps_every_value(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), FAR_ORIGIN))
    for day in range(3):
        write.store_metrics(conn, [make_metric(float(day))], run_id, later(day), later(day))
    assert values(conn, "metric_history", "value") == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "view", [view for view in CONTRACT if view not in {"prices", "quarantine", "lead_lags"}]
)
def test_a_view_shows_the_configuration_of_the_newest_fit_only(conn: Connection, view: str) -> None:
    run_id = start_run(conn)
    for config_hash in ("c1", "c2"):
        key = SeriesKey(SYMBOL, "ridge", config_hash, 1)
        issue(conn, run_id, make_block(make_fit(config_hash=config_hash), FAR_ORIGIN, horizons=1))
        write.store_metrics(conn, [make_metric(1.0, key=key)], run_id, NOON, NOON)
        write.store_verdicts(conn, [make_verdict(key=key)], run_id, NOON, NOON)
    assert len(rows(conn, view)) == 1


def test_lead_lags_are_those_of_the_newest_fit_that_is_no_audit(conn: Connection) -> None:
    run_id, days = start_run(conn, SYMBOL, "SPY"), dates("2024-01-01", 2)
    for place, (kind, correlation) in enumerate(
        [(ForecastKind.BACKTEST, 0.1), (ForecastKind.LIVE, 0.2), (ForecastKind.AUDIT, 0.3)]
    ):
        fit = make_fit(kind=kind)
        lead = LeadLag("SPY", 2, correlation, 0.01, 90, is_used=True)
        fit = replace(fit, provenance=replace(fit.provenance, lead_lags=(lead,)))
        issue(conn, run_id, make_block(fit, days[place // 2 :][:1]))
    (row,) = rows(conn, "lead_lags")
    assert (row["lead"], row["sessions_ahead"], row["correlation"], row["is_used"]) == ("SPY", 2, 0.2, 1)
