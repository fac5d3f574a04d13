"""Build the check results that several packages need: from an error, and for a writable folder."""

import os
from pathlib import Path

from pipeline.errors import PricecastError
from pipeline.types import CheckResult


def failed_check(name: str, error: PricecastError) -> CheckResult:
    """Return the result of the check `name` that failed with `error`: its message and next step."""
    return CheckResult(name, ok=False, message=error.what, next_step=error.next_step)


def writable_folder_check(name: str, file: Path, message: str) -> CheckResult:
    """Check that `file` can be created: that its nearest existing parent folder is writable.

    `message` is the message of the passed check.
    """
    folder = next(parent for parent in file.absolute().parents if os.path.exists(parent))  # noqa: PTH110 - False where it may not be looked at
    if not os.access(folder, os.W_OK | os.X_OK):
        return CheckResult(
            name, ok=False, message=f"{folder} is not writable", next_step=f"Make {folder} writable."
        )
    return CheckResult(name, ok=True, message=message)
