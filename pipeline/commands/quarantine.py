"""The commands `quarantine list`, `release` and `reject`: a person's decisions on quarantined rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pipeline.commands.options import (
    ConfigOption,
    CsvOption,
    DatabaseOption,
    JsonOption,
    SymbolsArgument,
    chosen_database,
)
from pipeline.commands.tables import one_format, show_rows
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.types import Decision, QuarantineReason

IdsArgument: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Numbers that 'list' shows; 3-7 means all from 3 to 7.")
]


def show(
    symbols: SymbolsArgument = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also rows that are decided or resolved.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """List the quarantined rows, each with the reason."""
    from pipeline.show import tables
    from pipeline.store import queries

    sql = queries.EVERY_QUARANTINED_ROW if everything else queries.QUARANTINE
    rows = queries.read_rows(chosen_database(config, db), sql)
    rows = rows.where("symbol", symbols) if symbols else rows
    show_rows(rows, one_format(as_json=as_json, as_csv=as_csv), tables.quarantine_table)


def release(ids: IdsArgument, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Release rows: they are right and will be stored.

    The next run stores them, if the source still gives them, and accepts later bars at the same price level.
    """
    from pipeline.types import Decision

    count = _decide(chosen_database(config, db), ids, Decision.RELEASED)
    typer.echo(f"{count} released: the next 'pricecast run' stores them, if the source still gives them")


def reject(ids: IdsArgument, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Reject rows: they are wrong and will never be stored.

    The same rows of later downloads are skipped, and not listed again.
    """
    from pipeline.types import Decision

    count = _decide(chosen_database(config, db), ids, Decision.REJECTED)
    typer.echo(f"{count} rejected: they will never be stored")


def _decide(database: str, ids: list[str], decision: Decision) -> int:
    """Store a decision on rows and count them; if one of them cannot be decided on, none is."""
    from pipeline.clock import utc_now
    from pipeline.store import open_read_only, open_store, read_known, write_prices, writing

    ranges = [_identities(text) for text in ids]
    with open_read_only(database):
        pass
    with open_store(database) as store, writing(store) as connection:
        wanted = _existing(ranges, read_known.newest_quarantined(connection))
        _require_decidable(wanted, read_known.quarantined_rows(connection, wanted), decision)
        _require_not_stored(read_known.released_and_stored(connection, wanted))
        write_prices.store_decision(connection, wanted, decision, utc_now())
        _require_one_a_session(read_known.released_together(connection))
    return len(wanted)


def _require_decidable(wanted: list[int], found: dict[int, QuarantineReason], decision: Decision) -> None:
    from pipeline.types import Decision

    for identity in wanted:
        if identity not in found:
            raise _no_row(identity)
        why = found[identity]
        if decision is Decision.RELEASED and not why.code.can_be_released:
            raise UsageError(
                f"row {identity} cannot be released: {why.words}",
                "Such a row cannot be stored: correct the source or the settings, or reject the row.",
            )


def _require_not_stored(stored: Sequence[int]) -> None:
    if stored:
        raise UsageError(
            f"row {stored[0]} was released, and its bar is stored",
            "A stored bar changes only with its source: correct it there.",
        )


def _require_one_a_session(together: Sequence[int]) -> None:
    if together:
        raise UsageError(
            f"rows {' and '.join(map(str, together))} are of one session of one asset",
            "At most one of them can be right: release that row, and reject the others.",
        )


def _existing(ranges: Sequence[range], newest: int) -> list[int]:
    """List the numbers of the ranges, each once; UsageError for a number that no row has."""
    for numbers in ranges:
        if numbers[0] < 1 or numbers[-1] > newest:
            raise _no_row(numbers[0] if numbers[0] < 1 else max(numbers[0], newest + 1))
    return list(dict.fromkeys(chain.from_iterable(ranges)))


def _no_row(identity: int) -> UsageError:
    return UsageError(f"there is no row {identity}", "Give numbers of 'pricecast quarantine list --all'.")


def _identities(text: str) -> range:
    """Parse a number, or a range of numbers as 3-7, into a range that is not empty."""
    first, dash, last = text.partition("-")
    try:
        numbers = range(int(first), int(last if dash else first) + 1)
    except ValueError as error:
        raise UsageError(
            f"'{text}' is not the number of a row", "Give numbers of 'pricecast quarantine list'."
        ) from error
    if not numbers:
        raise UsageError(f"'{text}' names no row", "Give numbers of 'pricecast quarantine list' in order.")
    return numbers
