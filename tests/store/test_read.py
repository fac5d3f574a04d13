from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import StoreError
from pipeline.score.score import score_forecasts
from pipeline.store import (
    VIEW_COLUMNS,
    Connection,
    Engine,
    open_read_only,
    read,
    read_past,
    reading,
    write,
    writing,
)
from pipeline.types import Adjustment, ForecastKind, SeriesKey, Verdict
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
    make_fit,
    make_scores,
    make_verdict,
    reinvesting,
    start_run,
    store,
    store_prices,
    validated,
)

FAR = np.datetime64("2100-01-01")
BACKTEST = ForecastKind.BACKTEST
LIVE = ForecastKind.LIVE


def test_an_unknown_symbol_has_empty_bars_and_no_newest_session(conn: Connection) -> None:
    assert len(read.bars(conn, "NONE", FAR)) == 0
    assert read.newest_session(conn, "NONE") is None


def test_bars_are_the_newest_revisions_up_to_the_session_asked_for(conn: Connection) -> None:
    run_id = start_run(conn)
    for day, closes in enumerate(([10.0, 11.0, 12.0], [10.0, 11.5, 12.0])):
        store_prices(conn, validated(make_bars(closes)), run_id, later(day))
    assert read.bars(conn, SYMBOL, np.datetime64("2024-01-02")).close.tolist() == [10.0, 11.5]
    assert read.newest_session(conn, SYMBOL) == np.datetime64("2024-01-03")


def test_prices_are_the_bars_and_the_newest_word_on_dividends_up_to_the_session_asked_for(
    conn: Connection,
) -> None:
    run_id = start_run(conn, SYMBOL, "SPY")
    for day, amount in enumerate((0.5, 0.7)):
        actions = (dividend("2024-01-03", 1.0), dividend("2024-01-02", amount))
        store_prices(conn, validated(make_bars([10.0, 11.0, 12.0]), actions=actions), run_id, later(day))
    foreign = validated(make_bars([9.0, 9.0], symbol="SPY"), actions=(dividend("2024-01-02", 2.0, "SPY"),))
    store_prices(conn, foreign, run_id, NOON)
    found = read.prices(conn, SYMBOL, np.datetime64("2024-01-02"))
    assert found.bars.close.tolist() == [10.0, 11.0]
    assert found.dividends.ex_dates.tolist() == dates("2024-01-02", 1).tolist()
    assert found.dividends.amounts.tolist() == [0.7]
    assert read.dividends(conn, SYMBOL, FAR).amounts.tolist() == [0.7, 1.0]
    assert len(read.dividends(conn, "NONE", FAR).ex_dates) == 0


def test_forecasts_are_found_by_configuration_kind_and_origin(conn: Connection) -> None:
    issue(conn, start_run(conn), make_block(make_fit(), dates("2024-01-05", 1)))
    assert read.has_forecasts(conn, SYMBOL, "ridge", "c1", LIVE)
    assert not read.has_forecasts(conn, SYMBOL, "ridge", "c1", BACKTEST)
    assert not read.has_forecasts(conn, SYMBOL, "ridge", "c2", LIVE)
    assert read.has_live_origin(conn, SYMBOL, "ridge", "c1", np.datetime64("2024-01-05"))
    assert not read.has_live_origin(conn, SYMBOL, "ridge", "c1", np.datetime64("2024-01-04"))


def test_a_forecast_is_pending_once_its_target_has_a_bar(conn: Connection) -> None:
    run_id = start_run(conn)
    store_prices(conn, validated(make_bars([100.0, 101.0])), run_id, NOON)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 1), horizons=3))
    pending = read.pending_forecasts(conn, SYMBOL, FAR)
    assert pending.forecast_ids.tolist() == [1]
    assert pending.target_closes.tolist() == [101.0]
    assert pending.origin_closes.tolist() == pending.last_closes.tolist() == [100.0]
    assert len(read.pending_forecasts(conn, SYMBOL, np.datetime64("2024-01-01")).forecast_ids) == 0


def test_nothing_is_pending_without_bars(conn: Connection) -> None:
    issue(conn, start_run(conn), make_block(make_fit(), dates("2024-01-01", 1)))
    assert len(read.pending_forecasts(conn, SYMBOL, FAR).forecast_ids) == 0


