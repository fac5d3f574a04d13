"""The commands `run` and `backfill`: the daily job, for one moment or for many days."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import (
    AsOfOption,
    ConfigOption,
    DatabaseOption,
    DirectOption,
    SourceOption,
    SymbolsOption,
    chosen_symbols,
)
from pipeline.commands.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pipeline.job.request import Request
    from pipeline.types import Failure, RunSummary

EXIT_CODES = {"done": 0, "degraded": 3}
"""By the status of a run; any other status has failed."""


@dataclass(frozen=True)
class _FlowParameters:
    """The options of the command line as plain values, which Prefect records as parameters of a flow."""

    config: Path | None
    source: str | None
    symbols: str | None
    db: str | None

    @property
    def config_text(self) -> str | None:
        return str(self.config) if self.config else None

    @property
    def symbol_list(self) -> list[str] | None:
        return list(chosen_symbols(self.symbols)) or None


def run(
    *,
    as_of: AsOfOption = None,
    source: SourceOption = None,
    symbols: SymbolsOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
    direct: DirectOption = False,
    timings: Annotated[bool, typer.Option("--timings", help="Print where the time went.")] = False,
) -> None:
    """Run the daily job: download, forecast, score and judge.

    It runs under Prefect unless --direct is given. A DATE means 23:59:59 UTC of that day (today's date: now);
    a full timestamp is accepted too. The exit code is 3 if some assets or models failed, 1 if all assets did.
    """
    from pipeline.clock import parse_as_of, utc_now
    from pipeline.show import runs
    from pipeline.timings import timed
    from pipeline.types import Work

    with timed(Work.IMPORT):
        importlib.import_module("pipeline.job.daily")
        from pipeline.job.request import Request, check_as_of, chosen_settings

    now = utc_now()
    moment = now if as_of is None else parse_as_of(as_of, now)
    check_as_of(moment, now)
    request = Request(chosen_settings(config, database=db, source=source), moment, chosen_symbols(symbols))
    if direct:
        summary = _run_directly(request)
    else:
        summary = _run_under_prefect(_FlowParameters(config, source, symbols, db), as_of)
    typer.echo(runs.run_text(summary, request.settings.database))
    if timings and summary.timings:
        typer.echo(runs.timings_text(summary.timings))
    _echo_failures(summary.failures)
    raise typer.Exit(exit_code([summary]))


def backfill(
    *,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day.")],
    source: SourceOption = None,
    symbols: SymbolsOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
    direct: DirectOption = False,
) -> None:
    """Run the daily job for missed or past days, one by one.

    Each day's run uses only what had settled by 23:59:59 UTC of that day. The exit code is 3 if some days,
    assets or models failed, 1 if every day failed.
    """
    from pipeline.clock import parse_as_of, parse_day, utc_now
    from pipeline.job.request import Request, check_as_of, chosen_settings
    from pipeline.show import runs

    now = utc_now()
    moment = parse_as_of(last, now)
    settings = chosen_settings(config, database=db, source=source)
    request = Request(settings, moment, chosen_symbols(symbols), command="backfill")
    first_day = parse_day(first)
    check_as_of(moment, now)
    if direct:
        summaries = _backfill_directly(request, first_day)
    else:
        summaries = _backfill_under_prefect(_FlowParameters(config, source, symbols, db), first, last)
    typer.echo(runs.backfill_text(summaries, request.settings.database))
    _echo_failures([failure for summary in summaries for failure in summary.failures])
    raise typer.Exit(exit_code(summaries))


def download(
    *,
    as_of: AsOfOption = None,
    source: SourceOption = None,
    symbols: SymbolsOption = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Download the whole history, not only what is due.")
    ] = False,
) -> None:
    """Download, validate and store prices; forecast nothing.

    The exit code is 3 if some assets failed, 1 if all did.
    """
    from pipeline.clock import parse_as_of, utc_now
    from pipeline.job.daily import Steps, run_download
    from pipeline.job.request import Request, chosen_settings
    from pipeline.job.steps import prices
    from pipeline.show import runs
    from pipeline.sources import open_source
    from pipeline.store import open_store

    now = utc_now()
    moment = now if as_of is None else parse_as_of(as_of, now)
    settings = chosen_settings(config, database=db, source=source)
    request = Request(settings, moment, chosen_symbols(symbols), command="download")
    price_source = open_source(settings.source, settings.download)
    with progress_bar() as progress, open_store(settings.database) as store:
        run_steps = Steps(first_date=prices.whole_history) if whole else Steps()
        summary = run_download(request, price_source, store, run_steps, progress)
    typer.echo(runs.run_text(summary, settings.database))
    _echo_failures(summary.failures)
    raise typer.Exit(exit_code([summary]))


def exit_code(summaries: Sequence[RunSummary]) -> int:
    """Choose the exit code: 0 if all runs are done, 1 if all have failed, otherwise 3."""
    codes = {EXIT_CODES.get(summary.status.value, 1) for summary in summaries}
    return codes.pop() if len(codes) == 1 else 3


def _echo_failures(failures: Sequence[Failure]) -> None:
    from pipeline.show import runs

    for text in dict.fromkeys(runs.failure_text(failure) for failure in failures):
        typer.echo(text, err=True)


def _run_directly(request: Request) -> RunSummary:
    from pipeline.job.daily import run_daily
    from pipeline.sources import open_source
    from pipeline.store import open_store
    from pipeline.timings import timed
    from pipeline.types import Work

    with timed(Work.IMPORT):
        source = open_source(request.settings.source, request.settings.download)
    with progress_bar() as progress, open_store(request.settings.database) as store:
        return run_daily(request, source, store, progress=progress)


def _backfill_directly(request: Request, first: date) -> tuple[RunSummary, ...]:
    from pipeline.job.backfill import run_backfill
    from pipeline.sources import open_source
    from pipeline.store import open_store

    source = open_source(request.settings.source, request.settings.download)
    with progress_bar() as progress, open_store(request.settings.database) as store:
        return run_backfill(request, first, source, store, progress=progress)


def _run_under_prefect(said: _FlowParameters, as_of: str | None) -> RunSummary:
    from pipeline.timings import timed
    from pipeline.types import Work

    with timed(Work.IMPORT):
        from flows.runners import run_under_prefect
    with progress_bar() as progress, timed(Work.WAIT):
        return run_under_prefect(
            *(said.config_text, said.source, said.symbol_list, as_of, said.db), progress=progress
        )


def _backfill_under_prefect(said: _FlowParameters, first: str, last: str) -> tuple[RunSummary, ...]:
    from flows.runners import backfill_under_prefect

    with progress_bar() as progress:
        return backfill_under_prefect(
            *(first, last, said.config_text, said.source, said.symbol_list, said.db), progress=progress
        )
