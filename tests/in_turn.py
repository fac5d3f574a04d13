"""For `pytest -p tests.in_turn -n auto`: which files begin first, and which tests share a process.

Long files begin first, so that no core waits in the end for a file that began last. Prefect's tests stay
together in one process, for they share one server. They mostly wait, and the others fill that time.
"""

from collections import Counter

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

FIRST_TO_LAST = ("prefect", "faults", "tensorflow", "slow")
"""Markers of files with long tests."""
ONE_SERVER = ("tests/flows/", "tests/deployments/")


class FilesInTurn(LoadFileScheduling):
    """Files go to the processes in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return "Prefect" if nodeid.startswith(ONE_SERVER) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesInTurn:
    # Otherwise the file with the most tests would come first, and the longest test of all last.
    config.option.loadscopereorder = False
    return FilesInTurn(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    counts = Counter(item.path for item in items)
    turns = {item.path: len(FIRST_TO_LAST) for item in items}
    for item in items:
        marks = [turn for turn, name in enumerate(FIRST_TO_LAST) if item.get_closest_marker(name)]
        turns[item.path] = min([turns[item.path], *marks])
    items.sort(key=lambda item: (turns[item.path], -counts[item.path], str(item.path)))
