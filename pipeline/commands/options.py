"""Options that several commands share, and the settings they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pipeline.errors import UsageError

DatabaseOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--db", metavar="URL", help="SQLite file or database URL. Default: 'database' of the settings."
    ),
]
ConfigOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings file. Default: pricecast.toml in the current folder."
    ),
]
SourceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="SOURCE", help="yahoo, csv:PATH or simulated. Default: 'source' of the settings."
    ),
]
AsOfOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Use only what had settled by then. Default: now."),
]
SymbolsOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--symbols", metavar="A,B", help="Only these assets. Default: all configured ones."),
]
DirectOption: TypeAlias = Annotated[
    bool, typer.Option("--direct", help="Run without Prefect; the steps are the same.")
]
SymbolsArgument: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="Only these assets.", show_default=False)
]
HorizonOption: TypeAlias = Annotated[
    int | None, typer.Option("--horizon", min=1, metavar="N", help="Only forecasts N sessions ahead.")
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print all columns as JSON.", show_default=False)
]
CsvOption: TypeAlias = Annotated[
    bool, typer.Option("--csv", help="Print all columns as CSV.", show_default=False)
]


def chosen_database(config: Path | None, db: str | None) -> str:
    """Choose the database to read: `db`, or else that of the settings."""
    from pipeline.settings import load_settings

    return db if db is not None else load_settings(config).database


def chosen_symbols(text: str | None) -> tuple[str, ...]:
    """Split a comma-separated list into symbols, each once; empty for None."""
    if text is None:
        return ()
    symbols = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not symbols:
        raise UsageError("--symbols names no asset", "Write it like --symbols BTC-USD,AAPL.")
    return symbols
