"""The command `plot`: forecasts and prices as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import ConfigOption, DatabaseOption, chosen_database
from pipeline.errors import PricecastError, UsageError

if TYPE_CHECKING:
    from pipeline.types import Rows

SUFFIXES = (".png", ".svg", ".pdf")


def plot(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The asset.")],
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Only these models.", show_default=False)
    ] = None,
    horizon: Annotated[int, typer.Option("--horizon", min=1, metavar="N", help="Sessions ahead.")] = 1,
    last: Annotated[
        int, typer.Option("--last", min=5, metavar="N", help="Number of newest sessions shown.")
    ] = 120,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="A .png, .svg or .pdf file. Default: SYMBOL.png."),
    ] = None,
    db: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Plot forecasts with the actual and the last known prices."""
    from pipeline.store import queries

    file = out or Path(f"{symbol}.png")
    check_picture(file, "--out")
    database = chosen_database(config, db)
    forecasts = _forecasts(database, symbol, horizon, models or [])
    prices = queries.prices_of(database, symbol)
    verdicts = queries.read_rows(database, queries.VERDICTS)
    verdicts = verdicts.where("symbol", (symbol,)).where("horizon", (horizon,))

    from pipeline.show.plot_forecasts import Chart, draw

    draw(Chart(symbol, horizon, last), prices, forecasts, verdicts, file)
    typer.echo(file)


def check_picture(file: Path, option: str) -> None:
    """Raise UsageError if `file`, given by `option`, cannot become a picture."""
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{option} {file} is not a picture file", f"End its name in one of: {', '.join(SUFFIXES)}."
        )
    if not file.absolute().parent.is_dir():
        raise UsageError(f"the folder of {option} {file} does not exist", "Make it, or name another file.")


def _forecasts(database: str, symbol: str, horizon: int, models: list[str]) -> "Rows":
    from pipeline.store import queries

    rows = queries.forecasts_of(database, symbol, horizon)
    if not rows.values:
        raise PricecastError(
            f"no forecasts of {symbol} {horizon} sessions ahead are stored",
            "See 'pricecast forecasts' for the stored forecasts.",
        )
    there = list(dict.fromkeys(record["model"] for record in rows.records()))
    absent = [model for model in models if model not in there]
    if absent:
        raise PricecastError(
            f"no forecasts of {symbol} by {', '.join(absent)} are stored", f"There is {', '.join(there)}."
        )
    return rows.where("model", models or there)
