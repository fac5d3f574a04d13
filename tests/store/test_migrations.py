import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from pipeline.store import (
    Connection,
    Engine,
    check,
    open_store,
    read,
    read_known,
    reading,
    writing,
)
from pipeline.store import engine as store_engine
from pipeline.store.tables import metadata
from pipeline.store.views import recreate_views
from pipeline.types import QuarantineCode
from tests.store.examples import (
    dates,
    issue,
    later,
    make_bars,
    make_block,
    make_fit,
    start_run,
    store_prices,
    validated,
)


def test_the_migrated_schema_equals_the_tables(conn: Connection) -> None:
    context = MigrationContext.configure(conn, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_every_index_of_the_tables_is_migrated_with_its_condition(conn: Connection, tmp_path: Path) -> None:
    query = (
        "SELECT name, replace(sql, tbl_name || '.', '') FROM sqlite_master WHERE type = 'index' ORDER BY name"
    )
    migrated = conn.exec_driver_sql(query).all()
    with open_store(str(tmp_path / "other.db")) as other, writing(other) as fresh:
        for view in inspect(fresh).get_view_names():
            fresh.exec_driver_sql(f"DROP VIEW {view}")
        metadata.drop_all(fresh)
        metadata.create_all(fresh)
        assert fresh.exec_driver_sql(query).all() == migrated


def test_the_revision_of_the_code_is_the_newest_migration(conn: Connection) -> None:
    scripts = ScriptDirectory.from_config(store_engine.migration_config(conn))
    assert scripts.get_current_head() == store_engine.CODE_REVISION


def test_a_downgrade_takes_every_table_away(engine: Engine) -> None:
    with writing(engine) as conn:
        for view in inspect(conn).get_view_names():
            conn.exec_driver_sql(f"DROP VIEW {view}")
        command.downgrade(store_engine.migration_config(conn), "base")
        assert inspect(conn).get_table_names() == ["alembic_version"]


OLD_VERDICT = """
INSERT INTO verdicts (run_id, symbol, model, config_hash, horizon, verdict, n, skill, nearest_naive,
    is_promoted, sentence, as_of_utc, judged_at_utc)
VALUES (?, 'AAPL', 'ridge', 'c1', 1, 'ECHO', 40, 0.1, 'y(t)', 0, 'ECHO: as it was',
    '2024-01-01 00:00:00', '2024-01-01 00:00:00')
"""


def test_what_the_first_schema_held_is_kept_and_has_no_more(tmp_path: Path) -> None:
    file = str(tmp_path / "old.db")
    with open_store(file) as older, writing(older) as conn:
        for view in inspect(conn).get_view_names():
            conn.exec_driver_sql(f"DROP VIEW {view}")
        run_id = start_run(conn)
        issue(conn, run_id, make_block(make_fit(), dates("2024-01-02", 1)))
        command.downgrade(store_engine.migration_config(conn), "0001")
        conn.exec_driver_sql(OLD_VERDICT, (run_id,))
    with open_store(file) as newer, reading(newer) as conn:
        assert check(newer) == ()
        found = read.newest_verdict(conn, "AAPL", "ridge", 1)
        assert conn.exec_driver_sql("SELECT way, start_hash FROM fits").all() == [("cold", None)]
    assert found is not None
    assert (found.judgement.sentence, found.judgement.evidence.skill) == ("ECHO: as it was", 0.1)
    assert np.isnan(found.judgement.evidence.p_skill)
    assert np.isnat(found.first_origin)


THIRD_SCHEMA_ROWS = """
INSERT INTO runs (run_id, command, source, as_of_utc, started_at_utc, status, code_version, settings)
VALUES (1, 'run', 'csv:x', '2024-03-01 12:00:00', '2024-03-01 12:00:00', 'done', '1.0', '{}');
INSERT INTO assets (symbol, calendar, currency, leads, first_run_id)
VALUES ('AAPL', '24/7', 'USD', '[]', 1);
INSERT INTO price_bars (symbol, session_date, revision, open, high, low, close, volume, first_seen_at_utc,
    superseded_at_utc, run_id)
VALUES ('AAPL', '2024-01-01', 0, 10, 11, 9, 10, 1, '2024-03-01 12:00:00', '2024-03-01 12:00:00', 1),
    ('AAPL', '2024-01-01', 1, 10, 11, 9, 10.5, 1, '2024-03-01 12:00:00', NULL, 1),
    ('AAPL', '2024-01-03', 0, 10, 11, 9, 10, 1, '2024-03-01 12:00:00', NULL, 1);
INSERT INTO gaps (symbol, session_date, first_seen_at_utc, run_id)
VALUES ('AAPL', '2024-01-02', '2024-03-01 12:00:00', 1);
INSERT INTO corporate_actions (symbol, ex_date, kind, value, first_seen_at_utc, run_id)
VALUES ('AAPL', '2024-01-03', 'dividend', 0.5, '2024-03-01 12:00:00', 1);
INSERT INTO rejected_bars (symbol, date_text, reason, row, first_seen_at_utc, run_id)
VALUES ('AAPL', '2024-01-02', 'high is below low', '{"open": 10.0, "high": 8.0, "low": 9.0, "close": 9.0}',
        '2024-03-01 12:00:00', 1),
    ('AAPL', '2024-01-02 00:00:00', 'high is below low', '{}', '2024-03-01 12:00:00', 1),
    ('AAPL', 'Jan 02, 2024', 'high is below low', '{}', '2024-03-01 12:00:00', 1),
    ('AAPL', '1/2/2024', 'high is below low', '{}', '2024-03-01 12:00:00', 1),
    ('AAPL', 'Total', 'date cannot be read', '{}', '2024-03-01 12:00:00', 1),
    ('AAPL', '2024-02-31', 'date cannot be read', '{}', '2024-03-01 12:00:00', 1),
    ('AAPL', 'date-no-go', 'date cannot be read', '{}', '2024-03-01 12:00:00', 1);
INSERT INTO fits (fit_id, run_id, symbol, model, config_hash, data_hash, seed, code_version, kind, way,
    trained_from_date, trained_through_date, n_training, n_validation, best_epoch, made_at_utc, epochs)
VALUES (1, 1, 'AAPL', 'ridge', 'c1', 'd1', 7, '1.0', 'live', 'cold', '2023-01-01', '2023-12-31', 9, 1, 1,
    '2024-03-01 12:00:00', '[]');
INSERT INTO forecasts (fit_id, run_id, symbol, model, config_hash, kind, horizon, origin_date, target_date,
    last_close, forecast_close, is_late, made_at_utc)
VALUES (1, 1, 'AAPL', 'ridge', 'c1', 'live', 1, '2024-01-03', '2024-01-04', 10, 10.2, 0,
    '2024-03-01 12:00:00');
"""


def at_third_schema(file: Path) -> None:
    """A database as 0003 left it, with rows and with views."""
    store = create_engine(f"sqlite:///{file}")
    with store.begin() as conn:
        command.upgrade(store_engine.migration_config(conn), "0003")
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(THIRD_SCHEMA_ROWS)
    with store.begin() as conn:
        recreate_views(conn)
    store.dispose()


def test_what_the_third_schema_held_is_kept_beside_its_views_and_sound(tmp_path: Path) -> None:
    at_third_schema(tmp_path / "old.db")
    with open_store(str(tmp_path / "old.db")) as newer, reading(newer) as conn:
        assert check(newer) == ()
        known = read_known.known_prices(conn, "AAPL")
        asked = read_known.download_history(conn, "AAPL")
        assert conn.exec_driver_sql("SELECT adjustment FROM fits").all() == [("splits",)]
        assert conn.exec_driver_sql("SELECT close, round(adj_close, 9) FROM prices").all() == [
            (10.5, 10.0),
            (10.0, 10.0),
        ]
        assert conn.exec_driver_sql("SELECT forecast_close FROM latest_forecasts").all() == [(10.2,)]
    assert known.bars.close.tolist() == [10.5, 10.0]
    assert [(one.action.value, one.missing_since) for one in known.actions] == [(0.5, None)]
    assert known.decided == ()
    assert np.isnat(asked.asked_from)
    assert asked.recheck_from == np.datetime64("2024-01-02")


def test_quarantined_rows_of_the_third_schema_are_dated_where_their_date_can_be_read(tmp_path: Path) -> None:
    at_third_schema(tmp_path / "old.db")
    with open_store(str(tmp_path / "old.db")) as newer, reading(newer) as conn:
        found = conn.exec_driver_sql("SELECT session_date FROM quarantine ORDER BY id").scalars().all()
    assert found == ["2024-01-02"] * 4 + [None] * 3


def test_an_upgraded_store_takes_the_next_download(tmp_path: Path) -> None:
    at_third_schema(tmp_path / "old.db")
    with open_store(str(tmp_path / "old.db")) as newer, writing(newer) as conn:
        bars = make_bars([10.5, 10.2, 10.0, 10.1])
        summary = store_prices(conn, validated(bars), 1, later(1))
        assert (summary.new, summary.revised, summary.n_gaps) == (2, 2, 0)
        assert summary.in_quarantine == 0


REASONS = {
    "date cannot be read": QuarantineCode.UNREADABLE_DATE,
    "not a session of the calendar": QuarantineCode.NO_SESSION,
    "all prices missing": QuarantineCode.NO_PRICES,
    "a price is missing": QuarantineCode.MISSING_PRICE,
    "a price is not finite": QuarantineCode.NOT_FINITE,
    "a price is not positive": QuarantineCode.NOT_POSITIVE,
    "high is below low": QuarantineCode.HIGH_BELOW_LOW,
    "open or close lies outside low to high": QuarantineCode.OUTSIDE_RANGE,
    "volume is negative or not finite": QuarantineCode.BAD_VOLUME,
    "conflicting rows for one date": QuarantineCode.CONFLICT,
    "in USD, where the asset is configured in EUR": QuarantineCode.WRONG_CURRENCY,
    "dated in UTC, where the calendar XNYS has another time": QuarantineCode.WRONG_TIME_ZONE,
    "about 100 times too high": QuarantineCode.HUNDREDFOLD,
    "a jump like a split of 4:1 that is not applied to the prices before": QuarantineCode.UNAPPLIED_SPLIT,
    "a jump like a split of 2:1 or 1:2 that is not applied to all prices": QuarantineCode.UNAPPLIED_SPLIT,
    "a jump of the whole bar without a split": QuarantineCode.PRICE_JUMP,
}


def test_quarantined_rows_of_the_fourth_schema_get_the_codes_of_their_reasons(tmp_path: Path) -> None:
    old = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with old.begin() as conn:
        command.upgrade(store_engine.migration_config(conn), "0004")
        conn.exec_driver_sql(
            "INSERT INTO runs (command, source, as_of_utc, started_at_utc, status, code_version, settings)"
            " VALUES ('run', 'x', '2024-03-01 12:00:00', '2024-03-01 12:00:00', 'done', '1', '{}')"
        )
        conn.exec_driver_sql("INSERT INTO assets VALUES ('A', '24/7', 'USD', '[]', 1, NULL)")
        for reason in REASONS:
            conn.exec_driver_sql(
                "INSERT INTO rejected_bars (symbol, date_text, reason, row, first_seen_at_utc, run_id)"
                " VALUES ('A', 'x', ?, '{}', '2024-03-01 12:00:00', 1)",
                (reason,),
            )
    old.dispose()
    with open_store(str(tmp_path / "old.db")) as newer, reading(newer) as conn:
        found = dict(conn.exec_driver_sql("SELECT reason, code FROM rejected_bars").tuples().all())
    assert found == {reason: code.value for reason, code in REASONS.items()}
