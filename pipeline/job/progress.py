"""Progress of a run: the callable that receives it."""

from typing import Protocol


class Progress(Protocol):
    """Receives the stage of the work, the current asset, and how many items of the stage are done."""

    def __call__(self, stage: str, asset: str, done: int, total: int) -> None: ...


def silent(stage: str, asset: str, done: int, total: int) -> None:
    """Receive the progress of a run and show nothing."""
