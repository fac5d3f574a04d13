"""The commands `run` and `backfill`: the daily job, for one moment or for many days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import (
    ConfigOption,
    DatabaseOption,
    DirectOption,
    SourceOption,
    SymbolsOption,
    chosen_settings,
    chosen_symbols,
)
from pipeline.commands.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pipeline.daily import Request
    from pipeline.types import Failure, RunSummary

EXIT_CODES = {"done": 0, "degraded": 3}
"""By the status of a run; any other status has failed."""


def run(
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="Know only what had settled by then. Default: now."),
    ] = None,
    source: SourceOption = None,
    symbols: SymbolsOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
    direct: DirectOption = False,
) -> None:
    """Download, forecast, score and judge: the daily job, under Prefect unless --direct.

    A DATE means 23:59:59 UTC of that day; a full timestamp is accepted too.
    """
    from pipeline import report
    from pipeline.clock import parse_moment, utc_now
    from pipeline.daily import Request

    moment = utc_now() if as_of is None else parse_moment(as_of)
    request = Request(chosen_settings(config, db, source), moment, chosen_symbols(symbols))
    summary = _run_directly(request) if direct else _run_under_prefect(request)
    typer.echo(report.run_text(summary, request.settings.database))
    _echo_failures(summary.failures)
    raise typer.Exit(exit_code([summary]))


def backfill(
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day.")],
    source: SourceOption = None,
    symbols: SymbolsOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
    direct: DirectOption = False,
) -> None:
    """Run the daily job for every day from --from to --to, each knowing no more than its day knew."""
    from pipeline import report
    from pipeline.clock import parse_day, parse_moment
    from pipeline.daily import Request

    settings = chosen_settings(config, db, source)
    request = Request(settings, parse_moment(last), chosen_symbols(symbols), command="backfill")
    work = _backfill_directly if direct else _backfill_under_prefect
    summaries = work(request, parse_day(first))
    typer.echo(report.backfill_text(summaries, settings.database))
    _echo_failures([failure for summary in summaries for failure in summary.failures])
    raise typer.Exit(exit_code(summaries))


def exit_code(summaries: Sequence[RunSummary]) -> int:
    """0 when all runs are done, 1 when every one has failed, 3 for anything between."""
    codes = {EXIT_CODES.get(summary.status.value, 1) for summary in summaries}
    return codes.pop() if len(codes) == 1 else 3


def _echo_failures(failures: Sequence[Failure]) -> None:
    from pipeline import report

    for text in dict.fromkeys(report.failure_text(failure) for failure in failures):
        typer.echo(text, err=True)


def _run_directly(request: Request) -> RunSummary:
    from pipeline.daily import run_daily
    from pipeline.sources import open_source
    from pipeline.store import open_store

    source = open_source(request.settings.source, request.settings.download)
    with progress_bar() as progress:
        return run_daily(request, source, open_store(request.settings.database), progress=progress)


def _backfill_directly(request: Request, first: date) -> tuple[RunSummary, ...]:
    from pipeline.backfill import run_backfill
    from pipeline.sources import open_source
    from pipeline.store import open_store

    source = open_source(request.settings.source, request.settings.download)
    with progress_bar() as progress:
        return run_backfill(request, first, source, open_store(request.settings.database), progress=progress)


def _run_under_prefect(request: Request) -> RunSummary:
    from flows.daily import run_under_prefect

    return run_under_prefect(request)


def _backfill_under_prefect(request: Request, first: date) -> tuple[RunSummary, ...]:
    from flows.backfill import backfill_under_prefect

    return backfill_under_prefect(request, first)
