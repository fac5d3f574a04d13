"""Where everything is kept: tables, numbered migrations, the public views, reading and writing.

Open an engine with `open_store` or `open_read_only`, then call the functions of the modules `read*` inside
`reading(engine)` and those of `write*` inside `writing(engine)`. `queries` answers whole questions.
"""

from sqlalchemy import Connection, Engine

from pipeline.store.engine import (
    backup,
    check,
    is_absent,
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
    "backup",
    "check",
    "is_absent",
    "open_read_only",
    "open_store",
    "reading",
    "upgrade",
    "writing",
]
