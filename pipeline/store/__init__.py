"""The database: its tables, numbered migrations and public views, and the functions that read and write it.

Open an engine with `open_store` or `open_read_only`, then call the functions of the modules `read*` inside
`reading(engine)` and those of `write*` inside `writing(engine)`. The functions of `queries` take the address
of a database, open it themselves and return rows.
"""

from sqlalchemy import Connection, Engine

from pipeline.store.engine import (
    absent_file,
    backup,
    check,
    open_read_only,
    open_store,
    reading,
    upgrade,
    writing,
)
from pipeline.store.view_columns import VIEW_COLUMNS

__all__ = [
    "VIEW_COLUMNS",
    "Connection",
    "Engine",
    "absent_file",
    "backup",
    "check",
    "open_read_only",
    "open_store",
    "reading",
    "upgrade",
    "writing",
]
