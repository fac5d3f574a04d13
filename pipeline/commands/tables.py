"""Commands that show what is stored: `forecasts`, `scoreboard`, `verdicts`, `leads` and `sql`."""

from collections.abc import Callable, Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pipeline.commands.explain import explain
from pipeline.commands.options import (
    ConfigOption,
    CsvOption,
    DatabaseOption,
    HorizonOption,
    JsonOption,
    SymbolsArgument,
    chosen_database,
)
from pipeline.errors import PricecastError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.types import Rows


ExplainOption: TypeAlias = Annotated[
    tuple[str, str] | None,
    typer.Option("--explain", metavar="SYMBOL MODEL", help="Explain one verdict with all its numbers."),
]
PlotOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="With --explain: also draw it, as .png, .svg or .pdf."),
]


class Format(StrEnum):
    """How rows are printed: for people (table), or for programs (CSV, JSON)."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def forecasts(
    symbols: SymbolsArgument = None,
    *,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    horizon: HorizonOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the newest forecasts, each with its model's verdict."""
    from pipeline.show import tables
    from pipeline.store import queries

    rows = _chosen_rows(queries.LATEST_FORECASTS, symbols, horizon, db, config)
    show_rows(rows, one_format(as_json=as_json, as_csv=as_csv), tables.forecasts_table)
    note = tables.stale_note(rows)
    if note and not as_json and not as_csv:
        typer.echo(note, err=True)


def scoreboard(
    symbols: SymbolsArgument = None,
    *,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    horizon: HorizonOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the metrics of each model's past forecasts."""
    from pipeline.show import tables
    from pipeline.store import queries

    rows = _chosen_rows(queries.SCOREBOARD, symbols, horizon, db, config)
    show_rows(rows, one_format(as_json=as_json, as_csv=as_csv), tables.scoreboard_table)


def verdicts(
    symbols: SymbolsArgument = None,
    *,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    horizon: HorizonOption = None,
    explained: ExplainOption = None,
    plot: PlotOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Show which models have skill and which echo the last price."""
    from pipeline.show import tables
    from pipeline.store import queries

    if explained is not None:
        explain(chosen_database(config, db), *explained, horizon or 1, plot)
        return
    if plot is not None:
        raise UsageError("--plot draws one verdict", "Name it with --explain SYMBOL MODEL.")
    rows = _chosen_rows(queries.VERDICTS, symbols, horizon, db, config)
    show_rows(rows, one_format(as_json=as_json, as_csv=as_csv), tables.verdicts_table)


def leads(
    symbols: SymbolsArgument = None,
    *,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Show which assets lead which, on the training rows."""
    from pipeline.show import tables
    from pipeline.store import queries

    rows = _chosen_rows(queries.LEAD_LAGS, symbols, None, db, config)
    show_rows(rows, one_format(as_json=as_json, as_csv=as_csv), tables.leads_table)


def sql(
    statement: Annotated[str, typer.Argument(metavar='"SELECT ..."', help="One statement.")],
    output: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TABLE,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Query the database in SQL, read-only.

    Views: prices, quarantine, latest_forecasts, forecast_history, model_scoreboard, metric_history,
    lagging_models, lead_lags, model_verdicts.
    """
    from pipeline.show import tables
    from pipeline.store import queries

    show_rows(queries.read_rows(chosen_database(config, db), statement), output, tables.plain_table)


def _chosen_rows(
    query: str, symbols: list[str] | None, horizon: int | None, db: str | None, config: Path | None
) -> "Rows":
    from pipeline.store import queries

    rows = queries.read_rows(chosen_database(config, db), query)
    rows = _only_symbols(rows, symbols or ())
    return rows if horizon is None else rows.where("horizon", (horizon,))


def _only_symbols(rows: "Rows", symbols: Collection[str]) -> "Rows":
    """Return the rows of `symbols`, or all rows when `symbols` is empty.

    Raises PricecastError with the symbols that have no rows.
    """
    if not symbols:
        return rows
    stored = {record["symbol"] for record in rows.records()}
    absent = [symbol for symbol in symbols if symbol not in stored]
    if absent:
        choose = f"Choose from {', '.join(sorted(stored))}." if stored else "Run 'pricecast run' first."
        raise PricecastError(f"nothing is stored for {', '.join(absent)}", choose)
    return rows.where("symbol", symbols)


def one_format(*, as_json: bool, as_csv: bool) -> Format:
    """Choose the format that --json or --csv ask for; UsageError for both."""
    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", "Give one of them.")
    if as_json:
        return Format.JSON
    return Format.CSV if as_csv else Format.TABLE


def show_rows(rows: "Rows", output: Format, table: "Callable[[Rows], Table]") -> None:
    """Print rows in a format; without rows, print a note to stderr."""
    from pipeline.show import tables

    if output is Format.JSON:
        typer.echo(tables.as_json(rows))
    elif output is Format.CSV:
        typer.echo(tables.as_csv(rows), nl=False)
    elif rows.values:
        tables.show(table(rows))
    else:
        typer.echo("no rows", err=True)
