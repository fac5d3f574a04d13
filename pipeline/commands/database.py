"""The commands `db upgrade`, `db backup` and `db check`."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import ConfigOption, DatabaseOption, chosen_database
from pipeline.errors import StoreError


def upgrade(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Bring the database to this version's schema.

    A database that does not exist is created.
    """
    from pipeline.settings import database_name
    from pipeline.store import open_store

    database = chosen_database(config, db)
    with open_store(database):
        pass
    typer.echo(f"{database_name(database)} has the newest schema")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy: a file that does not exist yet.")],
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Copy the SQLite database, even while it is in use."""
    from pipeline import store
    from pipeline.settings import database_name

    database = chosen_database(config, db)
    store.backup(database, file)
    typer.echo(f"{database_name(database)} is copied to {file}")


def check(db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Check the database for damage and contradictions.

    The exit code is 1 if there are any.
    """
    from pipeline import store
    from pipeline.settings import database_name

    database = chosen_database(config, db)
    name = database_name(database)
    with store.open_read_only(database) as engine:
        problems = store.check(engine)
    if problems:
        raise StoreError(f"{name}: {'; '.join(problems)}", "Restore a backup made by 'pricecast db backup'.")
    typer.echo(f"{name} is sound")
