"""The commands `quarantine list`, `release` and `reject`: what a person says of rows not believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pipeline.commands import queries
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
    from pipeline.types import Decision

IdsArgument: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Numbers that 'list' shows; 3-7 means all from 3 to 7.")
]


def show(
    symbols: SymbolsArgument = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also decided and resolved rows.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """List the rows that were not believed and wait for a decision, with the reason."""
    from pipeline import report

    sql = queries.REJECTED if everything else queries.QUARANTINE
    rows = queries.read_rows(chosen_database(config, db), sql)
    rows = rows.where("symbol", symbols) if symbols else rows
    show_rows(rows, one_format(as_json=as_json, as_csv=as_csv), report.quarantine_table)


def release(ids: IdsArgument, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Say that rows are right after all; the next run stores them, if the source still gives them."""
    from pipeline.types import Decision

    count = _decide(chosen_database(config, db), ids, Decision.RELEASED)
    typer.echo(f"{count} released: the next 'pricecast run' believes them, and what follows on their level")


def reject(ids: IdsArgument, db: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Confirm that rows are wrong; they are never believed, and no longer listed."""
    from pipeline.types import Decision

    count = _decide(chosen_database(config, db), ids, Decision.REJECTED)
    typer.echo(f"{count} rejected for good")


def _decide(database: str, ids: list[str], decision: Decision) -> int:
    """Nothing is decided unless all of it can be."""
    from pipeline.clock import utc_now
    from pipeline.store import open_read_only, open_store, read_known, write_prices, writing

    wanted = list(dict.fromkeys(identity for text in ids for identity in _identities(text)))
    open_read_only(database).dispose()
    store = open_store(database)
    try:
        with writing(store) as connection:
            _require_decidable(wanted, read_known.reasons(connection, wanted), decision)
            write_prices.decide(connection, wanted, decision, utc_now())
    finally:
        store.dispose()
    return len(wanted)


def _require_decidable(wanted: list[int], reasons: dict[int, str], decision: Decision) -> None:
    from pipeline.types import Decision
    from pipeline.validate import can_be_released

    for identity in wanted:
        if identity not in reasons:
            raise UsageError(
                f"there is no row {identity}", "Give numbers of 'pricecast quarantine list --all'."
            )
        if decision is Decision.RELEASED and not can_be_released(reasons[identity]):
            raise UsageError(
                f"row {identity} cannot be released: {reasons[identity]}",
                "It has no bar to believe as it is: correct the source or the settings, or reject it.",
            )


def _identities(text: str) -> range:
    first, dash, last = text.partition("-")
    try:
        return range(int(first), int(last if dash else first) + 1)
    except ValueError as error:
        raise UsageError(
            f"'{text}' is no number of a row", "Give numbers of 'pricecast quarantine list'."
        ) from error
