"""The commands `prices` and `replay`: prices and forecasts as of a past moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import ConfigOption, CsvOption, DatabaseOption, JsonOption, chosen_database
from pipeline.commands.tables import one_format, show_rows
from pipeline.errors import PricecastError

if TYPE_CHECKING:
    from pipeline.types import Rows

DIFFERS = 1


def prices(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The asset.")],
    *,
    known_at: Annotated[
        str | None,
        typer.Option("--known-at", metavar="DATE", help="Prices as they were stored then. Default: now."),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the stored prices of an asset, now or at a past moment.

    A DATE means 23:59:59 UTC of that day; a full timestamp is accepted too.
    """
    from pipeline.show import tables
    from pipeline.store import queries

    output, database = one_format(as_json=as_json, as_csv=as_csv), chosen_database(config, db)
    rows = queries.prices_of(database, symbol)
    if not rows.values:
        raise PricecastError(
            f"no prices of {symbol} are stored", "Run 'pricecast run', or correct the symbol."
        )
    shown = rows if known_at is None else _known_at(database, symbol, known_at, rows.columns)
    show_rows(shown, output, tables.plain_table)


def _known_at(database: str, symbol: str, known_at: str, columns: tuple[str, ...]) -> Rows:
    from pipeline.clock import parse_moment
    from pipeline.learn.adjust import adjusted_back
    from pipeline.store import open_read_only, read_as_of, reading
    from pipeline.types import BAR_VALUES, Rows

    with open_read_only(database) as engine, reading(engine) as connection:
        known = read_as_of.prices_known_at(connection, symbol, parse_moment(known_at))
    bars = known.bars
    values = {
        "symbol": [symbol] * len(bars),
        "session_date": [str(session) for session in bars.session_dates],
        **{name: getattr(bars, name).tolist() for name in BAR_VALUES},
        "adj_close": adjusted_back(known).tolist(),
    }
    return Rows(columns, tuple(zip(*(values[name] for name in columns), strict=True)))


def replay(
    run_id: Annotated[
        int, typer.Argument(metavar="RUN", help="Number of the run, as 'pricecast run' prints it.")
    ],
    *,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Recompute the forecasts of an old run and compare them.

    They are recomputed from the prices, events and settings that the run knew, and compared bit for bit.
    Nothing is written. Ensemble forecasts are not replayed, because they derive from their members'
    forecasts. The exit code is 1 if any forecast differs.
    """
    from dataclasses import astuple, fields

    from pipeline.job.replay import replay as make_again
    from pipeline.show import tables
    from pipeline.store import open_read_only
    from pipeline.types import Replayed, Rows

    output = one_format(as_json=as_json, as_csv=as_csv)
    with open_read_only(chosen_database(config, db)) as engine:
        found = make_again(engine, run_id)
    names = tuple(field.name for field in fields(Replayed))
    show_rows(Rows(names, tuple(astuple(one) for one in found)), output, tables.plain_table)
    same, issued = sum(one.same for one in found), sum(one.issued for one in found)
    compared = f"run {run_id}: {same:,} of {issued:,} forecasts come out the same, bit for bit"
    typer.echo(compared if found else f"run {run_id} issued no forecasts", err=True)
    raise typer.Exit(0 if same == issued else DIFFERS)
