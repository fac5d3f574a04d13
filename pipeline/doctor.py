"""Is everything in place for the daily job? One function a check; none of them changes anything."""

from __future__ import annotations

import importlib.metadata
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pipeline.calendars import calendar_of
from pipeline.checks import failed_check, writable_folder_check
from pipeline.clock import utc_now
from pipeline.errors import PricecastError
from pipeline.models import check_models
from pipeline.settings import AssetSettings, Settings
from pipeline.show.text import count_text, database_name
from pipeline.sources import open_source
from pipeline.store import Engine, check, is_absent, open_read_only, read, read_known, read_runs, reading
from pipeline.types import CheckResult, RunStatus

PREFECT_API = "PREFECT_API_URL"
PATIENCE_SECONDS = 5.0
RECENT = timedelta(days=10)
"""Long enough that every market has had a session."""
MOST_TOLD = 5
"""So many assets are named by a check."""
MOST_ENDS = 3
RUN_ADVICE = {
    RunStatus.RUNNING: "If it is not at work any more, it was stopped: run 'pricecast run' again.",
    RunStatus.DEGRADED: "Run 'pricecast run' again to see which assets fail and why.",
    RunStatus.FAILED: "Run 'pricecast run --direct --debug' to see why.",
}
"""What to do after a run that is not done."""
HISTORY_ADVICE = {
    True: "Start a run and see what it says of them: pricecast run.",
    False: "Runs ask for gaps again; 'pricecast quarantine list' shows what was not believed.",
}
"""What to do about prices that are out of date, or else that lack something."""


def examine(load: Callable[[], Settings], *, online: bool = False) -> tuple[CheckResult, ...]:
    """Every check of the settings that `load` gives, in order.

    Where they cannot be loaded, only what needs none is checked. Only `online` asks the source for prices.
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


def check_configuration(settings: Settings) -> CheckResult:
    """The models and their parameters exist."""
    try:
        check_models(settings)
    except PricecastError as error:
        return failed_check("configuration", error)
    counts = (
        f"{len(settings.assets)} assets, {len(settings.models)} models, {settings.horizons} sessions ahead"
    )
    return CheckResult("configuration", ok=True, message=counts)


def check_calendars(settings: Settings) -> CheckResult:
    """Every asset's trading calendar, its leads' included, is known and gives a newest settled session."""
    assets = [settings.asset(symbol) for symbol in _every_symbol(settings)]
    try:
        for asset in assets:
            calendar_of(asset, settings).last_settled(utc_now())
    except PricecastError as error:
        return failed_check("calendars", error)
    return CheckResult("calendars", ok=True, message=", ".join(sorted({one.calendar for one in assets})))


def check_store(settings: Settings) -> CheckResult:
    """The database is sound, or can be made."""
    name = database_name(settings.database)
    if is_absent(settings.database):
        message = f"{name} does not exist yet; the first run makes it"
        return writable_folder_check("store", Path(name), message)
    try:
        with open_read_only(settings.database) as engine:
            problems = check(engine)
    except PricecastError as error:
        return failed_check("store", error)
    if problems:
        return CheckResult(
            name="store",
            ok=False,
            message=f"{name}: {'; '.join(problems)}",
            next_step="Restore a backup made by 'pricecast db backup'.",
        )
    return CheckResult("store", ok=True, message=f"{name} is sound")


def check_last_run(settings: Settings) -> CheckResult:
    """The newest run has ended well, or is at work."""
    name, next_step = "last run", "Start one: pricecast run."
    if is_absent(settings.database):
        return CheckResult(name, ok=True, message="none yet", next_step=next_step)
    try:
        with open_read_only(settings.database) as engine, reading(engine) as connection:
            run = read_runs.newest_run(connection)
    except PricecastError as error:
        return failed_check(name, error)
    if run is None:
        return CheckResult(name, ok=True, message="none yet", next_step=next_step)
    message = f"run {run.run_id}, started {run.started_at:%Y-%m-%d %H:%M} UTC: {run.status}"
    is_well = run.status in {RunStatus.DONE, RunStatus.RUNNING}
    return CheckResult(name, is_well, message, RUN_ADVICE.get(run.status, ""))


def check_histories(settings: Settings) -> CheckResult:
    """The stored prices are up to date; gaps and rows in quarantine are told.

    Out of date is a history that lacks more than the newest settled session, which a run may yet be due for.
    Those that are out of date are told first.
    """
    name = "histories"
    if is_absent(settings.database):
        return CheckResult(name, ok=True, message="none yet")
    try:
        with open_read_only(settings.database) as engine:
            found = [_history(engine, settings, asset) for asset in settings.assets]
    except PricecastError as error:
        return failed_check(name, error)
    told = sorted((one for one in found if one.words), key=lambda one: not one.is_outdated)
    if not told:
        return CheckResult(name, ok=True, message=f"{len(found)} up to date, none with a gap")
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return CheckResult(
        name,
        ok=not any(history.is_outdated for history in told),
        message="; ".join(f"{one.symbol}: {one.words}" for one in told[:MOST_TOLD]) + more,
        next_step=HISTORY_ADVICE[told[0].is_outdated],
    )


def _ends(words: list[str]) -> list[str]:
    return words if len(words) <= MOST_ENDS else [*words[:2], "...", words[-1]]


@dataclass(frozen=True)
class _History:
    """What there is to say of one asset's stored prices; no words where all is well."""

    symbol: str
    words: str
    is_outdated: bool


def _history(engine: Engine, settings: Settings, asset: AssetSettings) -> _History:
    calendar = calendar_of(asset, settings)
    expected = calendar.last_settled(utc_now())
    with reading(engine) as connection:
        newest = read.newest_session(connection, asset.symbol)
        gaps = [str(session) for session in read_known.gap_dates(connection, asset.symbol)]
        waiting = read_known.in_quarantine(connection, asset.symbol)
    if newest is None:
        return _History(asset.symbol, "no prices yet", is_outdated=False)
    lacking = calendar.sessions(newest, expected)[1:]
    words = [
        f"newest session {newest}, expected {expected}" if len(lacking) else "",
        f"{len(gaps)} missing ({', '.join(_ends(gaps))})" if gaps else "",
        f"{count_text(waiting, 'row')} in quarantine" if waiting else "",
    ]
    return _History(asset.symbol, ", ".join(filter(None, words)), is_outdated=len(lacking) > 1)


def check_source(settings: Settings) -> CheckResult:
    """The price source is known and what it needs of this computer is there; nothing is downloaded."""
    try:
        source = open_source(settings.source, settings.download)
    except PricecastError as error:
        return failed_check("source", error)
    return source.check(_every_symbol(settings))


def check_prices(settings: Settings) -> CheckResult:
    """The source gives recent prices of the first asset."""
    asset, now = settings.assets[0], utc_now()
    try:
        source = open_source(settings.source, settings.download)
        raw = source.download(asset, (now - RECENT).date(), now)
    except PricecastError as error:
        return failed_check("prices", error)
    return CheckResult("prices", ok=True, message=f"{asset.symbol}: {len(raw.rows)} recent rows")


def check_tensorflow() -> CheckResult:
    """TensorFlow is installed; it is not loaded."""
    return _check_installed("tensorflow", "It trains the LSTMs: install pricecast again.")


def check_prefect() -> CheckResult:
    """Prefect is installed, and its server answers where one is configured; Prefect is not loaded."""
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
    """Every configured asset and every other asset that its forecasts need, each once, in order."""
    return sorted({name for asset in settings.assets for name in (asset.symbol, *settings.beside(asset))})