@pytest.mark.parametrize(
    ("closes", "pending"),
    [
        pytest.param([100.0, 101.0], [], id="nothing changed"),
        pytest.param([50.0, 50.5], [], id="a split changed both prices"),
        pytest.param([100.0, 101.1], [1], id="the target was revised"),
        pytest.param([99.0, 101.0], [1], id="the origin was revised"),
    ],
)
def test_a_scored_forecast_is_pending_again_when_its_actual_change_is_revised(
    conn: Connection, closes: list[float], pending: list[int]
) -> None:
    run_id = start_run(conn)
    store_prices(conn, validated(make_bars([100.0, 101.0])), run_id, NOON)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 1), horizons=1))
    write.store_scores(conn, make_scores([1], actual=101.0), run_id, NOON)
    store(conn, changed(make_bars(closes)), run_id, later(1))
    assert read.pending_forecasts(conn, SYMBOL, FAR).forecast_ids.tolist() == pending


def test_the_closes_of_a_forecast_adjusted_for_dividends_are_so_too(conn: Connection) -> None:
    run_id = start_run(conn)
    prices = validated(make_bars([100.0, 98.0]), actions=(dividend("2024-01-02", 2.0),))
    store_prices(conn, prices, run_id, NOON)
    for fit in (make_fit(), reinvesting(make_fit(config_hash="c2"))):
        issue(conn, run_id, make_block(fit, dates("2024-01-01", 1), horizons=1))
    pending = read.pending_forecasts(conn, SYMBOL, FAR)
    assert pending.forecast_ids.tolist() == [1, 2]
    assert (pending.target_closes / pending.origin_closes).tolist() == pytest.approx([0.98, 1.0], rel=1e-12)


@pytest.mark.parametrize(
    ("amount", "pending"),
    [pytest.param(2.0, [], id="nothing changed"), pytest.param(2.5, [2], id="the dividend was revised")],
)
def test_a_revised_dividend_makes_what_is_adjusted_for_it_pending_again(
    conn: Connection, amount: float, pending: list[int]
) -> None:
    run_id, bars = start_run(conn), make_bars([100.0, 98.0])
    store_prices(conn, validated(bars, actions=(dividend("2024-01-02", 2.0),)), run_id, NOON)
    for fit in (make_fit(), reinvesting(make_fit(config_hash="c2"))):
        issue(conn, run_id, make_block(fit, dates("2024-01-01", 1), horizons=1))
    write.store_scores(conn, score_forecasts(read.pending_forecasts(conn, SYMBOL, FAR)), run_id, NOON)
    store_prices(conn, validated(bars, actions=(dividend("2024-01-02", amount),)), run_id, later(1))
    assert read.pending_forecasts(conn, SYMBOL, FAR).forecast_ids.tolist() == pending


def test_a_track_record_says_what_it_is_adjusted_for(conn: Connection) -> None:
    run_id = start_run(conn)
    fits = (make_fit("drift"), reinvesting(make_fit("ridge")))
    for fit in fits:
        issue(conn, run_id, make_block(fit, dates("2024-01-01", 1), horizons=1))
    write.store_scores(conn, make_scores([1, 2]), run_id, NOON)
    found = [record.adjustment for record in read.track_records(conn, SYMBOL, FAR)]
    assert found == [Adjustment.SPLITS, Adjustment.DIVIDENDS]
    assert read.track_record(conn, KEY, FAR).adjustment is Adjustment.DIVIDENDS


def test_a_track_record_has_what_was_forecast_and_what_came(conn: Connection) -> None:
    run_id = start_run(conn)
    block = make_block(make_fit(kind=BACKTEST), dates("2024-01-01", 3), horizons=2)
    issue(conn, run_id, block)
    write.store_scores(conn, make_scores([1, 2, 3, 4, 5], actual=102.0), run_id, NOON)
    first, second = read.track_records(conn, SYMBOL, FAR)
    assert (first.key.horizon, len(first), second.key.horizon, len(second)) == (1, 3, 2, 2)
    assert first.origin_dates.tolist() == dates("2024-01-01", 3).tolist()
    assert (second.target_dates - second.origin_dates).astype(int).tolist() == [2, 2]
    assert (first.forecast_closes[0], first.actual_closes[0], first.last_closes[0]) == (103.0, 102.0, 100.0)
    assert first.naive_maes.tolist() == [1.5] * 3
    assert not first.is_live.any()
    assert np.isnan(first.bands.lower_80).all()


