import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, inspect

from pipeline.errors import StoreError
from pipeline.store import (
    VIEW_COLUMNS,
    Connection,
    Engine,
    absent_file,
    backup,
    check,
    open_read_only,
    open_store,
    reading,
    upgrade,
    write,
    writing,
)
from pipeline.store.tables import metadata
from tests.store.examples import (
    NOON,
    dates,
    issue,
    make_bars,
    make_block,
    make_fit,
    make_scores,
    start_run,
    store_prices,
    validated,
)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with writing(engine) as conn:
        run_id = start_run(conn)
        store_prices(conn, validated(make_bars([100.0, 101.0])), run_id, NOON)
        issue(conn, run_id, make_block(make_fit(), dates("2024-01-01", 1), horizons=1))
        write.store_scores(conn, make_scores([1]), run_id, NOON)
    return engine


def damage(engine: Engine, *statements: str) -> None:
    """Change rows behind the store's back, without foreign keys."""
    assert engine.url.database
    connection = sqlite3.connect(engine.url.database)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("prefix", ["", "sqlite:///"], ids=["a plain path", "a URL"])
def test_a_new_database_is_made_with_all_tables_and_views(tmp_path: Path, prefix: str) -> None:
    with open_store(f"{prefix}{tmp_path / 'new.db'}") as engine:
        names = inspect(engine)
        assert set(names.get_table_names()) == {*metadata.tables, "alembic_version"}
        assert set(names.get_view_names()) == set(VIEW_COLUMNS)
        assert check(engine) == ()


def test_sqlite_keeps_foreign_keys_and_a_write_ahead_log(engine: Engine) -> None:
    with reading(engine) as conn:
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA synchronous").scalar() == 1
        assert conn.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000


def test_a_current_database_opens_without_loading_alembic(file: Path) -> None:
    code = f"import sys; from pipeline.store import open_store; open_store({str(file)!r}).__enter__(); " + (
        "sys.exit('alembic' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_opening_again_keeps_the_rows(filled: Engine, file: Path) -> None:
    with open_store(str(file)) as again, reading(again) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM prices").scalar() == 2


def test_views_that_differ_from_the_code_are_made_anew(filled: Engine, file: Path) -> None:
    damage(filled, "DROP VIEW prices", "CREATE VIEW prices AS SELECT 1 AS symbol", "DROP VIEW lagging_models")
    assert len(check(filled)) == 2
    with open_store(str(file)) as again:
        assert check(again) == ()


def test_an_upgrade_of_a_current_database_changes_no_rows(filled: Engine) -> None:
    upgrade(filled)
    assert check(filled) == ()
    with reading(filled) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM prices").scalar() == 2


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(engine) as conn:
        _ = start_run(conn) / 0
    with reading(engine) as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM runs").scalar() == 0


def test_a_reader_sees_one_snapshot_while_another_writes(engine: Engine) -> None:
    counting = "SELECT count(*) FROM runs"
    with reading(engine) as reader:
        before = reader.exec_driver_sql(counting).scalar()
        with writing(engine) as writer:
            start_run(writer)
        assert reader.exec_driver_sql(counting).scalar() == before == 0


def test_a_read_only_engine_cannot_write(filled: Engine, file: Path) -> None:
    with (
        open_read_only(str(file)) as reader,
        pytest.raises(StoreError, match="cannot be written"),
        writing(reader) as conn,
    ):
        conn.exec_driver_sql("DELETE FROM scores")


def test_reading_a_database_that_does_not_exist_says_what_to_run(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="does not exist") as error,
        open_read_only(str(tmp_path / "none.db")),
    ):
        pass
    assert "pricecast demo" in error.value.next_step
    assert not (tmp_path / "none.db").exists()


def test_a_database_of_an_older_version_is_to_be_upgraded_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "older.db"
    sqlite3.connect(file).close()
    with pytest.raises(StoreError, match="older") as error, open_read_only(str(file)):
        pass
    assert "db upgrade" in error.value.next_step


@pytest.mark.parametrize("opener", [open_store, open_read_only])
def test_a_database_of_a_newer_version_is_refused(filled: Engine, file: Path, opener: object) -> None:
    damage(filled, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="9999") as error, opener(str(file)):  # type: ignore[operator]
        pass
    assert "newer version of pricecast" in error.value.next_step


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE songs (title)")
    with pytest.raises(StoreError, match="another program"), open_store(str(file)):
        pass


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("date,close\n" * 200)
    for opener in (open_store, open_read_only):
        with pytest.raises(StoreError, match=r"prices\.csv is not a SQLite database"), opener(str(file)):
            pass


