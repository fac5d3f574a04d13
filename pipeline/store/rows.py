"""Writing rows: what all of `write` has in common."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

FIGURE_TOLERANCE = 1e-9
"""Relative difference up to which two computations of a metric or of evidence are the same."""

MOST_VALUES = 500
"""So many values stand in one statement; databases allow a thousand or so at least."""

Row = dict[str, Any]


def insert_one(conn: Connection, table: Table, row: Row) -> int:
    """Write one row; its identity."""
    identity = conn.execute(insert(table).values(row)).inserted_primary_key
    if identity is None:
        raise RuntimeError(f"{table.name} gave no identity")
    return int(identity[0])


def insert_all(conn: Connection, table: Table, rows: list[Row]) -> None:
    """Write the rows, if any."""
    if rows:
        conn.execute(insert(table), rows)


def supersede(conn: Connection, table: Table, key: str, values: list[int], at: datetime) -> None:
    """End the current rows whose column `key` is among `values`."""
    for first in range(0, len(values), MOST_VALUES):
        among = table.c[key].in_(values[first : first + MOST_VALUES])
        is_current = table.c.superseded_at_utc.is_(None)
        conn.execute(update(table).where(among, is_current).values(superseded_at_utc=at))


def news(conn: Connection, table: Table, rows: list[Row], key: Sequence[str], as_of: datetime) -> list[Row]:
    """The rows that are not equal to the newest stored row of the same key known at `as_of`.

    One search a row: through the index it costs the same however long the history is.
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
        is_close = math.isclose(left, right, rel_tol=FIGURE_TOLERANCE)
        return is_close or (math.isnan(left) and math.isnan(right))
    return left == right
