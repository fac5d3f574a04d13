"""Writing rows: what all of `write` has in common."""

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, bindparam, insert, select, update

FIGURE_TOLERANCE = 1e-9
"""Relative difference up to which two computations of a metric or of evidence are the same."""

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
    if values:
        current = (table.c[key] == bindparam("ended")) & table.c.superseded_at_utc.is_(None)
        ending = update(table).where(current).values(superseded_at_utc=at)
        conn.execute(ending, [{"ended": value} for value in values])


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


def day(session: np.datetime64) -> date:
    """A session date as the database takes it."""
    found: date = session.astype("datetime64[D]").item()
    return found
