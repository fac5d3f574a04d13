"""Opening, upgrading, checking and backing up the database.

Nothing outside `store` sees an error of the database library: whatever a person can act on is a StoreError.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    column,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    or_,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from pipeline.errors import StoreError
from pipeline.store.tables import corporate_actions, fits, forecasts, price_bars, scores
from pipeline.store.view_columns import VIEW_COLUMNS
from pipeline.store.views import definitions, recreate_views
from pipeline.types import OHLC

CODE_REVISION = "0005"
"""The newest migration; a database that has it needs no upgrade."""

BUSY_SECONDS = 30
"""How long a transaction waits for another's lock, unless the URL says otherwise (`?timeout=5`)."""

_MIGRATIONS = Path(__file__).with_name("migrations")
_ADVICE = (
    ("file is not a database", "is not a SQLite database", "Give another file to --db."),
    ("malformed", "is damaged", "Restore a backup made by 'pricecast db backup'."),
    ("database is locked", "is in use by another process", "Let the other run finish, then try again."),
    ("readonly database", "cannot be written", "Make the file and its folder writable, or use another --db."),
    ("unable to open", "cannot be opened", "Make its folder exist and be writable, or use another --db."),
    ("disk is full", "has no room on its disk", "Free some space, then try again."),
    ("disk I/O error", "cannot be read or written", "Check the disk, then run 'pricecast db check'."),
)


@contextmanager
def open_store(url: str) -> Iterator[Engine]:
    """Open the database at `url` (a plain path means SQLite) for reading and writing; close it at the end.

    The file is created when absent, and an older schema is upgraded. The folder must exist.
    """
    address = _address(url)
    engine = create_engine(address, connect_args=_patience(address))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_writer)
        event.listen(engine, "begin", _begin)
    with _closing(engine):
        with reading(engine) as connection:
            is_ready = _revision(connection) == CODE_REVISION and _has_current_views(connection)
        if not is_ready:
            upgrade(engine)
        yield engine


def is_absent(url: str) -> bool:
    """Is `url` a SQLite file that does not exist yet?"""
    address = _address(url)
    return address.get_backend_name() == "sqlite" and not Path(address.database or "").exists()


@contextmanager
def open_read_only(url: str) -> Iterator[Engine]:
    """Open the existing database at `url` so that no statement can change it, and close it at the end."""
    with _closing(_reader(url)) as engine:
        with reading(engine) as connection:
            revision = _revision(connection)
            if revision != CODE_REVISION:
                _require_known(connection, revision)
                raise StoreError(
                    f"{_name(engine)} is of an older version", "Run 'pricecast db upgrade' first."
                )
        yield engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction: committed at the end, rolled back on any error.

    On SQLite it holds the write lock from its start, so keep training and downloads outside.
    IntegrityError passes through; other database errors become StoreErrors.
    """
    with _actionable(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent snapshot for reading, which blocks nobody and is never committed."""
    with _actionable(engine), engine.connect() as connection:
        yield connection.execution_options(reads_only=True)


def upgrade(engine: Engine) -> None:
    """Bring the schema and the views to this code's version, in one transaction."""
    from alembic import command

    with writing(engine) as connection:
        revision = _revision(connection)
        _require_known(connection, revision)
        if revision != CODE_REVISION:
            command.upgrade(migration_config(connection), "head")
        recreate_views(connection)


