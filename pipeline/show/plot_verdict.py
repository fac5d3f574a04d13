"""Plot one verdict: the sentence, and the five diagnostic panels of `lag.panels`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.show.plot_style import (
    BACKTEST,
    DARK,
    DARK_NAIVE,
    GREY,
    GRID,
    LIGHT_GREY,
    NAIVE,
    STYLE,
    dates_below,
    empty_figure,
    plain_axes,
    verdict_colour,
    whole_thousands,
)
from pipeline.show.text import percent_text
from pipeline.show.verdict import correlation_text, sentence_lines, span_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pipeline.lag import Panels
    from pipeline.types import Judgement

WIDTH_INCHES = 12.0
BODY_INCHES = 7.0
HEADER_INCHES = 0.55
LINE_INCHES = 0.2
MARGIN_INCHES = 0.15
SENTENCE_WIDTH = 140
"""Characters in a line of the sentence."""
MIN_CORRELATION_LIMIT = 0.35
"""Smallest limit of the axis of correlations."""
LAYOUT = [["prices", "prices", "changes"], ["correlations", "errors", "gains"]]
DOTTED = (0, (1, 1.4))
GAIN, LOSS = "#2b8a3e", "#c92a2a"
PALE_NAIVE, PALE_BACKTEST = "#fbd9a5", "#b9d1ea"
SMALL, SMALLER = 8.0, 7.5
LABEL_BACKGROUND = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
MIN_AXIS_RATIO = 0.75
"""Smallest half-width of the axis of predicted changes, as a share of that of the moves."""


def draw_verdict(title: str, judgement: Judgement, panels: Panels, file: Path) -> None:
    """Plot one verdict to `file`, in the format of its suffix. Needs no display."""
    from matplotlib import rc_context

    lines = sentence_lines(judgement.sentence, SENTENCE_WIDTH)
    header = HEADER_INCHES + LINE_INCHES * len(lines)
    with rc_context(STYLE):
        figure = empty_figure(WIDTH_INCHES, header + BODY_INCHES, header)
        _header(figure, title, lines, judgement, panels)
        axes: dict[str, Axes] = figure.subplot_mosaic(LAYOUT)
        _draw_prices(axes["prices"], panels)
        _draw_changes(axes["changes"], judgement, panels)
        _draw_correlations(axes["correlations"], panels)
        _draw_errors(axes["errors"], panels)
        _draw_gains(axes["gains"], judgement, panels)
        figure.savefig(file)


def _header(figure: Figure, title: str, lines: list[str], judgement: Judgement, panels: Panels) -> None:
    """Write the title, the span of the forecasts, and the sentence in the colour of its verdict."""
    width, height = figure.get_size_inches()
    left, right = MARGIN_INCHES / width, 1.0 - MARGIN_INCHES / width
    top = 1.0 - 0.3 / height
    figure.text(left, top, title, fontsize=14, fontweight="bold", va="center", parse_math=False)
    figure.text(right, top, span_text(judgement, panels), fontsize=8.5, color=GREY, ha="right", va="center")
    colour = verdict_colour(judgement.verdict)
    for place, line in enumerate(lines):
        y = top - (0.3 + LINE_INCHES * place) / height
        figure.text(left, y, line, fontsize=10.5, color=colour, va="center", parse_math=False)


def _caption(panel: Axes, title: str, reading: str) -> None:
    """Write a panel's title and, below it, how to read the panel."""
    panel.set_title(title, loc="left", fontsize=10, fontweight="bold", pad=19)
    words = panel.annotate(
        reading,
        (0.0, 1.0),
        xytext=(0.0, 6.0),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=SMALL,
        color=GREY,
    )
    words.set_in_layout(False)  # a long caption would widen its panel; the title reserves the height


