"""Open, upgrade, check and back up the database.

Database errors that a person can act on are raised as StoreError, with the next step.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

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
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from pipeline.errors import StoreError
from pipeline.settings import database_name, without_passwords
from pipeline.store.tables import corporate_actions, fits, forecasts, price_bars, scores
from pipeline.store.view_columns import VIEW_COLUMNS
from pipeline.store.views import definitions, recreate_views
from pipeline.types import OHLC

CODE_REVISION = "0005"
"""The revision of the newest migration; a database of this revision needs no upgrade."""

BUSY_TIMEOUT_SECONDS = 30
"""Seconds that a transaction waits for another one's lock; `?timeout=5` in the URL overrides it."""

_MIGRATIONS = Path(__file__).with_name("migrations")
_KNOWN_ERRORS = (
    ("file is not a database", "is not a SQLite database", "Give another file to --db."),
    ("malformed", "is damaged", "Restore a backup made by 'pricecast db backup'."),
    ("database is locked", "is in use by another process", "Let the other run finish, then try again."),
    ("readonly database", "cannot be written", "Make the file and its folder writable, or use another --db."),
    ("unable to open", "cannot be opened", "Create its folder and make it writable, or use another --db."),
    ("disk is full", "is on a full disk", "Free some disk space, then try again."),
    ("disk I/O error", "cannot be read or written", "Check the disk, then run 'pricecast db check'."),
)
"""By a part of the database's error message: the message and the next step for a person."""


@contextmanager
def open_store(url: str) -> Iterator[Engine]:
    """Open the database at `url` (a plain path means SQLite) for reading and writing; close it at the end.

    A missing file is created and an older schema is upgraded; the folder must exist. Raises StoreError.
    """
    address = _address(url)
    engine = create_engine(address, connect_args=_connect_args(address))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_writer)
        event.listen(engine, "begin", _begin)
        event.listen(engine, "invalidate", _roll_back)
    with _closing(engine):
        with reading(engine) as connection:
            is_ready = _revision(connection) == CODE_REVISION and _has_current_views(connection)
        if not is_ready:
            upgrade(engine)
        yield engine


def absent_file(url: str) -> Path | None:
    """Return the SQLite file of the database at `url` if it does not exist yet, otherwise None.

    Raises StoreError for a URL that is not a database's, or a path that cannot be looked at.
    """
    address = _address(url)
    if address.get_backend_name() != "sqlite":
        return None
    file = _file(address)
    return None if _is_there(file) else file


@contextmanager
def open_read_only(url: str) -> Iterator[Engine]:
    """Open the existing database at `url` so that no statement can change it, and close it at the end.

    Raises StoreError for a file that is missing or has another version's schema.
    """
    with _closing(_read_only_engine(url)) as engine:
        with reading(engine) as connection:
            revision = _revision(connection)
            if revision != CODE_REVISION:
                _require_known_revision(connection, revision)
                raise StoreError(
                    f"{_name(engine)} was made by an older pricecast", "Run 'pricecast db upgrade' first."
                )
        yield engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run the block in a transaction: committed at the end, rolled back on any error.

    On SQLite the transaction holds the write lock from its start, so keep training and downloads outside.
    IntegrityError passes through; database errors that a person can act on become StoreErrors.
    """
    with _raising_store_errors(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run the block on a consistent snapshot of the database; it blocks no writer and commits nothing."""
    with _raising_store_errors(engine), engine.connect() as connection:
        yield connection.execution_options(reads_only=True)


def upgrade(engine: Engine) -> None:
    """Migrate the schema to CODE_REVISION and recreate the views, in one transaction."""
    from alembic import command

    with writing(engine) as connection:
        revision = _revision(connection)
        _require_known_revision(connection, revision)
        if revision != CODE_REVISION:
            command.upgrade(migration_config(connection), "head")
        recreate_views(connection)


