"""The hunt finds what fails at random, and says how to find it again."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hunt.__main__ import Outcome, hunted

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROPERTY = """
from hypothesis import given, strategies as st

@given(st.integers(0, 10**6))
def test_a_number_is_small(number: int) -> None:
    assert number < {limit}
"""


def property_in(folder: Path, limit: int) -> str:
    file = folder / "test_property.py"
    file.write_text(PROPERTY.format(limit=limit), encoding="utf-8")
    return str(file)


def test_what_fails_is_printed_with_the_command_that_finds_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    file = property_in(tmp_path, limit=500_000)
    assert hunted(file, 7, 60.0) is Outcome.FOUND
    said = capsys.readouterr().out
    assert "number=500000" in said
    command = re.search(r"To find it again:\n(.*)", said)
    assert command is not None
    again = subprocess.run(command[1], shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == pytest.ExitCode.TESTS_FAILED
    assert "number=500000" in again.stdout


def test_an_unfinished_file_is_no_find(tmp_path: Path) -> None:
    assert hunted(property_in(tmp_path, limit=0), 7, 0.01) is Outcome.UNFINISHED


def test_a_file_without_properties_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "test_nothing.py"
    file.write_text("def test_nothing() -> None: ...", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"cannot try the properties of .*test_nothing"):
        hunted(str(file), 7, 60.0)


def test_the_hunt_ends_in_time_and_tells_how_often_it_tried(tmp_path: Path) -> None:
    file = property_in(tmp_path, limit=10**6 + 1)
    words = [sys.executable, "-m", "tests.hunt", "--minutes", "0.2", file]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"1 files, tried \d+ times: \d+ nothing found, 0 found, \d+ not finished in time\n", done.stdout
    )
