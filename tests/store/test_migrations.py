from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from pipeline.store import Connection, Engine, open_store, writing
from pipeline.store import engine as store_engine
from pipeline.store.tables import metadata


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