def migration_config(connection: Connection) -> Any:
    """Return the configuration with which Alembic runs the numbered migrations on `connection`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def backup(url: str, file: Path) -> None:
    """Copy the SQLite database at `url`, of any schema version, to the new `file`.

    The copy is consistent even while other processes write. Raises StoreError when `file` exists or cannot
    be written.
    """
    engine = _read_only_engine(url)
    if engine.dialect.name != "sqlite":
        raise StoreError(f"{_name(engine)} is not SQLite", "Use the backup tool of that database.")
    if file.exists():
        raise StoreError(f"{file} exists already", "Give the name of a file that does not exist yet.")
    with _closing(engine), _raising_store_errors(engine), closing(engine.raw_connection()) as source:
        try:
            with closing(sqlite3.connect(file)) as target:
                source.driver_connection.backup(target)  # type: ignore[union-attr]
        except sqlite3.Error as error:
            file.unlink(missing_ok=True)
            raise StoreError(f"{file} cannot be written: {error}", "Choose another folder.") from error


def check(engine: Engine) -> tuple[str, ...]:
    """Return a sentence for every problem found in the database; empty when there is none."""
    with reading(engine) as connection:
        try:
            revision = _revision(connection)
            if revision != CODE_REVISION:
                return (f"schema revision is {revision or 'missing'}, expected {CODE_REVISION}",)
            return (
                *_broken_file(connection),
                *_inconsistent_rows(connection),
                *_broken_views(connection),
            )
        except DBAPIError as error:
            return (f"the database cannot be read: {error.orig}",)


def _broken_file(connection: Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return
    for (message,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if message != "ok":
            yield f"SQLite's integrity check: {message}"
    for child, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"{child} row {row_id} refers to a row of {parent} that does not exist"


def _inconsistent_rows(connection: Connection) -> Iterator[str]:
    bar = price_bars.c
    not_positive = or_(*(bar[name] <= 0 for name in OHLC))
    current_bars = func.count().filter(bar.superseded_at_utc.is_(None))
    not_one_current = select(bar.symbol).group_by(bar.symbol, bar.session_date).having(current_bars != 1)
    scored_twice = (
        select(scores.c.forecast_id)
        .where(scores.c.superseded_at_utc.is_(None))
        .group_by(scores.c.forecast_id)
        .having(func.count() > 1)
    )
    orphans = forecasts.outerjoin(fits, fits.c.fit_id == forecasts.c.fit_id)
    unmatched = scores.outerjoin(forecasts, forecasts.c.forecast_id == scores.c.forecast_id)
    counts = {
        "sessions without exactly one current bar": not_one_current,
        "forecasts with more than one current score": scored_twice,
        "forecasts without a fit": select(1).select_from(orphans).where(fits.c.fit_id.is_(None)),
        "scores without a forecast": select(1)
        .select_from(unmatched)
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
            yield f"view {name} cannot be read: {error.orig}"
            continue
        if found != tuple(columns):
            yield f"view {name} has the columns {', '.join(found)}, expected {', '.join(columns)}"


def _address(url: str) -> URL:
    """Parse the URL of a database; raises StoreError unless its driver is installed and accepts the URL."""
    advice = "Give a file or an SQLAlchemy URL like sqlite:///x.db."
    try:
        address = make_url(url) if "://" in url else URL.create("sqlite", database=url)
        dialect = address.get_dialect()
        dialect.import_dbapi()
        dialect().create_connect_args(address)
    except ImportError as error:
        raise StoreError(
            f"the driver of '{database_name(url)}' is not installed: {error}",
            f"Install it for {sys.executable}, or give a file of SQLite.",
        ) from error
    except ArgumentError as error:
        raise StoreError(f"'{database_name(url)}' is not a database: {error}", advice) from error
    except ValueError as error:  # its text may contain the password
        raise StoreError(f"a number in '{database_name(url)}' cannot be read", advice) from error
    if dialect.is_async:
        raise StoreError(f"'{database_name(url)}' has an asynchronous driver", advice)
    return address


def _connect_args(address: URL) -> dict[str, float]:
    if address.get_backend_name() != "sqlite" or "timeout" in address.query:
        return {}
    return {"timeout": BUSY_TIMEOUT_SECONDS}


def _read_only_engine(url: str) -> Engine:
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        address = _read_only_address(address)
    engine = create_engine(
        address, connect_args=_connect_args(address), execution_options={"reads_only": True}
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_reader)
        event.listen(engine, "begin", _begin)
    return engine


def _read_only_address(address: URL) -> URL:
    file = _file(address)
    if not _is_there(file):
        raise StoreError(f"database {file} does not exist", "Run 'pricecast demo' or 'pricecast run' first.")
    return address.set(database=file.resolve().as_uri()).update_query_dict({"mode": "ro", "uri": "true"})


def _file(address: URL) -> Path:
    """Return the file of a SQLite database, also where the URL names it as `file:PATH?uri=true`."""
    name = address.database or ""
    is_uri = name.startswith("file:") and "uri" in address.query
    return Path(unquote(urlsplit(name).path) if is_uri else name)


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:
        raise StoreError(
            f"database {file} cannot be opened: {error.strerror}",
            "Make its folder accessible, or give another file to --db.",
        ) from error


def _prepare_writer(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # so that _begin starts every transaction, also for schema changes
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reader(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # ATTACH would create a missing file


def _begin(connection: Connection) -> None:
    """Begin a transaction: with the write lock unless `connection` only reads.

    SQLite fails at once, without waiting for the busy timeout, when a transaction that began as a reader
    writes after another process has written.
    """
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _roll_back(connection: sqlite3.Connection, _: ConnectionPoolEntry, _error: BaseException | None) -> None:
    """End the transaction of a connection that a signal has interrupted.

    SQLAlchemy closes it, but SQLite keeps the write lock while the error still refers to a statement.
    """
    connection.rollback()


def _revision(connection: Connection) -> str | None:
    """Return the schema's revision, None for an empty database.

    Raises StoreError for a database with tables that pricecast did not create.
    """
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        revision: str | None = connection.scalar(
            select(column("version_num")).select_from(table("alembic_version"))
        )
        return revision
    if tables:
        raise StoreError(f"{_name(connection.engine)} belongs to another program", "Give a new file to --db.")
    return None


def _require_known_revision(connection: Connection, revision: str | None) -> None:
    from alembic.script import ScriptDirectory

    if revision is None:
        return
    scripts = ScriptDirectory.from_config(migration_config(connection))
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(
            f"{_name(connection.engine)} has the schema revision {revision}, unknown to this pricecast",
            "Install the newer version of pricecast that wrote it, or give another file to --db.",
        )


def _has_current_views(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return set(VIEW_COLUMNS) <= set(inspect(connection).get_view_names())
    stored = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
    return {row.name: row.sql for row in stored} == definitions(connection.dialect)


@contextmanager
def _raising_store_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, sqlite3.Error) as error:
        message = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        for text, what, next_step in _KNOWN_ERRORS:
            if text in message:
                raise StoreError(f"{_name(engine)} {what}: {message}", next_step) from error
        if isinstance(error, OperationalError) and error.statement is None:
            raise StoreError(
                f"{_name(engine)} cannot be reached: {message}",
                "Check that its server runs and that the URL names it.",
            ) from error
        raise


@contextmanager
def _closing(engine: Engine) -> Iterator[Engine]:
    """Yield `engine` and close its connections at the end, also after an error."""
    try:
        yield engine
    finally:
        engine.dispose()


def _name(engine: Engine) -> str:
    """Return the name of the database for messages: its file, or its URL without the password."""
    url = engine.url
    if url.get_backend_name() != "sqlite":
        return f"database {without_passwords(url.render_as_string(hide_password=True))}"
    return f"database {unquote(url.database or 'in memory').removeprefix('file://')}"
