from pathlib import Path

import numpy as np
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from pipeline.store import Connection, Engine, check, open_store, read, reading, writing
from pipeline.store import engine as store_engine
from pipeline.store.tables import metadata
from tests.store.examples import dates, issue, make_block, make_fit, start_run


def test_the_migrated_schema_equals_the_tables(conn: Connection) -> None:
    context = MigrationContext.configure(conn, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_every_index_of_the_tables_is_migrated_with_its_condition(conn: Connection, tmp_path: Path) -> None:
    query = (
        "SELECT name, replace(sql, tbl_name || '.', '') FROM sqlite_master WHERE type = 'index' ORDER BY name"
    )
    migrated = conn.exec_driver_sql(query).all()
    other = open_store(str(tmp_path / "other.db"))
    with writing(other) as fresh:
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
    older = open_store(file)
    with writing(older) as conn:
        for view in inspect(conn).get_view_names():
            conn.exec_driver_sql(f"DROP VIEW {view}")
        run_id = start_run(conn)
        issue(conn, run_id, make_block(make_fit(), dates("2024-01-02", 1)))
        command.downgrade(store_engine.migration_config(conn), "0001")
        conn.exec_driver_sql(OLD_VERDICT, (run_id,))
    older.dispose()
    newer = open_store(file)
    with reading(newer) as conn:
        found = read.newest_verdict(conn, "AAPL", "ridge", 1)
    assert found is not None
    assert (found.judgement.sentence, found.judgement.evidence.skill) == ("ECHO: as it was", 0.1)
    assert np.isnan(found.judgement.evidence.p_skill)
    assert np.isnat(found.first_origin)
    with reading(newer) as conn:
        assert conn.exec_driver_sql("SELECT way, start_hash FROM fits").all() == [("cold", None)]
    assert check(newer) == ()
