"""The order in which `make test` hands files to its processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests.in_turn import FilesInTurn, pytest_collection_modifyitems


@dataclass(frozen=True)
class Item:
    """A test, as far as its turn depends on it."""

    path: Path
    number: int
    mark: str = ""

    def get_closest_marker(self, name: str) -> str | None:
        return name if name == self.mark else None


def in_turn(*items: Item) -> list[tuple[str, int]]:
    ordered = cast(list[pytest.Item], list(items))
    pytest_collection_modifyitems(ordered)
    return [(item.path.name, cast(Item, item).number) for item in ordered]


def test_files_with_long_tests_begin_and_of_the_rest_those_with_most() -> None:
    few, many, slow, network, server = map(Path, ("few.py", "many.py", "slow.py", "network.py", "server.py"))
    found = in_turn(
        *(Item(few, 1), Item(many, 2), Item(many, 3), Item(network, 4), Item(network, 5, "tensorflow")),
        *(Item(slow, 6, "faults"), Item(server, 7, "prefect")),
    )
    assert [number for _, number in found] == [7, 6, 4, 5, 2, 3, 1]


@pytest.mark.parametrize(
    ("test", "together_with"),
    [
        ("tests/flows/test_daily.py::test_one", "Prefect"),
        ("tests/deployments/test_serve.py::test_one[a]", "Prefect"),
        ("tests/test_daily.py::test_one", "tests/test_daily.py"),
    ],
)
def test_tests_of_prefect_stay_together_and_others_with_their_file(test: str, together_with: str) -> None:
    assert FilesInTurn._split_scope(cast(Any, None), test) == together_with
