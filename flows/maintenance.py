"""The Prefect flow for weekly maintenance: check the database and back it up."""

from datetime import date
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.moments import moment_of_run
from flows.parameters import settings_from
from pipeline.errors import StoreError, UsageError
from pipeline.settings import database_name
from pipeline.store import backup, check, open_read_only

COPY_NAME = "pricecast-{day}.db"
"""File name of the backup of a day."""


@flow(name="store-maintenance", persist_result=False)
def store_maintenance(
    config: str | None = None,
    database: str | None = None,
    folder: str = "backups",
    keep: int = 8,
) -> str:
    """Check the database, back it up into `folder`, keep the newest `keep` backups and return the path.

    The backup is named after the date that the flow run was scheduled for. Raises StoreError when the check
    of the database or of the backup finds problems; then no older backup is removed.
    """
    if keep < 1:
        raise UsageError(f"keep={keep} would remove every backup", "Set keep to 1 or more.")
    url = settings_from(config, database=database).database
    check_store(url)
    copy = back_up(url, Path(folder), moment_of_run(None).date())
    removed = remove_outdated(Path(folder), keep)
    get_run_logger().info("%s has no problems; %d older backups removed", copy, len(removed))
    return str(copy)


def require_intact(url: str) -> None:
    """Check the database at `url`; StoreError that lists every problem found."""
    with open_read_only(url) as store:
        problems = check(store)
    if problems:
        raise StoreError(
            f"{database_name(url)} is damaged: {'; '.join(problems)}", "Restore the newest backup."
        )


check_store = task(name="check", cache_policy=NO_CACHE, persist_result=False)(require_intact)


@task(name="back-up", task_run_name="back up {day}", cache_policy=NO_CACHE, persist_result=False)
def back_up(url: str, folder: Path, day: date) -> Path:
    """Back up the database at `url` into `folder`, check the backup and return its path.

    The backup gets its final name only after the check, so that a file of that name is always complete. A
    backup of the same day is replaced. Other processes may write meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / COPY_NAME.format(day=day)
    unfinished = copy.with_suffix(".unfinished")
    _remove(unfinished)
    backup(url, unfinished)
    require_intact(str(unfinished))
    _remove_wal_files(unfinished)
    _remove_wal_files(copy)
    return unfinished.replace(copy)


@task(name="remove-outdated", cache_policy=NO_CACHE, persist_result=False)
def remove_outdated(folder: Path, keep: int) -> list[Path]:
    """Remove all dated backups but the newest `keep` and return their paths; leave other files alone."""
    dated = sorted(folder.glob(COPY_NAME.format(day="????-??-??")))
    outdated = dated[:-keep]
    for copy in outdated:
        _remove(copy)
    return outdated


def _remove(copy: Path) -> None:
    _remove_wal_files(copy)
    copy.unlink(missing_ok=True)


def _remove_wal_files(copy: Path) -> None:
    """Remove the -wal and -shm files that SQLite leaves after reading a backup; they hold no data of it."""
    for suffix in ("-wal", "-shm"):
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)
