"""docs/views.md: every public view with its columns, from `VIEW_COLUMNS`."""

from collections.abc import Mapping

from pipeline.store import VIEW_COLUMNS
from tests.documents import markdown

INTRODUCTION = """\
Everything that pricecast stores can be queried through these views, with `pricecast sql "SELECT ..."`
(read-only), `sqlite3` or any other client. They are the public contract: a change of a view is listed in
the [changelog](../CHANGELOG.md). The tables under them may change with any version, and are described in
`pipeline/store/tables.py`."""
CONVENTIONS = """\
- Columns that end in `_at_utc` are times in UTC; columns that end in `_date` are session dates.
- Prices are in the asset's currency.
- NULL means undefined or unknown, and never 0.
- A flag is 1 or 0.
- Of each model, only its current configuration is shown: that of its newest fit. `prices` and `quarantine`
  have no models.
- The *origin* of a forecast is the last settled session that it knows, the *target* the session that it
  forecasts, the *horizon* the number of sessions between them. *Persistence* is the forecast that repeats
  the last close.
- `skill` of `model_scoreboard` is that of all forecasts of one kind as they were issued. `skill` of
  `model_verdicts` and `lagging_models` is the verdict's: of live and backtest forecasts together, in units
  of volatility and without a constant drift."""
PURPOSES: Mapping[str, str] = {
    "prices": "The current daily bars, one row for each asset and session. A bar that changes keeps its old "
    "revisions in the table `price_bars`; `pricecast prices SYMBOL --known-at DATE` shows them.",
    "quarantine": "Downloaded rows that are doubted, not stored as prices, and not decided on by anybody. "
    "See [prices](prices.md#quarantine).",
    "latest_forecasts": "The newest live forecasts of each model: one row for each asset, model and horizon.",
    "forecast_history": "Every forecast that was ever issued, and what came true: one row for each asset, "
    "model, kind, origin and horizon.",
    "model_scoreboard": "The newest metrics of each model: one row for each asset, model, horizon and kind.",
    "metric_history": "How the metrics have changed: a row is added whenever a value changes.",
    "lagging_models": "The models whose newest verdict is ECHO or SUSPECT_ECHO: one row for each asset, "
    "model and horizon.",
    "lead_lags": "How the changes of other assets precede those of an asset, as the newest fit of each model "
    "measured it on its training rows: one row for each asset, model and lead.",
    "model_verdicts": "The newest verdict of each model with all its evidence: one row for each asset, model "
    "and horizon. See [the verdict](verdict.md).",
}


def page() -> str:
    sections = (
        block
        for view, columns in VIEW_COLUMNS.items()
        for block in (f"## `{view}`", PURPOSES[view], _columns(columns))
    )
    return markdown.page("SQL views", INTRODUCTION, CONVENTIONS, *sections)


def _columns(columns: Mapping[str, str]) -> str:
    rows = ((markdown.code(name), meaning) for name, meaning in columns.items())
    return markdown.table(("column", "meaning"), rows)