def test_a_damaged_file_is_told_from_a_sound_one(filled: Engine, file: Path) -> None:
    filled.dispose()
    content = bytearray(file.read_bytes())
    content[4096 : 4096 * 8] = b"\xff" * (4096 * 7)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged") as error, open_store(str(file)):
        pass
    assert "backup" in error.value.next_step


def test_a_folder_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="cannot be opened") as error,
        open_store(str(tmp_path / "none" / "x.db")),
    ):
        pass
    assert "folder" in error.value.next_step


def test_a_file_that_cannot_be_written_is_refused(filled: Engine, file: Path) -> None:
    damage(filled, "DROP VIEW prices")  # so that there is something to write
    filled.dispose()
    with (
        pytest.raises(StoreError, match="cannot be written"),
        open_store(f"sqlite:///file:{file}?mode=ro&uri=true"),
    ):
        pass


def test_a_locked_database_says_who_has_to_finish(filled: Engine, file: Path) -> None:
    with (
        open_store(f"sqlite:///{file}?timeout=0.05") as impatient,
        writing(filled),
        pytest.raises(StoreError, match="in use by another process"),
        writing(impatient),
    ):
        pass


def test_a_file_that_is_named_by_a_uri_is_found(filled: Engine, file: Path) -> None:
    url = f"sqlite:///file:{file}?uri=true"
    assert absent_file(url) is None
    with open_read_only(url) as engine:
        assert check(engine) == ()


@pytest.mark.parametrize("url", ["nosuchdb://host/name", "://"])
def test_a_url_that_names_no_database_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="is not a database"), open_store(url):
        pass


def test_a_backup_has_the_same_rows_and_is_sound(filled: Engine, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(str(file), copy)
    with open_read_only(str(copy)) as copied:
        with reading(copied) as conn:
            assert conn.exec_driver_sql("SELECT count(*) FROM forecast_history").scalar() == 1
        assert check(copied) == ()


def test_a_backup_never_overwrites_a_file(filled: Engine, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    with pytest.raises(StoreError, match="exists already"):
        backup(str(file), copy)
    assert copy.read_text() == "mine"


def test_a_backup_into_a_folder_that_does_not_exist_is_refused(filled: Engine, file: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        backup(str(file), file.parent / "none" / "copy.db")


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "UPDATE price_bars SET superseded_at_utc = first_seen_at_utc",
            "2 sessions without exactly one",
        ),
        ("DELETE FROM fits", "1 forecasts without a fit"),
        ("DELETE FROM forecasts", "1 scores without a forecast"),
        ("UPDATE price_bars SET low = 0", "2 bars with a price that is not positive"),
        ("UPDATE forecasts SET forecast_close = -1", "1 forecasts with a price that is not positive"),
        ("DELETE FROM runs", "refers to a row of runs that does not exist"),
        ("DROP VIEW prices", "view prices cannot be read"),
        ("UPDATE alembic_version SET version_num = '0000'", "schema revision is 0000, expected 0005"),
    ],
)
def test_a_check_tells_what_is_wrong(filled: Engine, statement: str, problem: str) -> None:
    damage(filled, statement)
    assert any(problem in found for found in check(filled))


def test_a_check_finds_a_second_current_score(filled: Engine) -> None:
    copy = "INSERT INTO scores SELECT 2, forecast_id, run_id, 1, 1, 1, scored_at_utc, NULL FROM scores"
    damage(filled, "DROP INDEX scores_current", copy)
    assert check(filled) == ("1 forecasts with more than one current score",)


def test_a_signal_within_a_statement_leaves_no_lock_behind(tmp_path: Path) -> None:
    class Signal(BaseException):
        """What a handler of SIGTERM raises, wherever the program is."""

    with open_store(f"sqlite:///{tmp_path / 'prices.db'}?timeout=0.1") as engine:

        @event.listens_for(engine, "after_cursor_execute")
        def interrupt(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            if "interrupted" in statement:
                raise Signal

        with pytest.raises(Signal) as caught:
            write_until_interrupted(engine)
        # The error, which still refers to the statement, is alive as it is in an exception handler.
        assert caught.value is not None
        with writing(engine) as connection:
            connection.exec_driver_sql("CREATE TABLE unfinished (number INTEGER)")


def write_until_interrupted(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE unfinished (number INTEGER)")
        connection.exec_driver_sql(
            "WITH RECURSIVE interrupted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM interrupted LIMIT 9)"
            " SELECT n FROM interrupted"
        )
