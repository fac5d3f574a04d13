"""Plots of forecasts together with the actual prices and the last price known at each origin.

A forecast that echoes the last price lies on the dotted line, which makes it easy to recognise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.show.plot_style import (
    BACKTEST,
    DARK,
    LIVE,
    NAIVE,
    STYLE,
    dates_below,
    empty_figure,
    plain_axes,
    verdict_colour,
    whole_thousands,
)
from pipeline.types import DateArray, FloatArray, ForecastKind, Rows, closes_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = (11.0, 3.1)
"""Width and height of a panel."""
HEADER_INCHES = 0.95
CONTEXT_SESSIONS = 10
"""Sessions shown before the first forecast, where there are few forecasts."""


@dataclass(frozen=True)
class Chart:
    """What to plot: one asset's forecasts of one horizon, over the newest `last` sessions."""

    symbol: str
    horizon: int
    last: int


@dataclass(frozen=True, eq=False)
class Series:
    """One model's forecasts by target date, (m,) each, on today's price basis; bands NaN where not issued."""

    model: str
    target_dates: DateArray
    is_live: np.ndarray[Any, np.dtype[np.bool_]]
    last_closes: FloatArray
    forecasts: FloatArray
    bands: dict[str, FloatArray]


def draw(chart: Chart, prices: Rows, forecasts: Rows, verdicts: Rows, file: Path) -> None:
    """Plot forecasts and prices to `file`, in the format of its suffix: a panel per model, on common axes.

    `prices` has the columns session_date and close; `forecasts` those of `queries.forecasts_of`; `verdicts`
    has at most one row per model. Needs no display.
    """
    from matplotlib import rc_context

    dates, closes = _dates(prices, "session_date"), _floats(prices, "close")
    models = list(dict.fromkeys(record["model"] for record in forecasts.records()))
    found = {record["model"]: record for record in verdicts.records()}
    start = _start(chart, dates, _dates(forecasts, "target_date"))
    with rc_context(STYLE):
        figure, panels = _empty_panels(len(models))
        for panel, model in zip(panels, models, strict=True):
            series = _since(series_of(model, forecasts, dates, closes), start)
            _draw_panel(panel, series, dates[dates >= start], closes[dates >= start])
            _title(panel, model, found.get(model))
        _finish(figure, panels, chart)
        figure.savefig(file)


def series_of(model: str, forecasts: Rows, dates: DateArray, closes: FloatArray) -> Series:
    """Select one model's forecasts, the first issued for each target, on today's price basis.

    A split after the origin changes the price basis of the bars, but not that of the stored forecasts.
    """
    rows = forecasts.where("model", (model,))
    _, first = np.unique(_dates(rows, "target_date"), return_index=True)
    rows = Rows(rows.columns, tuple(rows.values[place] for place in first))
    last_closes = _floats(rows, "last_close")
    now = closes_on(_dates(rows, "origin_date"), dates, closes)
    factor = np.where(np.isnan(now), last_closes, now) / last_closes
    names = ("lower_80", "upper_80", "lower_95", "upper_95")
    return Series(
        model=model,
        target_dates=_dates(rows, "target_date"),
        is_live=np.array([record["kind"] == ForecastKind.LIVE for record in rows.records()], dtype=bool),
        last_closes=last_closes * factor,
        forecasts=_floats(rows, "forecast_close") * factor,
        bands={name: _floats(rows, name) * factor for name in names},
    )


def _start(chart: Chart, dates: DateArray, target_dates: DateArray) -> np.datetime64:
    """Choose the first session shown: that of the chart, or the one a little before the first forecast."""
    first_forecast = int(np.searchsorted(dates, target_dates.min()))
    place = max(len(dates) - chart.last, first_forecast - CONTEXT_SESSIONS, 0)
    return np.datetime64(dates[min(place, len(dates) - 1)], "D")


def _since(series: Series, start: np.datetime64) -> Series:
    """Select the forecasts whose target is `start` or later."""
    shown = series.target_dates >= start
    return Series(
        series.model,
        series.target_dates[shown],
        series.is_live[shown],
        series.last_closes[shown],
        series.forecasts[shown],
        {name: values[shown] for name, values in series.bands.items()},
    )


def _empty_panels(count: int) -> tuple[Figure, Any]:
    """Create a figure with `count` panels, one below the other."""
    width, height = PANEL_INCHES
    figure = empty_figure(width, HEADER_INCHES + height * count)
    return figure, figure.subplots(count, 1, sharex=True, sharey=True, squeeze=False)[:, 0]


def _draw_panel(panel: Axes, series: Series, dates: DateArray, closes: FloatArray) -> None:
    """Draw prices, persistence, forecasts and bands of one model."""
    plain_axes(panel)
    panel.set_ylabel("price")
    _draw_bands(panel, series)
    panel.plot(dates, closes, color=DARK, linewidth=1.5, label="actual close", zorder=3)
    panel.plot(
        series.target_dates,
        series.last_closes,
        color=NAIVE,
        linewidth=1.5,
        linestyle=(0, (1, 1.5)),
        zorder=6,
        label="last price known (the naive forecast)",
    )
    backtest = ~series.is_live
    panel.plot(
        series.target_dates[backtest],
        series.forecasts[backtest],
        color=BACKTEST,
        linewidth=1.6,
        zorder=5,
        label="forecast, backtest",
    )
    panel.plot(
        series.target_dates[series.is_live],
        series.forecasts[series.is_live],
        color=LIVE,
        linewidth=1.0,
        marker="o",
        markersize=4.0,
        zorder=7,
        label="forecast, live",
    )


def _draw_bands(panel: Axes, series: Series) -> None:
    """Draw bands as areas for the backtest and as bars for live forecasts, which may be a single one."""
    for share, alpha, width in ((95, 0.13, 1.2), (80, 0.24, 3.2)):
        lower, upper = series.bands[f"lower_{share}"], series.bands[f"upper_{share}"]
        backtest, live = ~series.is_live, series.is_live
        panel.fill_between(
            series.target_dates[backtest],
            lower[backtest],
            upper[backtest],
            color=BACKTEST,
            alpha=alpha,
            linewidth=0.0,
            label=f"{share}% band",
        )
        panel.vlines(
            series.target_dates[live],
            lower[live],
            upper[live],
            color=LIVE,
            alpha=alpha + 0.2,
            linewidth=width,
            zorder=5,
        )


def _title(panel: Axes, model: str, verdict: dict[str, Any] | None) -> None:
    """Title a panel with the model and, if there is one, its verdict."""
    panel.set_title(model, loc="left", fontsize=10.5, fontweight="bold", pad=7)
    if verdict:
        colour = verdict_colour(verdict["verdict"])
        panel.set_title(verdict["sentence"], loc="right", fontsize=8.5, color=colour, pad=7)


def _finish(figure: Figure, panels: Any, chart: Chart) -> None:
    """Add axis labels, the figure's title and the legend."""
    dates_below(panels[-1], 10)
    whole_thousands(panels[-1])
    panels[-1].margins(x=0.01)
    sessions = "1 session" if chart.horizon == 1 else f"{chart.horizon} sessions"
    figure.suptitle(f"{chart.symbol}: forecasts {sessions} ahead", fontsize=13, fontweight="bold")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8.5)


def _dates(rows: Rows, column: str) -> DateArray:
    """Read a column as dates."""
    return np.array([str(record[column]) for record in rows.records()], dtype="datetime64[D]")


def _floats(rows: Rows, column: str) -> FloatArray:
    """Read a column as floats; NaN for absent values."""
    return np.array([record[column] for record in rows.records()], dtype=np.float64)
