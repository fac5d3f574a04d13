"""Check that everything is in place for the daily job, a function for each check; none changes anything.

A check never raises: an error becomes its failed result (`_named`), so that the other checks are reported.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from pipeline.calendars import calendar_of
from pipeline.checks import failed_check, writable_folder_check
from pipeline.clock import utc_now
from pipeline.errors import PricecastError
from pipeline.models import check_models
from pipeline.settings import AssetSettings, Settings, database_name
from pipeline.show.text import count_text
from pipeline.sources import open_source
from pipeline.store import Engine, absent_file, check, open_read_only, read, read_known, read_runs, reading
from pipeline.types import CheckResult, RunStatus

PREFECT_API = "PREFECT_API_URL"
PATIENCE_SECONDS = 5.0
RECENT = timedelta(days=10)
"""A period in which every market has had a session."""
MOST_NAMED = 5
"""The largest number of assets that a check names."""
MOST_ENDS = 3
RUN_ADVICE = {
    RunStatus.RUNNING: "If it is not at work any more, it was stopped: run 'pricecast run' again.",
    RunStatus.DEGRADED: "Run 'pricecast run' again to see which assets fail and why.",
    RunStatus.FAILED: "Run 'pricecast run --direct --debug' to see why.",
}
"""What to do after a run that is not done."""
OUTDATED_ADVICE = "Start a run and see what it reports: pricecast run."
GAPS_ADVICE = "Runs ask for gaps again; 'pricecast quarantine list' shows the quarantined rows."

_log = logging.getLogger(__name__)

_Check = Callable[[Settings], CheckResult]


def _named(name: str) -> Callable[[_Check], _Check]:
    """Make a check of a function: an error of it becomes the failed result of the check `name`."""

    def checking(check: _Check) -> _Check:
        @functools.wraps(check)
        def checked(settings: Settings) -> CheckResult:
            try:
                return check(settings)
            except PricecastError as error:
                return failed_check(name, error)
            except Exception as error:  # noqa: BLE001 - the results of the other checks matter too
                _log.debug("the check %s failed", name, exc_info=True)
                message = f"unexpected {type(error).__name__}: {error}"
                return CheckResult(name, ok=False, message=message, next_step="Run again with --debug.")

        return checked

    return checking


def examine(load: Callable[[], Settings], *, online: bool = False) -> tuple[CheckResult, ...]:
    """Run all checks on the settings that `load` gives, and list their results in order.

    If the settings cannot be loaded, only the checks that need none are run. Only with `online` is the source
    asked for prices.
    """
    try:
        settings = load()
    except PricecastError as error:
        return (failed_check("configuration", error), check_tensorflow(), check_prefect())
    checks = (
        *(check_configuration, check_calendars, check_store, check_last_run, check_histories, check_source),
    )
    prices = (check_prices(settings),) if online else ()
    return (*(check(settings) for check in checks), *prices, check_tensorflow(), check_prefect())


@_named("configuration")
def check_configuration(settings: Settings) -> CheckResult:
    """Check that the configured models and their parameters exist."""
    check_models(settings)
    counts = ", ".join(
        [
            count_text(len(settings.assets), "asset"),
            count_text(len(settings.models), "model"),
            f"{count_text(settings.horizons, 'session')} ahead",
        ]
    )
    return CheckResult("configuration", ok=True, message=counts)


@_named("calendars")
def check_calendars(settings: Settings) -> CheckResult:
    """Check that the trading calendar of every asset and lead is known and has a newest settled session."""
    assets = [settings.asset(symbol) for symbol in _every_symbol(settings)]
    for asset in assets:
        calendar_of(asset, settings).last_settled(utc_now())
    return CheckResult("calendars", ok=True, message=", ".join(sorted({one.calendar for one in assets})))


@_named("store")
def check_store(settings: Settings) -> CheckResult:
    """Check that the database is sound, or can be created."""
    name = database_name(settings.database)
    file = absent_file(settings.database)
    if file is not None:
        return writable_folder_check("store", file, f"{name} does not exist yet; the first run makes it")
    with open_read_only(settings.database) as engine:
        problems = check(engine)
    if problems:
        return CheckResult(
            name="store",
            ok=False,
            message=f"{name}: {'; '.join(problems)}",
            next_step="Restore a backup made by 'pricecast db backup'.",
        )
    return CheckResult("store", ok=True, message=f"{name} is sound")


@_named("last run")
def check_last_run(settings: Settings) -> CheckResult:
    """Check that the newest run succeeded or is still running."""
    name, next_step = "last run", "Start one: pricecast run."
    if absent_file(settings.database) is not None:
        return CheckResult(name, ok=True, message="none yet", next_step=next_step)
    with open_read_only(settings.database) as engine, reading(engine) as connection:
        run = read_runs.newest_run(connection)
    if run is None:
        return CheckResult(name, ok=True, message="none yet", next_step=next_step)
    message = f"run {run.run_id}, started {run.started_at:%Y-%m-%d %H:%M} UTC: {run.status}"
    is_well = run.status in {RunStatus.DONE, RunStatus.RUNNING}
    return CheckResult(name, is_well, message, RUN_ADVICE.get(run.status, ""))


@_named("histories")
def check_histories(settings: Settings) -> CheckResult:
    """Check that the stored prices are up to date; name gaps and rows in quarantine.

    A history is out of date if it lacks more than the newest settled session, whose run may still be due.
    Histories that are out of date are named first.
    """
    name = "histories"
    if absent_file(settings.database) is not None:
        return CheckResult(name, ok=True, message="none yet")
    with open_read_only(settings.database) as engine:
        found = [_history(engine, settings, asset) for asset in settings.assets]
    named = sorted((one for one in found if one.words), key=lambda one: not one.is_outdated)
    if not named:
        return CheckResult(name, ok=True, message=f"{len(found)} up to date, none with a gap")
    more = f"; and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return CheckResult(
        name,
        ok=not any(history.is_outdated for history in named),
        message="; ".join(f"{one.symbol}: {one.words}" for one in named[:MOST_NAMED]) + more,
        next_step=OUTDATED_ADVICE if named[0].is_outdated else GAPS_ADVICE,
    )


def _ends(words: list[str]) -> list[str]:
    return words if len(words) <= MOST_ENDS else [*words[:2], "...", words[-1]]


@dataclass(frozen=True)
class _History:
    """The findings on one asset's stored prices, in words; empty if there are none."""

    symbol: str
    words: str
    is_outdated: bool


