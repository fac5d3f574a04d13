import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.store import Connection, Engine, open_store, writing


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgraded database without rows, to be copied."""
    file = tmp_path_factory.mktemp("template") / "empty.db"
    with open_store(str(file)):
        pass
    return file


@pytest.fixture
def file(empty_store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_store, tmp_path / "prices.db"))


@pytest.fixture
def engine(file: Path) -> Iterator[Engine]:
    with open_store(str(file)) as engine:
        yield engine


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """One transaction on a store of its own."""
    with writing(engine) as connection:
        yield connection


@pytest.fixture(scope="module")
def shared_engine(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store for properties: every example rolls its transaction back."""
    copy = shutil.copy(empty_store, tmp_path_factory.mktemp("shared") / "prices.db")
    with open_store(str(copy)) as engine:
        yield engine
