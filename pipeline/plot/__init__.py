"""Pictures: `forecasts` beside prices, and one `verdict` in five panels. `style` is what they share."""

from pipeline.plot.forecasts import Chart, draw
from pipeline.plot.verdict import draw_verdict

__all__ = ["Chart", "draw", "draw_verdict"]
