"""docs/commands.md: every command with its arguments, options and exit codes, from the `app` itself."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import typer

from pipeline.cli import FAILED, INTERRUPTED, WRONG_USAGE, app
from pipeline.commands.run import EXIT_CODES
from tests.documents import markdown

INTRODUCTION = """\
`pricecast COMMAND --help` prints the same. Results go to stdout; errors, notes and progress go to stderr.
An error says what went wrong and what to do about it; `--debug`, anywhere on the line, shows the traceback
too."""
CODES = (
    (str(EXIT_CODES["done"]), "done"),
    (str(FAILED), "failed"),
    (str(WRONG_USAGE), "wrong usage: an unknown option, a value that is not allowed, a contradiction"),
    (str(EXIT_CODES["degraded"]), "degraded: some assets, models or series failed; everything else is done"),
    (str(INTERRUPTED), "interrupted with Ctrl-C"),
)

REQUIRED = "required"
BRACKETS = str.maketrans("", "", "<>")


@cache
def commands() -> dict[str, Any]:
    """Every command by the words that call it, such as `db check`."""
    return dict(_commands(typer.main.get_command(app), ""))


def options(command: Any) -> set[str]:
    """Every option of the command, `--help` and `--debug` included."""
    named = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return named | {"--help", "-h", "--debug"}


def page() -> str:
    sections = (block for words, command in commands().items() for block in _section(words, command))
    codes = markdown.table(("exit code", "meaning"), CODES)
    return markdown.page("Commands", INTRODUCTION, codes, *sections)


def _commands(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    for name, one in below.items():
        yield from _commands(one, f"{words} {name}".strip())


def _section(words: str, command: Any) -> Iterator[str]:
    context = typer.Context(command, info_name=f"pricecast {words}")
    rows = [_row(*one.get_help_record(context)) for one in command.params]
    names = [name for name, _, default in rows if default == REQUIRED or not name.startswith("-")]
    yield f"## `pricecast {words}`"
    yield "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
    yield f"```\npricecast {' '.join((words, *names, '[OPTIONS]'))}\n```"
    cells = ((markdown.code(name), meaning, default) for name, meaning, default in rows)
    yield markdown.table(("argument or option", "meaning", "default"), cells)


def _row(name: str, text: str) -> tuple[str, str, str]:
    """The name, meaning and default of an argument or option, from what the help says of it."""
    meaning, _, remark = text.partition("  [")
    notes = dict(note.partition(": ")[::2] for note in remark.rstrip("]").split("; "))
    default = markdown.code(notes["default"]) if "default" in notes else ""
    if name.startswith("-"):
        return name.translate(BRACKETS), meaning, REQUIRED if REQUIRED in notes else default
    # Behind the name of an argument, the help says its type.
    bare = name.partition(" <")[0]
    return bare, meaning, default if bare.startswith("[") else REQUIRED
