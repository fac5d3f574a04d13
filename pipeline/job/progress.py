"""Who is told how far a run has come."""

from typing import Protocol


class Progress(Protocol):
    """Takes the stage of the work, the asset in hand, and how many of the stage's pieces are done."""

    def __call__(self, stage: str, asset: str, done: int, total: int) -> None: ...


def silent(stage: str, asset: str, done: int, total: int) -> None:
    """Takes the progress of a run and shows nothing."""