def migration_config(connection: Connection) -> Any:
    """Alembic's configuration for the numbered migrations, on `connection`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def backup(url: str, file: Path) -> None:
    """Copy the database at `url`, of any version, to the new `file`, consistently while others may write."""
    engine = _reader(url)
    if engine.dialect.name != "sqlite":
        raise StoreError(f"{_name(engine)} is not SQLite", "Use that database's own backup tool.")
    if file.exists():
        raise StoreError(f"{file} exists already", "Name a file that does not exist yet.")
    with _closing(engine), _actionable(engine), closing(engine.raw_connection()) as source:
        try:
            with closing(sqlite3.connect(file)) as target:
                source.driver_connection.backup(target)  # type: ignore[union-attr]
        except sqlite3.Error as error:
            file.unlink(missing_ok=True)
            raise StoreError(f"{file} cannot be written: {error}", "Choose another folder.") from error


def check(engine: Engine) -> tuple[str, ...]:
    """Every problem found in the database, in words; empty when it is sound."""
    with reading(engine) as connection:
        try:
            revision = _revision(connection)
            if revision != CODE_REVISION:
                return (f"schema is {revision or 'absent'}, expected {CODE_REVISION}",)
            return (
                *_broken_file(connection),
                *_inconsistent_rows(connection),
                *_broken_views(connection),
            )
        except DBAPIError as error:
            return (f"cannot be read: {error.orig}",)


def _broken_file(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return
    for (message,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if message != "ok":
            yield f"integrity: {message}"
    for child, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"{child} row {row_id} refers to a row of {parent} that does not exist"


def _inconsistent_rows(connection: Connection) -> Iterator[str]:
    bar = price_bars.c
    not_positive = or_(*(bar[name] <= 0 for name in OHLC))
    current_bars = func.count().filter(bar.superseded_at_utc.is_(None))
    not_one = select(bar.symbol).group_by(bar.symbol, bar.session_date).having(current_bars != 1)
    twice = (
        select(scores.c.forecast_id)
        .where(scores.c.superseded_at_utc.is_(None))
        .group_by(scores.c.forecast_id)
        .having(func.count() > 1)
    )
    orphans = forecasts.outerjoin(fits, fits.c.fit_id == forecasts.c.fit_id)
    unfounded = scores.outerjoin(forecasts, forecasts.c.forecast_id == scores.c.forecast_id)
    counts = {
        "bars without exactly one current revision": not_one,
        "forecasts with more than one current score": twice,
        "forecasts without a fit": select(1).select_from(orphans).where(fits.c.fit_id.is_(None)),
        "scores without a forecast": select(1)
        .select_from(unfounded)
        .where(forecasts.c.forecast_id.is_(None)),
        "bars with a price that is not positive": select(bar.bar_id).where(not_positive),
        "forecasts with a price that is not positive": select(forecasts.c.forecast_id).where(
            (forecasts.c.forecast_close <= 0) | (forecasts.c.last_close <= 0)
        ),
        "dividends or splits that are not positive": select(1).where(corporate_actions.c.value <= 0),
    }
    for problem, query in counts.items():
        found = connection.scalar(select(func.count()).select_from(query.subquery()))
        if found:
            yield f"{found} {problem}"


def _broken_views(connection: Connection) -> Iterator[str]:
    for name, columns in VIEW_COLUMNS.items():
        try:
            found = tuple(connection.exec_driver_sql(f"SELECT * FROM {name} LIMIT 1").keys())  # noqa: S608 - our own view
        except DBAPIError as error:
            yield f"view {name} does not answer: {error.orig}"
            continue
        if found != tuple(columns):
            yield f"view {name} has the columns {', '.join(found)}"


def _address(url: str) -> URL:
    try:
        address = make_url(url) if "://" in url else URL.create("sqlite", database=url)
        address.get_dialect()
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise StoreError(
            f"'{url}' is no database: {error}", "Give a file, or a URL as sqlite:///x.db."
        ) from error
    return address


def _patience(address: URL) -> dict[str, float]:
    if address.get_backend_name() != "sqlite" or "timeout" in address.query:
        return {}
    return {"timeout": BUSY_SECONDS}


def _reader(url: str) -> Engine:
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        address = _read_only_address(address)
    engine = create_engine(address, connect_args=_patience(address), execution_options={"reads_only": True})
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_reader)
        event.listen(engine, "begin", _begin)
    return engine


def _read_only_address(address: URL) -> URL:
    file = Path(address.database or "")
    if not file.is_file():
        raise StoreError(f"database {file} does not exist", "Run 'pricecast demo' or 'pricecast run' first.")
    return address.set(database=file.resolve().as_uri()).update_query_dict({"mode": "ro", "uri": "true"})


def _prepare_writer(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun by _begin, schema changes included
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reader(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # ATTACH would create the file that it names


def _begin(connection: Connection) -> None:
    """A transaction that reads first and writes later could fail at once, whatever it is ready to wait.

    So one that may write takes the lock at its start.
    """
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _revision(connection: Connection) -> str | None:
    """The schema's version; None of an empty database, StoreError of one that is not ours."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        revision: str | None = connection.scalar(
            select(column("version_num")).select_from(table("alembic_version"))
        )
        return revision
    if tables:
        raise StoreError(
            f"{_name(connection.engine)} is another program's database", "Give a new file to --db."
        )
    return None


def _require_known(connection: Connection, revision: str | None) -> None:
    from alembic.script import ScriptDirectory

    if revision is None:
        return
    scripts = ScriptDirectory.from_config(migration_config(connection))
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(
            f"{_name(connection.engine)} has the schema {revision}, which this pricecast does not know",
            "Install the newer pricecast that made it, or give another file to --db.",
        )


def _has_current_views(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return set(VIEW_COLUMNS) <= set(inspect(connection).get_view_names())
    stored = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
    return {row.name: row.sql for row in stored} == definitions(connection.dialect)


@contextmanager
def _actionable(engine: Engine) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, sqlite3.Error) as error:
        message = str(error.orig if isinstance(error, DBAPIError) else error)
        for symptom, what, next_step in _ADVICE:
            if symptom in message:
                raise StoreError(f"{_name(engine)} {what}: {message}", next_step) from error
        raise


@contextmanager
def _closing(engine: Engine) -> Iterator[Engine]:
    """The engine, whose connections are closed at the end, however it ends."""
    try:
        yield engine
    finally:
        engine.dispose()


def _name(engine: Engine) -> str:
    """The database as a person knows it: the file, or the URL without its password."""
    url = engine.url
    if url.get_backend_name() != "sqlite":
        return f"database {url.render_as_string(hide_password=True)}"
    return f"database {unquote(url.database or 'in memory').removeprefix('file://')}"