def _history(engine: Engine, settings: Settings, asset: AssetSettings) -> _History:
    calendar = calendar_of(asset, settings)
    expected = calendar.last_settled(utc_now())
    with reading(engine) as connection:
        newest = read.newest_session(connection, asset.symbol)
        gaps = [str(session) for session in read_known.gap_dates(connection, asset.symbol)]
        waiting = read_known.count_quarantined(connection, asset.symbol)
    if newest is None:
        return _History(asset.symbol, "no prices yet", is_outdated=False)
    lacking = calendar.sessions(newest, expected)[1:]
    words = [
        f"newest session {newest}, expected {expected}" if len(lacking) else "",
        f"{len(gaps)} missing ({', '.join(_ends(gaps))})" if gaps else "",
        f"{count_text(waiting, 'row')} in quarantine" if waiting else "",
    ]
    return _History(asset.symbol, ", ".join(filter(None, words)), is_outdated=len(lacking) > 1)


@_named("source")
def check_source(settings: Settings) -> CheckResult:
    """Check that the price source is known and has what it needs on this computer; downloads nothing."""
    try:
        source = open_source(settings.source, settings.download)
    except ImportError as error:
        message = f"a library of the source {settings.source} cannot be loaded: {error}"
        return CheckResult("source", ok=False, message=message, next_step="Install pricecast again.")
    return source.check(_every_symbol(settings))


@_named("prices")
def check_prices(settings: Settings) -> CheckResult:
    """Check that the source gives recent prices of the first asset."""
    asset, now = settings.assets[0], utc_now()
    source = open_source(settings.source, settings.download)
    raw = source.download(asset, (now - RECENT).date(), now)
    return CheckResult("prices", ok=True, message=f"{asset.symbol}: {len(raw.rows)} recent rows")


def check_tensorflow() -> CheckResult:
    """Check that TensorFlow is installed, without loading it."""
    return _check_installed("tensorflow", "It trains the LSTMs: install pricecast again.")


def check_prefect() -> CheckResult:
    """Check that Prefect is installed and a configured server answers, without loading Prefect."""
    installed = _check_installed("prefect", "Install it, or use 'pricecast run --direct'.")
    address = os.environ.get(PREFECT_API, "")
    if not installed.ok or not address:
        return installed
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=PATIENCE_SECONDS):  # noqa: S310
            return CheckResult("prefect", ok=True, message=f"{installed.message}, server {address} answers")
    except (OSError, ValueError) as error:
        return CheckResult(
            name="prefect",
            ok=False,
            message=f"the server {address} of {PREFECT_API} does not answer: {error}",
            next_step=f"Start it: pricecast serve. Or unset {PREFECT_API}, or use 'pricecast run --direct'.",
        )


def _check_installed(package: str, next_step: str) -> CheckResult:
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return CheckResult(package, ok=False, message="is not installed", next_step=next_step)
    return CheckResult(package, ok=True, message=version)


def _every_symbol(settings: Settings) -> list[str]:
    """List every configured asset and every asset that its forecasts need, each once, in order."""
    return sorted(
        {name for asset in settings.assets for name in (asset.symbol, *settings.needed_symbols(asset))}
    )
