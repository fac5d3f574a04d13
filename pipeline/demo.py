"""The demo: the daily job on a simulated market, and its verdicts next to the known truth."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pipeline.clock import utc_now
from pipeline.errors import PricecastError, StoreError, UsageError
from pipeline.job.daily import run_daily
from pipeline.job.progress import Progress, silent
from pipeline.job.request import Request
from pipeline.settings import DEFAULT_MODELS, Settings
from pipeline.sources.simulated import SIMULATED_ASSETS, TRUTHS, SimulatedSource
from pipeline.store import open_read_only, open_store, read_runs, reading
from pipeline.types import Rows, RunSummary

COMMAND = "demo"
HORIZONS = 2
"""Fewer sessions ahead than by default; all other settings are the defaults."""

FORECASTS = """
SELECT symbol, model, horizon, target_date, last_close, forecast_close, lower_80, upper_80,
    predicted_return, 0 AS is_stale, verdict
FROM latest_forecasts WHERE horizon = 1 ORDER BY symbol, model
"""
"""The forecasts for the next session. The demo plays a fixed day, so none of them counts as out of date."""

STATEMENT = (
    "SELECT symbol, model, n, round(100 * skill, 1) AS skill_percent, verdict"
    " FROM model_scoreboard WHERE horizon = 1 AND kind = 'backtest'"
)


def demo_settings(file: Path) -> Settings:
    """Make the demo's settings, without any file or environment, so that every demo is the same."""
    return Settings.model_construct(
        database=str(file),
        source=SimulatedSource.name,
        horizons=HORIZONS,
        models=DEFAULT_MODELS,
        assets=SIMULATED_ASSETS,
    )


def introduction(settings: Settings) -> str:
    """Say what the demo will do, and how it differs from a real run."""
    usual = Settings.model_construct().horizons
    return (
        f"A simulated market of {len(settings.assets)} assets, {len(settings.models)} models each, offline.\n"
        f"All as usual, but for {settings.horizons} sessions ahead (usually {usual}): "
        f"{settings.backtest.origins} backtest origins, refitted every {settings.backtest.refit_every}."
    )


def run_demo(
    settings: Settings,
    as_of: datetime,
    progress: Progress = silent,
    clock: Callable[[], datetime] = utc_now,
) -> RunSummary:
    """Run the daily job on the simulated market into the database of the settings, and summarise it."""
    with open_store(settings.database) as store:
        request = Request(settings, as_of, command=COMMAND)
        return run_daily(request, SimulatedSource(), store, progress=progress, clock=clock)


def fresh_file(database: str) -> Path:
    """Remove an earlier demo's database at `database`, and give the path of its file.

    Only a database that nothing but the demo has written is removed; PricecastError for any other.
    """
    file = _sqlite_file(database)
    if file.exists():
        if not _is_a_demo(file):
            raise PricecastError(
                f"{file} exists and is not a demo's database", "Name another file: pricecast demo --db FILE."
            )
        for suffix in ("", "-wal", "-shm"):
            file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
    return file


def truth_beside_verdict(verdicts: Rows) -> Rows:
    """Add each asset's truth to the verdicts one session ahead, in the order of the simulated market."""
    records = verdicts.where("horizon", (1,)).records()
    places = {name: place for place, name in enumerate((*TRUTHS, *DEFAULT_MODELS))}
    records.sort(key=lambda record: (places[record["symbol"]], places.get(record["model"], len(places))))
    columns = ("symbol", "model", "skill", "p_skill", "p_skill_adjusted", "mean_lag_sessions", "verdict")
    rows = (
        (TRUTHS[record["symbol"]], record["is_promoted"], *(record[name] for name in columns))
        for record in records
    )
    return Rows(("truth", "is_promoted", *columns), tuple(rows))


def ending(file: str, tried: int) -> str:
    """Explain how to read the tables, and what to try next."""
    return (
        "\nSkill is measured against repeating the last price. p is the probability that forecasts which\n"
        "know nothing look so informative; the adjusted p (Benjamini-Hochberg) allows for "
        f"{tried} having been tried.\n"
        f'\nTry next:\n  sqlite3 {file} "{STATEMENT}"\n  pricecast sql --db {file} "{STATEMENT}"\n'
        f"  pricecast verdicts --explain SIM-WALK lstm-levels --db {file}\n"
        f"  pricecast plot SIM-FOLLOW ridge lstm-levels --db {file}"
    )


def _sqlite_file(database: str) -> Path:
    place = database.removeprefix("sqlite:///").partition("?")[0]
    if "://" in place or place in {"", ":memory:"}:
        raise UsageError(f"the demo cannot use --db {database}", "Give it a SQLite file, as --db demo.db.")
    return Path(place)


def _is_a_demo(file: Path) -> bool:
    try:
        with open_read_only(str(file)) as engine, reading(engine) as connection:
            return read_runs.commands_of_runs(connection) <= {COMMAND}
    except StoreError:
        return False
