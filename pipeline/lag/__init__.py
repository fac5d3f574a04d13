"""The lag verdict: are forecasts informative about future prices, or do they echo prices already known?

`market` and `predictions` scale prices and forecasts by the volatility known at each origin; `information`,
`shape`, `copies` and `skill` are the statistical tests. `examine` combines their results as evidence,
`decision` turns evidence into a verdict, `sentence` puts the verdict into words, and `panels` computes the
data of the diagnostic plots. `judge` takes trials, `records` takes the track records in the store.

Terms: a *move* is the realised log change of the close from a forecast's origin to its target, a *predicted
change* the log change from the close at the origin to the forecast. *Persistence* forecasts no change. The
*drift* of a series is its mean log change. An *echo* is a forecast series that is a filter of known prices.
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
