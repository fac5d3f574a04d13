"""The hunt finds what fails at random, and says how to find it again."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROPERTY = """
from hypothesis import given, strategies as st

@given(st.integers(0, 10**6))
def test_a_number_is_small(number: int) -> None:
    assert number < {limit}
"""


def hunt(folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    file = folder / "test_property.py"
    file.write_text(PROPERTY.format(limit=limit), encoding="utf-8")
    words = [sys.executable, "-m", "tests.hunt", "--minutes", "0", str(file)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_fails_is_printed_with_the_seed_that_finds_it_again(tmp_path: Path) -> None:
    found = hunt(tmp_path, limit=500_000)
    assert found.returncode == 1
    assert "number=500000" in found.stdout
    seed = re.search(r"Found with seed (\d+)", found.stdout)
    assert seed is not None
    assert f"--hypothesis-seed={seed[1]}" in found.stdout
    assert found.stdout.endswith("1 times through all properties: 1 with a find\n")


def test_where_nothing_fails_the_hunt_ends_well(tmp_path: Path) -> None:
    found = hunt(tmp_path, limit=10**6 + 1)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.endswith("1 times through all properties: 0 with a find\n")
