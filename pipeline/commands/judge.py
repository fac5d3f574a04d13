"""The command `judge`: the lag verdict on forecasts made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import JsonOption
from pipeline.commands.plot import check_picture
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.forecast_file import ForecastSeries, UnusableSeries
    from pipeline.types import Judgement, Rows

FAILED, DEGRADED = 1, 3
EVIDENCE = (
    *("p_echo", "p_skill", "skill", "skill_low", "skill_high", "skill_as_issued", "mean_lag_sessions"),
    *("nearest_naive", "distance", "slope", "size", "hit_rate", "p_direction", "dm_p_value", "p_worse"),
    *("p_better", "p_anti", "p_shape", "p_no_skill", "filter_r2", "tracking", "power"),
    *("min_detectable_r2", "e_value"),
)
COLUMNS = ("symbol", "model", "horizon", "n", "verdict", *EVIDENCE, "sentence", "notes")


@dataclass(frozen=True, eq=False)
class _Judged:
    """A series with its judgement; its title is the file's name if it has neither symbol nor model."""

    title: str
    series: ForecastSeries
    judgement: Judgement


def judge(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The forecasts, plain or gzipped.")],
    *,
    horizon: Annotated[int, typer.Option("--horizon", min=1, metavar="N", help="Sessions ahead.")] = 1,
    as_json: JsonOption = False,
    explained: Annotated[
        bool, typer.Option("--explain", help="Print each verdict with its numbers.", show_default=False)
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the verdict on one series: .png, .svg or .pdf."),
    ] = None,
) -> None:
    """Judge forecasts made elsewhere, from a CSV file.

    Its columns are origin_date, target_date, last_close, forecast and actual; symbol and model, if present,
    separate several series. The exit code is 3 if some series cannot be judged, 1 if none can.
    """
    from pipeline.forecast_file import ForecastSeries, UnusableSeries, read_forecast_file

    if as_json and explained:
        raise UsageError("--json and --explain exclude each other", "Give one of them.")
    if plot is not None:
        check_picture(plot, "--plot")
    found = read_forecast_file(file, horizon)
    if plot is not None:
        _check_single(file, found)
    judged = _judged(file, [one for one in found if isinstance(one, ForecastSeries)])
    show = _show_json if as_json else _show_explanations if explained else _show_table
    show(judged)
    if plot is not None:
        _draw(judged, plot)
    if plot is not None and judged and not as_json:
        typer.echo(f"\n{plot}")
    unusable = [one for one in found if isinstance(one, UnusableSeries)]
    _tell_notes(unusable if as_json else found)
    _tell_number(judged)
    _tell_errors(file, unusable)
    if unusable:
        raise typer.Exit(DEGRADED if judged else FAILED)


def _check_single(file: Path, found: Sequence[ForecastSeries | UnusableSeries]) -> None:
    if len(found) > 1:
        what = f"--plot draws one verdict, and {file} holds {len(found)} series"
        raise UsageError(what, "Give a file with one symbol and one model.")


def _judged(file: Path, series: Sequence[ForecastSeries]) -> list[_Judged]:
    """Judge every series separately."""
    from pipeline.lag import judge_alone

    judgements = judge_alone([one.trial for one in series])
    return [
        _Judged(_name(one) or str(file), one, judgement)
        for one, judgement in zip(series, judgements, strict=True)
    ]


def _name(series: ForecastSeries | UnusableSeries) -> str:
    return f"{series.symbol} {series.model}".strip()


def _show_json(judged: Sequence[_Judged]) -> None:
    from pipeline.show import tables

    typer.echo(tables.as_json(_rows(judged)))


def _show_table(judged: Sequence[_Judged]) -> None:
    from pipeline.show import tables

    if judged:
        tables.show(tables.judgements_table(_rows(judged)))


def _show_explanations(judged: Sequence[_Judged]) -> None:
    from pipeline.lag.panels import panels_of
    from pipeline.show.verdict import explanation_text

    for place, one in enumerate(judged):
        if place:
            typer.echo()
        panels = panels_of(one.series.trial, one.series.target_dates)
        typer.echo(explanation_text(_heading(one), one.judgement, panels, is_judged_alone=True))


def _draw(judged: Sequence[_Judged], picture: Path) -> None:
    from pipeline.lag.panels import panels_of
    from pipeline.show.plot_verdict import draw_verdict

    for one in judged:
        panels = panels_of(one.series.trial, one.series.target_dates)
        draw_verdict(_heading(one), one.judgement, panels, picture)


def _heading(one: _Judged) -> str:
    horizon = one.series.trial.horizon
    return f"{one.title}, {horizon} session{'' if horizon == 1 else 's'} ahead"


def _tell_number(judged: Sequence[_Judged]) -> None:
    if len(judged) > 1:
        chance = "about 1 in 20 without skill will still be called SKILLED"
        typer.echo(f"note: {len(judged):,} series, each judged separately; {chance}", err=True)


def _tell_notes(series: Sequence[ForecastSeries | UnusableSeries]) -> None:
    for one in series:
        name = _name(one)
        for note in one.notes:
            typer.echo(f"note: {name}: {note}" if name else f"note: {note}", err=True)


def _tell_errors(file: Path, unusable: Sequence[UnusableSeries]) -> None:
    for one in unusable:
        typer.echo(f"error: {_name(one) or file}: {one.error}", err=True)


def _rows(judged: Sequence[_Judged]) -> Rows:
    """Make a row for each series; None for an undefined number and for a missing symbol or model."""
    from pipeline.types import Rows

    return Rows(COLUMNS, tuple(_row(one) for one in judged))


def _row(one: _Judged) -> tuple[str | float | list[str] | None, ...]:
    series, judgement = one.series, one.judgement
    numbers = tuple(_defined(getattr(judgement.evidence, name)) for name in EVIDENCE)
    return (
        *(series.symbol or None, series.model or None, series.trial.horizon, judgement.evidence.n),
        *(judgement.verdict.value, *numbers, judgement.sentence, list(series.notes)),
    )


def _defined(value: str | float) -> str | float | None:
    return value if isinstance(value, str) or isfinite(value) else None