def test_a_track_record_ends_with_the_session_asked_for(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 3), horizons=1))
    write.store_scores(conn, make_scores([1, 2, 3]), run_id, NOON)
    (record,) = read.track_records(conn, SYMBOL, np.datetime64("2024-01-03"))
    assert record.target_dates.tolist() == dates("2024-01-02", 2).tolist()


def test_of_two_forecasts_from_one_origin_the_first_issued_counts(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-02", 1), horizons=1, forecast=105.0))
    backtest = make_fit(kind=BACKTEST)
    issue(conn, run_id, make_block(backtest, dates("2024-01-01", 3), horizons=1, forecast=99.0))
    write.store_scores(conn, make_scores([1, 2, 3, 4]), run_id, NOON)
    record = read.track_record(conn, KEY, FAR)
    assert record.forecast_closes.tolist() == [99.0, 105.0, 99.0]
    assert record.is_live.tolist() == [False, True, False]


def test_track_records_are_of_the_current_configuration_and_history_stays_readable(conn: Connection) -> None:
    run_id = start_run(conn)
    for config_hash in ("c1", "c2"):
        issue(conn, run_id, make_block(make_fit(config_hash=config_hash), dates("2024-01-01", 1), horizons=1))
    write.store_scores(conn, make_scores([1, 2]), run_id, NOON)
    assert [record.key.config_hash for record in read.track_records(conn, SYMBOL, FAR)] == ["c2"]
    assert len(read.track_record(conn, KEY, FAR)) == 1
    assert len(read.track_record(conn, SeriesKey(SYMBOL, "ridge", "c3", 1), FAR)) == 0


def test_a_superseded_score_is_not_read(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 1), horizons=1))
    for actual in (101.0, 102.0):
        write.store_scores(conn, make_scores([1], actual=actual), run_id, NOON)
    assert read.track_record(conn, KEY, FAR).actual_closes.tolist() == [102.0]


def test_weights_are_those_of_the_newest_live_forecast_before_the_origin(conn: Connection) -> None:
    run_id, days = start_run(conn), dates("2024-01-01", 4)
    for day, weights in ((0, b"old"), (2, b"newer"), (1, b"new")):
        issue(conn, run_id, make_block(make_fit(weights=weights), days[day : day + 1]))
    audit = make_fit(kind=ForecastKind.AUDIT, weights=b"")
    issue(conn, run_id, make_block(audit, days[2:3]))
    asked = (conn, SYMBOL, "ridge", "c1")
    assert [read_past.weights_before(*asked, day) for day in days] == [b"", b"old", b"new", b"newer"]
    assert read_past.weights_before(conn, SYMBOL, "ridge", "c2", days[3]) == b""


def test_weights_that_were_not_kept_are_empty(conn: Connection) -> None:
    fit = replace(make_fit(), weights=b"")
    issue(conn, start_run(conn), make_block(fit, dates("2024-01-01", 1)))
    assert read_past.weights_before(conn, SYMBOL, "ridge", "c1", FAR) == b""


def test_audits_are_read_beside_the_warm_fit_of_their_run_and_nowhere_else(conn: Connection) -> None:
    run_id, other_run, days = start_run(conn), start_run(conn), dates("2024-01-01", 3)
    warm, cold = make_fit(kind=ForecastKind.BACKTEST), make_fit()
    warm = replace(warm, provenance=replace(warm.provenance, start_hash="s1"))
    issue(conn, run_id, make_block(warm, days[:2], horizons=1))
    issue(conn, run_id, make_block(make_fit(kind=ForecastKind.AUDIT), days[1:2], horizons=1))
    issue(conn, other_run, make_block(cold, days[1:2], horizons=1))
    write.store_scores(conn, make_scores([1, 2, 3, 4]), run_id, NOON)
    assert len(read.track_record(conn, KEY, FAR)) == 2
    audited = read_past.audited_errors(conn, SYMBOL, "ridge", "c1", FAR)
    assert audited.origin_dates.tolist() == days[1:2].tolist()
    assert np.isfinite(audited.warm).all()
    assert len(read_past.audited_errors(conn, SYMBOL, "ridge", "c1", days[1]).warm) == 0


