"""The style shared by all plots: colours, fonts and plain axes.

Known prices and persistence are orange, backtest forecasts blue, live forecasts crimson, actual prices dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DARK = "#1f2933"
GREY = "#616e7c"
LIGHT_GREY = "#9aa5b1"
GRID = "#e4e7eb"
NAIVE = "#f08c00"
DARK_NAIVE = "#b35c00"
BACKTEST = "#2f6fb2"
LIVE = "#c2255c"
VERDICT_COLOURS = {"SKILLED": "#2b8a3e", "ECHO": "#c92a2a", "SUSPECT_ECHO": DARK_NAIVE, "WORSE": "#c92a2a"}
PADDING_INCHES = 0.12
DOTS_PER_INCH = 150
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": DARK,
    "axes.labelcolor": DARK,
    "svg.fonttype": "none",
}


def verdict_colour(verdict: str) -> str:
    """Choose the text colour of a verdict; grey for one that is neither good nor bad."""
    return VERDICT_COLOURS.get(verdict, GREY)


def empty_figure(width: float, height: float, header: float = 0.0) -> Figure:
    """Create a figure of the given size in inches, including a header above the panels. Needs no display."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(
        h_pad=PADDING_INCHES, w_pad=PADDING_INCHES, rect=(0.0, 0.0, 1.0, 1.0 - header / height)
    )
    return Figure((width, height), dpi=DOTS_PER_INCH, layout=layout)


def plain_axes(panel: Axes) -> None:
    """Give the axes a light grid behind the data, and no frame above or to the right."""
    panel.grid(visible=True, color=GRID, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(LIGHT_GREY)
    panel.tick_params(colors=DARK, length=3)


def dates_below(panel: Axes, most: int) -> None:
    """Label the x axis with at most `most` dates."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=most // 2, maxticks=most)
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def whole_thousands(panel: Axes) -> None:
    """Format prices of 1,000 and more on the y axis with commas and without decimals."""
    from matplotlib.ticker import StrMethodFormatter

    if panel.get_ylim()[1] >= 1000:
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
