"""pricecast: daily LSTM price forecasts in a SQL table, with a verdict on whether they are worth anything.

The data's way, a package a part of it:

    sources -> ingest -> store -> learn (with models, networks) -> store -> score, lag -> show

`job` puts the steps in order; `commands` and the package `flows` call it. CONTRIBUTING.md has the whole map.
"""

__version__ = "0.1.0"
