"""The lag verdict: does a series of forecasts say anything, or does it echo prices already known?

`market` and `predictions` scale prices and forecasts; `information`, `shape`, `copies` and `skill` are the
parts of the test; `examine` puts them together as evidence, `decision` turns evidence into a verdict,
`sentence` into words, `panels` what one looks at beside it. `judge` takes trials, `records` what the store
holds.
"""

from pipeline.lag.judge import judge_alone, judge_together
from pipeline.lag.panels import Panels, panels_of
from pipeline.lag.records import Alignment, align, as_judged, judge_records

__all__ = [
    "Alignment",
    "Panels",
    "align",
    "as_judged",
    "judge_alone",
    "judge_records",
    "judge_together",
    "panels_of",
]
