import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.exc import IntegrityError

from pipeline.settings import AssetSettings
from pipeline.store import Connection, write
from pipeline.store.tables import (
    assets,
    fits,
    forecasts,
    metadata,
    metrics,
    runs,
    scores,
    verdicts,
)
from pipeline.types import ForecastKind, RunStatus, Verdict
from tests.store.examples import (
    NOON,
    SYMBOL,
    dates,
    issue,
    later,
    make_block,
    make_fit,
    make_metric,
    make_scores,
    make_verdict,
    reinvesting,
    start_run,
)

FAR = np.datetime64("2100-01-01")


def count(conn: Connection, table: Table) -> int:
    return conn.scalar(select(func.count()).select_from(table)) or 0


def only(conn: Connection, table: Table) -> Any:
    return conn.execute(select(table)).one()


def test_a_run_is_open_until_it_is_finished(conn: Connection) -> None:
    run_id = start_run(conn)
    assert (only(conn, runs).status, only(conn, runs).finished_at_utc) == ("running", None)
    write.finish_run(conn, run_id, status=RunStatus.DEGRADED, finished_at=later(1), summary_json='{"a": 1}')
    run = only(conn, runs)
    assert (run.status, run.finished_at_utc, run.summary) == ("degraded", later(1), '{"a": 1}')


def test_moments_are_stored_in_utc_whatever_their_zone(conn: Connection) -> None:
    run_id = start_run(conn)
    seoul = NOON.astimezone(timezone(timedelta(hours=9)))
    write.finish_run(conn, run_id, status=RunStatus.DONE, finished_at=seoul, summary_json="{}")
    stored = conn.exec_driver_sql("SELECT finished_at_utc FROM runs").scalar()
    assert stored == "2024-03-01 12:00:00.000000"


def test_a_naive_moment_is_refused(conn: Connection) -> None:
    run_id = start_run(conn)
    naive = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(Exception, match="no time zone"):
        write.finish_run(conn, run_id, status=RunStatus.DONE, finished_at=naive, summary_json="{}")


def test_a_changed_asset_is_updated_and_keeps_the_run_that_first_met_it(conn: Connection) -> None:
    first = start_run(conn)
    second = start_run(conn)
    changed = AssetSettings(symbol=SYMBOL, calendar="XKRX", currency="KRW", leads=("SPY",))
    write.register_assets(conn, [changed], second)
    asset = only(conn, assets)
    assert (asset.calendar, asset.currency, json.loads(asset.leads)) == ("XKRX", "KRW", ["SPY"])
    assert asset.first_run_id == first


def test_forecasts_are_stored_a_row_an_origin_and_horizon(conn: Connection) -> None:
    block = make_block(make_fit(), dates("2024-01-01", 3), horizons=2)
    closes = np.arange(6.0).reshape(3, 2) + 100
    assert issue(conn, start_run(conn), replace(block, closes=closes)) == 6
    rows = conn.execute(select(forecasts).order_by(forecasts.c.forecast_id)).all()
    assert [row.horizon for row in rows] == [1, 2, 1, 2, 1, 2]
    assert [row.forecast_close for row in rows] == closes.ravel().tolist()
    assert [(row.target_date - row.origin_date).days for row in rows] == [1, 2] * 3


def test_undefined_numbers_are_stored_as_null(conn: Connection) -> None:
    issue(conn, start_run(conn), make_block(make_fit(), dates("2024-01-01", 1), horizons=1))
    raw = conn.exec_driver_sql("SELECT kpss_p, adf_p, epochs FROM fits").one()
    assert tuple(raw) == (None, 0.01, "[[1, 0.9, null], [2, 0.8, 0.85]]")
    assert conn.exec_driver_sql("SELECT lower_80, upper_95 FROM forecasts").one() == (None, None)
    assert np.isnan(only(conn, fits).kpss_p)


def test_a_fit_says_what_its_prices_are_adjusted_for(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 1)))
    issue(conn, run_id, make_block(reinvesting(make_fit(config_hash="c2")), dates("2024-01-01", 1)))
    assert [row.adjustment for row in conn.execute(select(fits))] == ["splits", "dividends"]


def test_a_fit_says_which_weights_it_went_on_from_and_that_it_began_anew_without_any(
    conn: Connection,
) -> None:
    run_id, anew = start_run(conn), make_fit()
    warm = replace(anew, provenance=replace(anew.provenance, start_hash="0123456789abcdef"))
    for day, fit in enumerate((anew, warm)):
        issue(conn, run_id, make_block(fit, dates("2024-01-01", 2)[day:][:1]))
    stored = [(row.way, row.start_hash) for row in conn.execute(select(fits).order_by(fits.c.fit_id))]
    assert stored == [("cold", None), ("warm", "0123456789abcdef")]


