"""`make hunt`: the properties on many random examples, file by file in random order until the time is up.

It prints each example that fails, with the command that finds it again, and exits with 1 where there was one.
"""

import argparse
import os
import random
import secrets
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

import pytest

from tests.properties import HUNT

PYTEST = ["-m", "pytest", "-m", "hypothesis and not real_data", "-p", "tests.properties"]


class Outcome(Enum):
    """What came of the properties of a file."""

    NOTHING = "nothing found"
    FOUND = "found"
    UNFINISHED = "not finished in time"


def files_with_properties() -> list[str]:
    """Every test file that has a property."""
    listing = subprocess.run(
        [sys.executable, *PYTEST, "--collect-only", "-qq"], capture_output=True, text=True, check=True
    )
    return sorted({line.rpartition(":")[0] for line in listing.stdout.splitlines() if ".py:" in line})


def hunted(file: str, seed: int, seconds: float) -> Outcome:
    """Try the properties of a file with a seed, for so long at most, and tell what was found."""
    asked = [*PYTEST, f"--hypothesis-profile={HUNT}", f"--hypothesis-seed={seed}", file]
    quiet = ["-q", "--no-header", "--tb=short", "--show-capture=no", "--timeout=0"]
    try:
        done = subprocess.run(
            [sys.executable, *asked, *quiet], capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return Outcome.UNFINISHED
    if done.returncode == pytest.ExitCode.OK:
        return Outcome.NOTHING
    if done.returncode != pytest.ExitCode.TESTS_FAILED:
        raise RuntimeError(f"pytest cannot try the properties of {file}:\n{done.stdout}{done.stderr}")
    print(done.stdout)
    print(f"Found in {file} with seed {seed}. To find it again:")
    print(" ", subprocess.list2cmdline([os.path.relpath(sys.executable), *asked]), flush=True)
    return Outcome.FOUND


def hunt(files: list[str], minutes: float) -> list[Outcome]:
    """Try the files in random order, again and again, one on each core, until the time is up."""
    end = time.monotonic() + 60.0 * minutes
    outcomes: list[Outcome] = []
    turns: list[str] = []

    def go_on(_core: int) -> None:
        while (left := end - time.monotonic()) > 0.0:
            if not turns:
                turns.extend(random.sample(files, len(files)))
            outcomes.append(hunted(turns.pop(), secrets.randbelow(2**32), left))

    with ThreadPoolExecutor() as threads:
        list(threads.map(go_on, range(os.cpu_count() or 1)))
    return outcomes


def main() -> int:
    """Hunt for as long as asked; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.hunt")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("files", nargs="*", help="test files; without any, all that have properties")
    arguments = parser.parse_args()
    files = arguments.files or files_with_properties()
    outcomes = hunt(files, arguments.minutes)
    told = ", ".join(f"{outcomes.count(one)} {one.value}" for one in Outcome)
    print(f"{len(files)} files, tried {len(outcomes)} times: {told}")
    return 1 if Outcome.FOUND in outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
