"""Is everything in place for the daily job? One function a check; none of them changes anything."""

from __future__ import annotations

import importlib.metadata
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import utc_now
from pipeline.errors import PricecastError
from pipeline.settings import AssetSettings, Settings
from pipeline.types import CheckResult

if TYPE_CHECKING:
    from pipeline.store import Engine

PREFECT_API = "PREFECT_API_URL"
PATIENCE_SECONDS = 5.0
RECENT = timedelta(days=10)
"""Long enough that every market has had a session."""
MOST_TOLD = 5
"""So many assets are named by a check."""
MOST_ENDS = 3
RUN_ADVICE = {
    "running": "If it is not at work any more, it was stopped: run 'pricecast run' again.",
    "degraded": "Run 'pricecast run' again to see which assets fail and why.",
    "failed": "Run 'pricecast run --direct --debug' to see why.",
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
        return (_failed("configuration", error), check_tensorflow(), check_prefect())
    checks = (
        *(check_configuration, check_calendars, check_store, check_last_run, check_histories, check_source),
    )
    prices = (check_prices(settings),) if online else ()
    return (*(check(settings) for check in checks), *prices, check_tensorflow(), check_prefect())


def check_configuration(settings: Settings) -> CheckResult:
    """The models and their parameters exist."""
    from pipeline.models import check_models

    try:
        check_models(settings)
    except PricecastError as error:
        return _failed("configuration", error)
    counts = (
        f"{len(settings.assets)} assets, {len(settings.models)} models, {settings.horizons} sessions ahead"
    )
    return CheckResult("configuration", ok=True, message=counts)


def check_calendars(settings: Settings) -> CheckResult:
    """Every asset's trading calendar, its leads' included, is known and gives a newest settled session."""
    from pipeline.calendars import trading_calendar

    symbols = {name for asset in settings.assets for name in (asset.symbol, *settings.beside(asset))}
    names = sorted({settings.asset(symbol).calendar for symbol in symbols})
    try:
        for name in names:
            trading_calendar(name, settings.settle_minutes(name)).last_settled(utc_now())
    except PricecastError as error:
        return _failed("calendars", error)
    return CheckResult("calendars", ok=True, message=", ".join(names))


def check_store(settings: Settings) -> CheckResult:
    """The database is sound, or can be made."""
    from pipeline.report import database_name
    from pipeline.store import check, disposing, open_read_only

    name = database_name(settings.database)
    if _is_absent_file(settings.database):
        return _check_folder("store", Path(name), f"{name} does not exist yet; the first run makes it")
    try:
        with disposing(open_read_only(settings.database)) as engine:
            problems = check(engine)
    except PricecastError as error:
        return _failed("store", error)
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
    if _is_absent_file(settings.database):
        return CheckResult(name, ok=True, message="none yet", next_step=next_step)
    try:
        run = _newest_run(settings.database)
    except PricecastError as error:
        return _failed(name, error)
    if run is None:
        return CheckResult(name, ok=True, message="none yet", next_step=next_step)
    number, status, started_at = run
    message = f"run {number}, started {started_at:.16} UTC: {status}"
    return CheckResult(name, status in {"done", "running"}, message, RUN_ADVICE.get(status, ""))


def _newest_run(database: str) -> tuple[int, str, str] | None:
    from pipeline.store import disposing, open_read_only, read, reading

    newest = "SELECT run_id, status, started_at_utc FROM runs ORDER BY run_id DESC LIMIT 1"
    with disposing(open_read_only(database)) as engine, reading(engine) as connection:
        _, rows = read.query(connection, newest)
    return (int(rows[0][0]), str(rows[0][1]), str(rows[0][2])) if rows else None


def check_histories(settings: Settings) -> CheckResult:
    """The stored prices are up to date; gaps and rows in quarantine are told.

    Out of date is a history that lacks more than the newest settled session, which a run may yet be due for.
    Those that are out of date are told first.
    """
    from pipeline.store import disposing, open_read_only

    name = "histories"
    if _is_absent_file(settings.database):
        return CheckResult(name, ok=True, message="none yet")
    try:
        with disposing(open_read_only(settings.database)) as engine:
            found = [_history(engine, settings, asset) for asset in settings.assets]
    except PricecastError as error:
        return _failed(name, error)
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
    from pipeline.calendars import trading_calendar
    from pipeline.report import count_text
    from pipeline.store import read, read_known, reading

    calendar = trading_calendar(asset.calendar, settings.settle_minutes(asset.calendar))
    expected = calendar.last_settled(utc_now())
    with reading(engine) as connection:
        newest = read.newest_session(connection, asset.symbol)
        gaps = [str(session) for session in read_known.open_gaps(connection, asset.symbol)]
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
    kind, _, place = settings.source.partition(":")
    if settings.source == "yahoo":
        return _check_folder("source", _yahoo_cache(), "yahoo; --online asks it for prices")
    if kind == "csv" and place:
        return _check_csv(settings, Path(place).expanduser())
    if settings.source == "simulated":
        return CheckResult("source", ok=True, message="simulated")
    return _source_failure(settings)


def check_prices(settings: Settings) -> CheckResult:
    """The source gives recent prices of the first asset."""
    from pipeline.sources import open_source

    asset, now = settings.assets[0], utc_now()
    try:
        source = open_source(settings.source, settings.download)
        raw = source.download(asset, (now - RECENT).date(), now)
    except PricecastError as error:
        return _failed("prices", error)
    return CheckResult("prices", ok=True, message=f"{asset.symbol}: {len(raw.rows)} recent rows")


def check_tensorflow() -> CheckResult:
    """TensorFlow is installed; it is not loaded."""
    return _check_installed("tensorflow", "It trains the LSTMs: install pricecast anew.")


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


def _check_folder(name: str, file: Path, message: str) -> CheckResult:
    """The nearest existing folder above `file` can be written."""
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK):
        return CheckResult(
            name, ok=False, message=f"{folder} cannot be written", next_step="Make it writable."
        )
    return CheckResult(name, ok=True, message=message)


def _check_csv(settings: Settings, place: Path) -> CheckResult:
    if place.is_file():
        return CheckResult("source", ok=True, message=f"the file {place}")
    if not place.is_dir():
        return CheckResult(
            name="source",
            ok=False,
            message=f"{place} does not exist",
            next_step="Give csv:PATH an existing folder or file.",
        )
    absent = sorted(_without_file(settings, place))
    if absent:
        return CheckResult(
            name="source",
            ok=False,
            message=f"{place} has no prices of {', '.join(absent)}",
            next_step="Put them there as SYMBOL.csv or SYMBOL.csv.gz.",
        )
    return CheckResult("source", ok=True, message=f"the folder {place}")


def _without_file(settings: Settings, folder: Path) -> Iterator[str]:
    for symbol in {name for asset in settings.assets for name in (asset.symbol, *settings.beside(asset))}:
        if not any((folder / f"{symbol}{suffix}").is_file() for suffix in (".csv", ".csv.gz")):
            yield symbol


def _source_failure(settings: Settings) -> CheckResult:
    from pipeline.sources import open_source

    try:
        open_source(settings.source, settings.download)
    except PricecastError as error:
        return _failed("source", error)
    return CheckResult("source", ok=True, message=settings.source)


def _yahoo_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("pricecast") / "yfinance" / "any"


def _is_absent_file(database: str) -> bool:
    from pipeline.report import database_name

    return "://" not in database_name(database) and not Path(database_name(database)).exists()


def _failed(name: str, error: PricecastError) -> CheckResult:
    return CheckResult(name, ok=False, message=error.what, next_step=error.next_step)