def test_a_fit_keeps_its_weights_and_has_none_where_there_are_none(conn: Connection) -> None:
    run_id = start_run(conn)
    for day, weights in enumerate((b"weights", b"")):
        issue(conn, run_id, make_block(make_fit(weights=weights), dates("2024-01-01", 2)[day:][:1]))
    assert [row.weights for row in conn.execute(select(fits).order_by(fits.c.fit_id))] == [b"weights", None]


def test_a_forecast_is_never_overwritten(conn: Connection) -> None:
    run_id = start_run(conn)
    block = make_block(make_fit(), dates("2024-01-01", 2))
    issue(conn, run_id, block)
    with pytest.raises(IntegrityError):
        issue(conn, run_id, block)


def test_a_new_score_supersedes_the_current_one(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 1), horizons=2))
    assert write.store_scores(conn, make_scores([1, 2]), run_id, NOON) == 2
    assert write.store_scores(conn, make_scores([1], actual=102.0), run_id, later(1)) == 1
    rows = conn.execute(select(scores).order_by(scores.c.score_id)).all()
    assert [(row.forecast_id, row.actual_close, row.superseded_at_utc) for row in rows] == [
        (1, 101.0, later(1)),
        (2, 101.0, None),
        (1, 102.0, None),
    ]


def test_a_metric_is_written_only_when_its_value_or_n_changes(conn: Connection) -> None:
    run_id = start_run(conn)
    nan = float("nan")
    story = [make_metric(1.0), make_metric(1.0), make_metric(nan), make_metric(nan), make_metric(nan, n=51)]
    written = [
        write.store_metrics(conn, [metric], run_id, later(day), later(day))
        for day, metric in enumerate(story)
    ]
    assert written == [1, 0, 1, 0, 1]
    assert count(conn, metrics) == 3


def test_where_nothing_is_measured_or_judged_nothing_is_written(conn: Connection) -> None:
    run_id = start_run(conn)
    assert write.store_metrics(conn, [], run_id, NOON, NOON) == 0
    assert write.store_verdicts(conn, [], run_id, NOON, NOON) == 0
    assert (count(conn, metrics), count(conn, verdicts)) == (0, 0)


def test_a_replayed_day_compares_with_what_was_known_then(conn: Connection) -> None:
    run_id = start_run(conn)
    for day, value in ((0, 1.0), (10, 2.0)):
        write.store_metrics(conn, [make_metric(value)], run_id, later(day), later(day))
    assert write.store_metrics(conn, [make_metric(1.0)], run_id, later(5), later(20)) == 0
    assert write.store_metrics(conn, [make_metric(2.0)], run_id, later(5), later(20)) == 1


def test_a_verdict_is_written_only_when_anything_of_it_changes(conn: Connection) -> None:
    run_id = start_run(conn)
    story = [make_verdict(), make_verdict(), make_verdict(Verdict.WORSE), make_verdict(Verdict.WORSE, n=51)]
    written = [
        write.store_verdicts(conn, [verdict], run_id, later(day), later(day))
        for day, verdict in enumerate(story)
    ]
    assert written == [1, 0, 1, 1]
    assert [row.verdict for row in conn.execute(select(verdicts))] == ["ECHO", "WORSE", "WORSE"]


def test_evidence_that_differs_by_rounding_only_is_no_news(conn: Connection) -> None:
    run_id, verdict = start_run(conn), make_verdict()
    nearly = replace(verdict.judgement.evidence, p_skill=verdict.judgement.evidence.p_skill * (1 + 1e-13))
    other = replace(verdict.judgement.evidence, p_skill=verdict.judgement.evidence.p_skill * (1 + 1e-6))
    written = [
        write.store_verdicts(
            conn, [replace(verdict, judgement=replace(verdict.judgement, evidence=one))], run_id, NOON, NOON
        )
        for one in (verdict.judgement.evidence, nearly, other)
    ]
    assert written == [1, 0, 1]


def test_weights_are_pruned_of_old_fits_that_a_newer_one_replaced(conn: Connection) -> None:
    run_id = start_run(conn)
    for day in range(4):
        issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 4)[day : day + 1]), days=day)
    other = make_block(make_fit(config_hash="c2", kind=ForecastKind.BACKTEST), dates("2024-01-01", 1))
    issue(conn, run_id, other, days=0)
    assert write.prune_weights(conn, later(2)) == 2
    kept = [row.weights is not None for row in conn.execute(select(fits).order_by(fits.c.fit_id))]
    assert kept == [False, False, True, True, True]
    assert write.prune_weights(conn, later(2)) == 0


def test_every_table_and_column_says_what_it_holds() -> None:
    silent = [str(column) for table in metadata.tables.values() for column in table.c if not column.comment]
    assert silent == []
    assert all(table.comment for table in metadata.tables.values())
