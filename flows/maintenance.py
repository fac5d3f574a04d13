"""The weekly care of the store: is it sound, and is there a fresh copy of it?"""

from datetime import date
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.moments import moment_of_run
from flows.parameters import settings_from
from pipeline.errors import StoreError, UsageError
from pipeline.store import backup, check, open_read_only

DATED = "pricecast-{day}.db"


@flow(name="store-maintenance", persist_result=False)
def store_maintenance(
    config: str | None = None,
    database: str | None = None,
    folder: str = "backups",
    keep: int = 8,
) -> str:
    """Check the store, copy it into `folder` under the run's date, and keep the newest `keep` copies.

    Gives the copy's path. A store or copy that is not sound raises StoreError, and then no older copy goes.
    """
    if keep < 1:
        raise UsageError(f"keep={keep} would keep no backup", "Give 1 or more.")
    url = settings_from(config, database=database).database
    check_store(url)
    copy = back_up(url, Path(folder), moment_of_run(None).date())
    removed = remove_outdated(Path(folder), keep)
    get_run_logger().info("%s is sound; %d older copies removed", copy, len(removed))
    return str(copy)


def require_sound(url: str) -> None:
    """StoreError with every problem of the database at `url`."""
    with open_read_only(url) as store:
        problems = check(store)
    if problems:
        raise StoreError(f"the database is damaged: {'; '.join(problems)}", "Restore the newest backup.")


check_store = task(name="check", cache_policy=NO_CACHE, persist_result=False)(require_sound)


@task(name="back-up", task_run_name="back up {day}", cache_policy=NO_CACHE, persist_result=False)
def back_up(url: str, folder: Path, day: date) -> Path:
    """Copy the database while others may write; the copy takes its name only when it is found sound.

    A copy of the same day is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / DATED.format(day=day)
    unfinished = copy.with_suffix(".unfinished")
    _remove(unfinished)
    backup(url, unfinished)
    require_sound(str(unfinished))
    _remove_companions(unfinished)
    _remove_companions(copy)
    return unfinished.replace(copy)


@task(name="remove-outdated", cache_policy=NO_CACHE, persist_result=False)
def remove_outdated(folder: Path, keep: int) -> list[Path]:
    """Remove all dated copies but the newest `keep`; other files stay."""
    dated = sorted(folder.glob(DATED.format(day="????-??-??")))
    outdated = dated[:-keep]
    for copy in outdated:
        _remove(copy)
    return outdated


def _remove(copy: Path) -> None:
    _remove_companions(copy)
    copy.unlink(missing_ok=True)


def _remove_companions(copy: Path) -> None:
    """Remove what SQLite leaves beside a copy that was only read: it holds nothing of the copy."""
    for ending in ("-wal", "-shm"):
        copy.with_name(copy.name + ending).unlink(missing_ok=True)
