"""Insert and supersede rows: what the modules `write*` share."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

RELATIVE_TOLERANCE = 1e-9
"""Relative difference up to which two computed metrics or figures of evidence count as equal."""

MAX_VALUES_PER_STATEMENT = 500
"""Values bound in one statement at most; SQLite before 3.32 allows 999."""

Row = dict[str, Any]


def insert_row(conn: Connection, table: Table, row: Row) -> int:
    """Insert one row and return its primary key."""
    identity = conn.execute(insert(table).values(row)).inserted_primary_key
    if identity is None:
        raise RuntimeError(f"the insert into {table.name} returned no primary key")
    return int(identity[0])


def insert_rows(conn: Connection, table: Table, rows: list[Row]) -> None:
    """Insert the rows; without rows, do nothing."""
    if rows:
        conn.execute(insert(table), rows)


def supersede(conn: Connection, table: Table, key: str, values: list[int], at: datetime) -> None:
    """Mark the current rows whose column `key` is among `values` as superseded at the moment `at`."""
    for first in range(0, len(values), MAX_VALUES_PER_STATEMENT):
        among = table.c[key].in_(values[first : first + MAX_VALUES_PER_STATEMENT])
        is_current = table.c.superseded_at_utc.is_(None)
        conn.execute(update(table).where(among, is_current).values(superseded_at_utc=at))


def changed_rows(
    conn: Connection, table: Table, rows: list[Row], key: Sequence[str], as_of: datetime
) -> list[Row]:
    """Return the rows that differ from the newest stored row of the same key known at `as_of`.

    Floats within RELATIVE_TOLERANCE are equal, and so are two NaN. Each row takes one search of the index,
    whose cost does not grow with the history.
    """
    if not rows:
        return []
    compared = [name for name in rows[0] if name not in key]
    (identity,) = table.primary_key
    newest = (
        select(*(table.c[name] for name in compared))
        .where(*(table.c[name] == bindparam(name) for name in key), table.c.as_of_utc <= as_of)
        .order_by(table.c.as_of_utc.desc(), identity.desc())
        .limit(1)
    )
    found = [conn.execute(newest, {name: row[name] for name in key}).first() for row in rows]
    return [
        row
        for row, known in zip(rows, found, strict=True)
        if known is None or not all(map(_equal, known, (row[name] for name in compared)))
    ]


def _equal(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        is_close = math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE)
        return is_close or (math.isnan(left) and math.isnan(right))
    return left == right