def test_the_last_audit_is_the_newest_audited_origin_by_then(conn: Connection) -> None:
    run_id, days = start_run(conn), dates("2024-01-01", 4)
    issue(conn, run_id, make_block(make_fit(kind=ForecastKind.AUDIT), days[1:3], horizons=1))
    found = [read_past.last_audit(conn, SYMBOL, "ridge", "c1", day) for day in days]
    assert np.isnat(found[0])
    assert found[1:] == [days[1], days[2], days[2]]


@pytest.mark.parametrize(
    "sql",
    ["SELECT symbol, close FROM prices", "WITH p AS (SELECT symbol, close FROM prices) SELECT * FROM p"],
    ids=["select", "with"],
)
def test_a_select_gives_its_column_names_and_rows(engine: Engine, file: Path, sql: str) -> None:
    with writing(engine) as conn:
        store_prices(conn, validated(make_bars([10.0, 11.0])), start_run(conn), NOON)
    with open_read_only(str(file)) as readers, reading(readers) as reader:
        assert read.query(reader, sql) == (("symbol", "close"), [(SYMBOL, 10.0), (SYMBOL, 11.0)])


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("DELETE FROM runs", id="a deletion"),
        pytest.param("DROP VIEW prices", id="a schema change"),
        pytest.param("SELECT 1; DELETE FROM runs", id="two statements"),
        pytest.param("PRAGMA query_only=OFF", id="a setting"),
        pytest.param("ATTACH DATABASE 'other.db' AS other", id="another file"),
        pytest.param("SELECT nothing FROM prices", id="an unknown column"),
        pytest.param("VACUUM", id="a rewrite"),
        pytest.param("", id="nothing"),
    ],
)
def test_any_other_statement_is_refused_with_the_list_of_views(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        open_read_only(str(file)) as readers,
        reading(readers) as reader,
        pytest.raises(StoreError) as error,
    ):
        read.query(reader, sql)
    assert all(view in error.value.next_step for view in VIEW_COLUMNS)
    assert not Path("other.db").exists()


def test_a_file_stays_unwritable_after_query_only_is_switched_off(file: Path) -> None:
    with open_read_only(str(file)) as readers, reading(readers) as reader:
        reader.exec_driver_sql("PRAGMA query_only=OFF")
        with pytest.raises(StoreError, match="readonly"):
            read.query(reader, "DELETE FROM runs")


def test_sql_of_a_person_is_not_sent_through_a_connection_that_can_write(conn: Connection) -> None:
    with pytest.raises(ValueError, match="can write"):
        read.query(conn, "SELECT 1")


def test_the_newest_verdict_comes_back_as_it_was_stored(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-02", 1)))
    for day, verdict in enumerate((Verdict.ECHO, Verdict.SKILLED)):
        write.store_verdicts(conn, [make_verdict(verdict)], run_id, later(day), later(day))
    found = read.newest_verdict(conn, *(getattr(KEY, name) for name in ("symbol", "model", "horizon")))
    assert found is not None
    stored = make_verdict(Verdict.SKILLED)
    assert np.isnan(found.judgement.evidence.distance)
    known = replace(found.judgement, evidence=replace(found.judgement.evidence, distance=0.0))
    expected = replace(stored.judgement, evidence=replace(stored.judgement.evidence, distance=0.0))
    assert replace(found, judgement=known) == replace(stored, judgement=expected)


def test_a_series_that_was_not_judged_has_no_verdict(conn: Connection) -> None:
    run_id = start_run(conn)
    issue(conn, run_id, make_block(make_fit(), dates("2024-01-02", 1)))
    write.store_verdicts(conn, [make_verdict()], run_id, NOON, NOON)
    assert read.newest_verdict(conn, SYMBOL, "ridge", 2) is None
    assert read.newest_verdict(conn, SYMBOL, "drift", 1) is None
