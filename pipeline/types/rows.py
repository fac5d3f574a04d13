"""The result of an SQL query, as the store returns it and commands show it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rows:
    """The result of one query: the column names, and the rows in the order of the query."""

    columns: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.values]

    def where(self, column: str, wanted: Collection[Any]) -> Rows:
        """Return the rows whose value in `column` is among `wanted`."""
        position = self.columns.index(column)
        return Rows(self.columns, tuple(row for row in self.values if row[position] in wanted))
