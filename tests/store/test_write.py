import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, func, select
from sqlalchemy.exc import IntegrityError

from pipeline.settings import AssetSettings
from pipeline.store import Connection, Engine, read, write
from pipeline.store.tables import (
    assets,
    corporate_actions,
    fits,
    forecasts,
    gaps,
    metadata,
    metrics,
    price_bars,
    rejected_bars,
    runs,
    scores,
    verdicts,
)
from pipeline.types import Bars, ForecastKind, RejectedBar, RunStatus, Verdict
from tests.store.examples import (
    NOON,
    SYMBOL,
    dates,
    dividend,
    issue,
    later,
    make_bars,
    make_block,
    make_fit,
    make_metric,
    make_scores,
    make_verdict,
    reinvesting,
    start_run,
    validated,
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


def test_prices_of_an_asset_that_is_not_registered_are_refused(conn: Connection) -> None:
    run_id = start_run(conn, "SPY")
    with pytest.raises(IntegrityError):
        write.store_prices(conn, validated(make_bars([1.0])), run_id, NOON)


def test_new_bars_are_counted_and_storing_them_again_adds_nothing(conn: Connection) -> None:
    run_id = start_run(conn)
    prices = validated(make_bars([10.0, 11.0, 12.0]))
    first = write.store_prices(conn, prices, run_id, NOON)
    again = write.store_prices(conn, prices, run_id, later(1))
    assert (first.new, first.revised, first.newest_session) == (3, 0, np.datetime64("2024-01-03"))
    assert (again.new, again.revised) == (0, 0)
    assert count(conn, price_bars) == 3


def test_a_changed_bar_becomes_a_revision_and_the_old_one_is_kept(conn: Connection) -> None:
    run_id = start_run(conn)
    write.store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, NOON)
    summary = write.store_prices(conn, validated(make_bars([10.0, 11.5])), run_id, later(1))
    rows = conn.execute(select(price_bars).order_by(price_bars.c.bar_id)).all()
    assert (summary.new, summary.revised) == (0, 1)
    assert [(row.close, row.revision, row.superseded_at_utc) for row in rows] == [
        (10.0, 0, None),
        (11.0, 0, later(1)),
        (11.5, 1, None),
    ]


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
@pytest.mark.parametrize(("change", "revised"), [(5e-7, 0), (5e-6, 1)], ids=["rounding", "a material change"])
def test_a_bar_is_revised_by_a_material_change_only(
    conn: Connection, name: str, change: float, revised: int
) -> None:
    run_id = start_run(conn)
    bars = make_bars([100.0])
    changed = replace(bars, **{name: getattr(bars, name) * (1 + change)})
    write.store_prices(conn, validated(bars), run_id, NOON)
    assert write.store_prices(conn, validated(changed), run_id, later(1)).revised == revised


def test_a_download_without_bars_leaves_no_newest_session(conn: Connection) -> None:
    summary = write.store_prices(conn, validated(make_bars([])), start_run(conn), NOON)
    assert (summary.new, np.isnat(summary.newest_session)) == (0, True)


def test_a_rejected_row_is_stored_once(conn: Connection) -> None:
    run_id = start_run(conn)
    rejected = (RejectedBar(SYMBOL, "2024-01-09", "high below low", '{"high": 1}'),) * 2
    prices = validated(make_bars([10.0]), rejected=rejected)
    assert write.store_prices(conn, prices, run_id, NOON).rejected == 1
    assert write.store_prices(conn, prices, run_id, later(1)).rejected == 0
    assert only(conn, rejected_bars).first_seen_at_utc == NOON


def test_a_gap_is_recorded_once_and_filled_when_its_bar_arrives(conn: Connection) -> None:
    run_id = start_run(conn)
    gappy = validated(make_bars([10.0]), missing=["2024-01-02"])
    assert [write.store_prices(conn, gappy, run_id, later(day)).missing for day in (0, 1)] == [1, 0]
    assert only(conn, gaps).filled_at_utc is None
    write.store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, later(2))
    assert only(conn, gaps).filled_at_utc == later(2)


def test_a_session_missing_from_a_download_is_no_gap_when_its_bar_is_stored(conn: Connection) -> None:
    run_id = start_run(conn)
    write.store_prices(conn, validated(make_bars([10.0, 11.0])), run_id, NOON)
    gappy = validated(make_bars([10.0]), missing=["2024-01-02"])
    assert write.store_prices(conn, gappy, run_id, later(1)).missing == 0


@pytest.mark.parametrize(
    ("value", "kept"), [(0.50002, [0.5]), (0.6, [0.5, 0.6])], ids=["rounding", "a material change"]
)
def test_a_dividend_is_superseded_by_a_material_change_only(
    conn: Connection, value: float, kept: list[float]
) -> None:
    run_id = start_run(conn)
    bars = make_bars([10.0, 11.0])
    for day, amount in enumerate((0.5, value)):
        prices = validated(bars, actions=(dividend("2024-01-02", amount),))
        write.store_prices(conn, prices, run_id, later(day))
    rows = conn.execute(select(corporate_actions).order_by(corporate_actions.c.action_id)).all()
    assert [row.value for row in rows] == kept
    assert [row.superseded_at_utc is None for row in rows] == [False] * (len(kept) - 1) + [True]


PRICE = st.floats(min_value=1e-3, max_value=1e7)


@st.composite
def any_bars(draw: st.DrawFn) -> Bars:
    days = sorted(draw(st.sets(st.integers(min_value=-9000, max_value=20000), max_size=30)))
    rows = [sorted(draw(st.tuples(PRICE, PRICE, PRICE, PRICE))) for _ in days]
    low, open_, close, high = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    volume = np.array(
        draw(st.lists(st.floats(min_value=0, max_value=1e12), min_size=len(days), max_size=len(days)))
    )
    return Bars(SYMBOL, np.array(days, dtype="datetime64[D]"), open_, high, low, close, volume)


@given(bars=any_bars())
@settings(max_examples=40, deadline=None)
def test_bars_are_read_back_exactly_as_stored(shared_engine: Engine, bars: Bars) -> None:
    with shared_engine.connect() as conn:
        run_id = start_run(conn)
        write.store_prices(conn, validated(bars), run_id, NOON)
        again = write.store_prices(conn, validated(bars), run_id, later(1))
        found = read.bars(conn, SYMBOL, FAR)
        conn.rollback()
    assert (again.new, again.revised) == (0, 0)
    assert found.session_dates.dtype == np.dtype("datetime64[D]")
    for name in ("session_dates", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(found, name), getattr(bars, name))


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
