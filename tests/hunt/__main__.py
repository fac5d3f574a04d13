"""`make hunt`: every property on many random examples, again and again, for as long as it is told to.

It prints each example that fails, with the command that finds it again, and exits with 1 where there was one.
"""

import argparse
import secrets
import subprocess
import sys
import time

from tests.properties import HUNT


def pytest_words(seed: int, tests: list[str]) -> list[str]:
    """The words that let pytest try the properties of some tests with a seed."""
    profile = [f"--hypothesis-profile={HUNT}", f"--hypothesis-seed={seed}"]
    return ["-m", "pytest", "-m", "hypothesis and not real_data", "-p", "tests.properties", *profile, *tests]


def hunted(seed: int, tests: list[str]) -> bool:
    """Try every property once, and tell what was found; was nothing?"""
    quiet = ["-n", "auto", "--no-header", "--tb=short", "--disable-warnings"]
    words = [sys.executable, *pytest_words(seed, tests), *quiet]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        print(f"seed {seed}: nothing found", flush=True)
        return True
    print(done.stdout + done.stderr)
    print(f"Found with seed {seed}. To find it again, with -k for the test alone:")
    print(" ", subprocess.list2cmdline(["python", *pytest_words(seed, tests)]), flush=True)
    return False


def main() -> int:
    """Hunt until the time is up, at least once through all properties; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.hunt")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("tests", nargs="*", help="files or tests; without any, all of them")
    arguments = parser.parse_args()
    end = time.monotonic() + 60.0 * arguments.minutes
    outcomes = [hunted(secrets.randbelow(2**32), arguments.tests)]
    while time.monotonic() < end:
        outcomes.append(hunted(secrets.randbelow(2**32), arguments.tests))
    print(f"{len(outcomes)} times through all properties: {outcomes.count(False)} with a find")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
