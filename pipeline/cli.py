"""The command `pricecast`: puts the commands together and prints errors in one or two lines.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 degraded. Errors go to stderr as `error: what`, then the next
step indented; a traceback is shown only with `--debug`, which may be anywhere on the line. Everything
heavy is imported inside the commands, so that `--help` answers at once.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any

import typer

from pipeline import __version__
from pipeline.commands import database, demo, judge, past, plot, quarantine, run, service, tables
from pipeline.errors import PricecastError

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130

_WrongUsage: type[Any] = typer.BadParameter.__base__ or typer.BadParameter
"""What typer raises for a line that it cannot parse, with its own click or an imported click."""

app = typer.Typer(
    name="pricecast",
    help="Daily LSTM price forecasts in a SQL table, with a verdict on whether they are worth anything.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 degraded (some assets or models failed).",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_db = typer.Typer(help="Migrations, backup and integrity of the database.", rich_markup_mode=None)
_quarantine = typer.Typer(
    help="Decide on quarantined rows: downloaded, doubted, not stored.", rich_markup_mode=None
)

_COMMANDS: tuple[Callable[..., None], ...] = (
    *(demo.demo, run.run, run.backfill, run.download),
    *(tables.forecasts, tables.scoreboard, tables.verdicts, tables.leads, past.prices, past.replay),
    *(judge.judge, plot.plot, tables.sql, service.serve, service.doctor),
)
for _command in _COMMANDS:
    app.command()(_command)
for _command in (database.upgrade, database.backup, database.check):
    _db.command()(_command)
app.add_typer(_db, name="db")
_quarantine.command(name="list")(quarantine.show)
for _command in (quarantine.release, quarantine.reject):
    _quarantine.command()(_command)
app.add_typer(_quarantine, name="quarantine")


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback signature
    if wanted:
        typer.echo(f"pricecast {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """List the general options in the help; `execute` has removed `--debug` from the line already."""
    del debug, version


def main() -> None:
    """Run the command line of this process."""
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; errors are printed to stderr and never raised."""
    debug = "--debug" in arguments
    words = [word for word in arguments if word != "--debug"]
    _set_logging(debug=debug)
    try:
        code = _whole_command().main(words or ["--help"], "pricecast", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does; Python would report it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last place where an error can be printed in a line
        if debug:
            traceback.print_exception(error)
        return _tell(error)
    if code == INTERRUPTED:
        typer.echo("stopped", err=True)
    if not words:
        return WRONG_USAGE
    return code if isinstance(code, int) else 0


@cache
def _whole_command() -> Any:
    """Build the commands from their functions, once for each process."""
    return typer.main.get_command(app)


def _tell(error: Exception) -> int:
    if isinstance(error, PricecastError):
        typer.echo(f"error: {error}", err=True)
        return error.exit_code
    if isinstance(error, _WrongUsage):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "pricecast"
        typer.echo(f"error: {error.format_message()}\n  See '{command} --help'.", err=True)
        return WRONG_USAGE
    what = " ".join(str(error).split())
    typer.echo(f"error: unexpected {type(error).__name__}: {what}\n  Run again with --debug.", err=True)
    return FAILED


def _set_logging(*, debug: bool) -> None:
    """Hide log records unless `--debug` is given: people see results and errors."""
    import logging

    if debug:
        logging.basicConfig(level=logging.INFO)
    else:
        # A level is not enough: loggers with a level of their own pass their records to the root's handlers.
        logging.basicConfig(handlers=[logging.NullHandler()])


if __name__ == "__main__":
    main()
