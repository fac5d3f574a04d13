"""Explain one stored verdict in words, numbers and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.commands.plot import check_picture
from pipeline.errors import PricecastError

if TYPE_CHECKING:
    from pipeline.lag import Alignment
    from pipeline.types import LagVerdict


def explain(database: str, symbol: str, model: str, horizon: int, plot: Path | None) -> None:
    """Print the newest verdict on a series with its numbers; draw it to `plot` when that is given."""
    from pipeline.lag import panels_of
    from pipeline.show.verdict import explanation_text

    if plot is not None:
        check_picture(plot, "--plot")
    verdict, aligned = _judged(database, symbol, model, horizon)
    panels = panels_of(aligned.trial, aligned.target_dates)
    title = f"{symbol} {model}, {horizon} session{'' if horizon == 1 else 's'} ahead"
    typer.echo(explanation_text(title, verdict.judgement, panels))
    if plot is not None:
        from pipeline.show.plot_verdict import draw_verdict

        draw_verdict(title, verdict.judgement, panels, plot)
        typer.echo(f"\n{plot}")


def _judged(database: str, symbol: str, model: str, horizon: int) -> tuple[LagVerdict, Alignment]:
    """Load the newest verdict on a series, and the forecasts that it rests on."""
    from pipeline.lag import as_judged
    from pipeline.learn.adjust import adjusted
    from pipeline.store import open_read_only, read, reading

    with open_read_only(database) as engine, reading(engine) as connection:
        verdict = read.newest_verdict(connection, symbol, model, horizon)
        newest = read.newest_session(connection, symbol)
        if verdict is None or newest is None:
            raise PricecastError(
                f"no verdict on {symbol} {model} {horizon} ahead is stored",
                "See 'pricecast verdicts' for the stored verdicts.",
            )
        prices = read.prices(connection, symbol, newest)
        record = read.track_record(connection, verdict.key, newest)
    aligned = as_judged(verdict, record, adjusted(prices, record.adjustment))
    if aligned is None:
        raise PricecastError(
            f"the verdict on {symbol} {model} has no evidence stored",
            "Run 'pricecast run' to judge it again.",
        )
    return verdict, aligned
