"""Results of checks that several places make: a folder that has to be writable, an error that was met."""

import os
from pathlib import Path

from pipeline.errors import PricecastError
from pipeline.types import CheckResult


def failed_check(name: str, error: PricecastError) -> CheckResult:
    """The check `name` has failed with the error: its message and its next step."""
    return CheckResult(name, ok=False, message=error.what, next_step=error.next_step)


def writable_folder_check(name: str, file: Path, message: str) -> CheckResult:
    """The check `name`: can `file` be made, that is, can the nearest existing folder above it be written?

    `message` is that of the check when it can.
    """
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK):
        return CheckResult(
            name, ok=False, message=f"{folder} cannot be written", next_step="Make it writable."
        )
    return CheckResult(name, ok=True, message=message)