def _draw_prices(panel: Axes, panels: Panels) -> None:
    """Draw panel (a): actual prices, forecasts and last known prices by target date."""
    plain_axes(panel)
    sessions = len(panels.recent_dates)
    which = "the session forecast" if sessions == 1 else f"the last {sessions} sessions forecast"
    _caption(panel, f"Prices of {which}", "an echo of the last price lies on the dotted line")
    known = "yesterday's price" if panels.horizon == 1 else "last price known"
    for prices, colour, width, style, words in (
        (panels.actual, DARK, 1.6, "-", "actual price"),
        (panels.forecast, BACKTEST, 1.8, "-", "forecast"),
        (panels.last_known, NAIVE, 1.7, DOTTED, known),
    ):
        marker = "o" if sessions == 1 else ""
        panel.plot(
            panels.recent_dates,
            prices,
            color=colour,
            linewidth=width,
            linestyle=style,
            marker=marker,
            label=words,
        )
    panel.set_ylabel("price")
    panel.set_xlabel("session forecast")
    panel.margins(x=0.01)
    dates_below(panel, 9)
    whole_thousands(panel)
    panel.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=3,
        frameon=False,
        fontsize=SMALL,
        borderaxespad=0.1,
    )


def _draw_changes(panel: Axes, judgement: Judgement, panels: Panels) -> None:
    """Draw panel (c): moves against predicted changes, with the fitted slope and slopes 1 and 1/2."""
    plain_axes(panel)
    _caption(panel, "Predicted and actual changes", "a slope above 1/2 beats the last price")
    tallest = 1.05 * float(np.abs(panels.realised).max()) or 1.0
    widest = max(1.05 * float(np.abs(panels.predicted).max()), MIN_AXIS_RATIO * tallest)
    panel.axhline(0.0, color=LIGHT_GREY, linewidth=0.7)
    panel.axvline(0.0, color=LIGHT_GREY, linewidth=0.7)
    panel.scatter(panels.predicted, panels.realised, s=9, color=BACKTEST, alpha=0.45, linewidth=0, zorder=3)
    for slope, words in ((1.0, "slope 1"), (0.5, "slope 1/2")):
        _slope(panel, slope, words, (widest, tallest), DARK, (0, (5, 3)))
    if np.isfinite(judgement.evidence.slope):
        slope = judgement.evidence.slope
        _slope(panel, slope, f"fitted {slope:.2f}", (-widest, tallest), BACKTEST, "-")
    panel.set_xlim(-widest, widest)
    panel.set_ylim(-tallest, tallest)
    panel.set_xlabel("predicted change (multiples of volatility)")
    panel.set_ylabel("actual change (multiples of volatility)")


def _slope(
    panel: Axes, slope: float, words: str, corner: tuple[float, float], colour: str, style: object
) -> None:
    """Draw a line through (0, 0), labelled where it leaves the panel on the side of `corner`."""
    x, tallest = corner
    side = np.sign(x)
    end = side * min(abs(x), tallest / abs(slope)) if slope else x
    y = slope * end
    is_steep = abs(y) > 0.9 * tallest
    is_above = (y < 0.0) if is_steep else (y >= 0.0)  # inside the panel, and off the line
    panel.plot([-end, end], [-y, y], color=colour, linewidth=1.1, linestyle=style, zorder=4)
    panel.annotate(
        words,
        (end, y),
        xytext=((-11.0 if is_steep else -2.0) * side, 2.0 if is_above else -2.0),
        textcoords="offset points",
        ha="right" if side > 0.0 else "left",
        va="bottom" if is_above else "top",
        fontsize=SMALLER,
        color=colour,
        zorder=5,
        bbox=LABEL_BACKGROUND,
    )


