"""The command `demo`: the whole daily job on a market whose truth is known."""

from typing import Annotated

import typer

from pipeline.commands.progress import progress_bar

DEFAULT_FILE = "pricecast-demo.db"
DEFAULT_AS_OF = "2026-06-01T23:59:59Z"
"""A fixed day, so that every demo shows the same forecasts."""


def demo(
    db: Annotated[
        str, typer.Option("--db", metavar="FILE", help="SQLite file to write; an earlier demo's is replaced.")
    ] = DEFAULT_FILE,
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="DATE", help="The simulated day of the run.")
    ] = DEFAULT_AS_OF,
) -> None:
    """Run the daily job offline on a simulated market.

    It prints the forecasts, and the verdicts next to the truth that the market was made with.
    """
    from pipeline import demo as show
    from pipeline.clock import parse_moment
    from pipeline.show import runs

    moment = parse_moment(as_of)
    settings = show.demo_settings(show.fresh_file(db))
    typer.echo(show.introduction(settings))
    with progress_bar() as progress:
        summary = show.run_demo(settings, moment, progress)
    typer.echo(runs.run_text(summary, settings.database))
    for failure in summary.failures:
        typer.echo(runs.failure_text(failure), err=True)
    _show_tables(settings.database)
    raise typer.Exit(0 if summary.status.value == "done" else 1)


def _show_tables(file: str) -> None:
    from pipeline import demo as show
    from pipeline.show import tables
    from pipeline.store import queries

    typer.echo("\nForecasts for the next session:\n")
    tables.show(tables.forecasts_table(queries.read_rows(file, show.FORECASTS)))
    typer.echo("\nVerdicts on forecasts one session ahead, next to the truth:\n")
    truths = show.truth_beside_verdict(queries.read_rows(file, queries.VERDICTS))
    tables.show(tables.truth_table(truths))
    typer.echo(show.ending(file, tried=len(truths.values)))
