"""What all pictures share: colours, type, and axes without ornament.

What was known already is orange, what was forecast blue, what came true the colour of ink.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2933"
QUIET = "#616e7c"
FAINT = "#9aa5b1"
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
    "text.color": INK,
    "axes.labelcolor": INK,
    "svg.fonttype": "none",
}


def verdict_colour(verdict: str) -> str:
    """Of the words of a verdict; quiet where it is neither good nor bad."""
    return VERDICT_COLOURS.get(verdict, QUIET)


def empty_figure(width: float, height: float, header: float = 0.0) -> Figure:
    """A figure of so many inches, the header above its panels included, that needs no display."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(
        h_pad=PADDING_INCHES, w_pad=PADDING_INCHES, rect=(0.0, 0.0, 1.0, 1.0 - header / height)
    )
    return Figure((width, height), dpi=DOTS_PER_INCH, layout=layout)


def plain_axes(panel: Axes) -> None:
    """A faint grid behind the data, and no frame above or to the right."""
    panel.grid(visible=True, color=GRID, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(FAINT)
    panel.tick_params(colors=INK, length=3)


def dates_below(panel: Axes, most: int) -> None:
    """Dates on the x axis, at most so many of them."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=most // 2, maxticks=most)
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def whole_thousands(panel: Axes) -> None:
    """Prices in the thousands on the y axis, with commas and no decimals."""
    from matplotlib.ticker import StrMethodFormatter

    if panel.get_ylim()[1] >= 1000:
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
