"""The maintenance flow: sound copies under their date, and never fewer because of a damaged store."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.errors import StoreError, UsageError
from pipeline.store import check, open_read_only, open_store

OLD = ("pricecast-2020-01-05.db", "pricecast-2020-01-12.db", "pricecast-2020-01-19.db")
FOREIGN = "notes.db"

Maintenance = Callable[..., str]

pytestmark = pytest.mark.prefect


@pytest.fixture
def store_maintenance(prefect_server: str) -> Maintenance:
    from flows.maintenance import store_maintenance

    return store_maintenance


@pytest.fixture
def store(tmp_path: Path) -> str:
    file = tmp_path / "prices.db"
    with open_store(str(file)):
        pass
    return str(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with older copies and a file of somebody else's."""
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in (*OLD, FOREIGN):
        (folder / name).touch()
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_sound_copy_of_today_takes_the_place_of_the_oldest(
    store_maintenance: Maintenance, store: str, folder: Path
) -> None:
    before = datetime.now(UTC).date()
    copy = Path(store_maintenance(database=store, folder=str(folder), keep=2))
    assert copy.name in {f"pricecast-{day}.db" for day in (before, datetime.now(UTC).date())}
    assert names_in(folder) == sorted([FOREIGN, OLD[-1], copy.name])
    with open_read_only(str(copy)) as copied:
        assert check(copied) == ()


def test_a_second_copy_of_the_day_replaces_the_first(
    store_maintenance: Maintenance, store: str, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "backups"
    (copy,) = {store_maintenance(database=store, folder=str(folder)) for _ in range(2)}
    assert names_in(folder) == [Path(copy).name]


def test_a_damaged_store_fails_and_leaves_the_copies_alone(
    store_maintenance: Maintenance, store: str, folder: Path
) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            "INSERT INTO gaps (symbol, session_date, first_seen_at_utc, run_id)"
            " VALUES ('NOBODY', '2020-01-01', '2020-01-01', 99)"
        )
    with pytest.raises(StoreError, match="damaged"):
        store_maintenance(database=store, folder=str(folder), keep=1)
    assert names_in(folder) == sorted([*OLD, FOREIGN])


def test_keeping_no_copy_is_refused(store_maintenance: Maintenance, store: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="keep=0"):
        store_maintenance(database=store, folder=str(folder), keep=0)
    assert names_in(folder) == sorted([*OLD, FOREIGN])