def _draw_correlations(panel: Axes, panels: Panels) -> None:
    """Draw panel (b): correlations of the predicted change with known returns and with the move."""
    plain_axes(panel)
    _caption(
        panel,
        "Correlations of the predicted change",
        "with known days: an echo; with the move: skill",
    )
    places = np.arange(len(panels.moves))
    panel.bar(
        places, 2.0 * panels.chance_bounds, 1.0, -panels.chance_bounds, color=GRID, label="by chance (95%)"
    )
    panel.axhline(0.0, color=DARK, linewidth=0.8)
    known_days = np.where(places < places[-1], panels.correlations, np.nan)
    move = np.where(places == places[-1], panels.correlations, np.nan)
    for values, colour, words in (
        (known_days, NAIVE, "known days"),
        (move, BACKTEST, "the move"),
    ):
        bars = panel.bar(places, values, 0.62, color=colour, label=words)
        labels = ["" if np.isnan(value) else correlation_text(value) for value in values]
        panel.bar_label(bars, labels, padding=2, fontsize=SMALLER, color=GREY)
    defined = panels.correlations[np.isfinite(panels.correlations)]
    if len(defined) == 0:
        panel.text(3.0, 0.5, "undefined: constant predictions", ha="center", fontsize=9, color=GREY)
    limit = max(1.3 * np.abs(defined).max(), MIN_CORRELATION_LIMIT) if len(defined) else 1.0
    panel.set_ylim(-limit, limit)
    panel.set_xlim(-0.6, places[-1] + 0.6)
    _day_ticks(panel, panels.moves)
    panel.set_xlabel("return of session (t: the last known)")
    panel.set_ylabel("correlation with predicted change")
    panel.legend(loc="best", framealpha=0.75, edgecolor="none", fontsize=SMALLER, handlelength=1.0)


def _draw_errors(panel: Axes, panels: Panels) -> None:
    """Draw panel (e): mean distance of the forecasts from the price of each day."""
    plain_axes(panel)
    _caption(panel, "Distance from each day's price", f"{panels.caution}: good forecasts, too, lie near t")
    percent = 100.0 * panels.errors
    colours = [PALE_NAIVE] * (len(percent) - 1) + [PALE_BACKTEST]
    colours[panels.nearest] = BACKTEST if panels.nearest == len(percent) - 1 else NAIVE
    bars = panel.bar(np.arange(len(percent)), percent, 0.72, color=colours)
    panel.bar_label(bars, [f"{value:.1f}" for value in percent], padding=2, fontsize=SMALLER, color=GREY)
    panel.margins(y=0.12)
    panel.set_ylim(bottom=0.0)
    _day_ticks(panel, panels.days)
    panel.set_xlabel("price of session")
    panel.set_ylabel("mean distance of the forecasts (%)")


def _day_ticks(panel: Axes, names: tuple[str, ...]) -> None:
    """Label the x axis with the days: known days in one colour, the target in another."""
    panel.set_xticks(np.arange(len(names)), [name.replace(" ", "\n") for name in names])
    panel.grid(visible=False, axis="x")
    for label in panel.get_xticklabels()[:-1]:
        label.set_color(DARK_NAIVE)
    panel.get_xticklabels()[-1].set_color(BACKTEST)
    panel.get_xticklabels()[-1].set_fontweight("bold")


def _draw_gains(panel: Axes, judgement: Judgement, panels: Panels) -> None:
    """Draw panel (d): the cumulated gain over persistence, ending at the skill and its interval."""
    plain_axes(panel)
    _caption(panel, "Gain over the last price", "cumulated reduction of squared error; ends at the skill")
    percent = 100.0 * panels.gains
    panel.plot(panels.dates, np.zeros(len(percent)), color=NAIVE, linewidth=1.7, linestyle=DOTTED)
    panel.fill_between(panels.dates, percent, where=percent >= 0.0, color=GAIN, alpha=0.15, linewidth=0)
    panel.fill_between(panels.dates, percent, where=percent <= 0.0, color=LOSS, alpha=0.15, linewidth=0)
    panel.plot(panels.dates, percent, color=BACKTEST, linewidth=1.5)
    e = judgement.evidence
    if np.isfinite(e.skill):
        panel.vlines(
            panels.dates[-1:], [100.0 * e.skill_low], [100.0 * e.skill_high], color=DARK, linewidth=1.2
        )
        panel.plot(panels.dates[-1:], percent[-1:], marker="o", markersize=4.5, color=DARK)
        panel.annotate(
            f"skill {percent_text(e.skill, signed=True)}\n(95% interval)",
            (panels.dates[-1], percent[-1]),
            xytext=(-6.0, -5.0 if e.skill < 0.0 else 5.0),
            textcoords="offset points",
            ha="right",
            va="top" if e.skill < 0.0 else "bottom",
            fontsize=SMALL,
            bbox=LABEL_BACKGROUND,
        )
    panel.set_ylabel("gain (% of the last price's squared error)")
    panel.set_xlabel("session forecast")
    dates_below(panel, 6)
