"""Rows of any table or view, as they come from the store and go to a person or a program."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rows:
    """The answer to one question of the store: the columns' names, and the rows in their order."""

    columns: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.values]

    def where(self, column: str, wanted: Collection[Any]) -> Rows:
        """The rows whose `column` holds one of `wanted`."""
        place = self.columns.index(column)
        return Rows(self.columns, tuple(row for row in self.values if row[place] in wanted))
