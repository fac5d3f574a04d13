"""What starting costs: `--help` answers at once, and reading the database loads no training or scheduling."""

import statistics
import subprocess
import sys
import time

import pytest

from tests.light import light_store

TRIES = 5
ALLOWED_SECONDS = 0.5
HEAVY = (
    "tensorflow",
    "keras",
    "prefect",
    "exchange_calendars",
    "statsmodels",
    "sklearn",
    "yfinance",
    "matplotlib",
)
RUN = "import sys; from pipeline.cli import execute; code = execute(sys.argv[1:])"
READ_ALL = f"""
import sys
from pipeline.cli import execute
for words in (["forecasts"], ["scoreboard"], ["verdicts"], ["sql", "SELECT * FROM prices LIMIT 1"]):
    assert execute([*words, "--db", sys.argv[1]]) == 0
print(*(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
HELP = f"{RUN}; print(*({{'numpy', 'pandas', 'sqlalchemy', 'rich'}} & set(sys.modules)), file=sys.stderr)"


def errors_of(code: str, *arguments: str) -> list[str]:
    """What a fresh interpreter writes to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return done.stderr.splitlines()


def seconds(code: str, *arguments: str) -> float:
    """The median wall time of a few runs of `code` in a fresh interpreter."""
    times = []
    for _ in range(TRIES):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def test_help_answers_within_half_a_second_of_python_itself() -> None:
    extra = []
    for _ in range(4):  # a busy machine may be slow by itself, and not four times
        extra.append(seconds(RUN, "--help") - seconds("pass"))
        if extra[-1] < ALLOWED_SECONDS:
            return
    pytest.fail(f"--help took {min(extra):.2f} seconds longer than an empty Python")


def test_help_loads_neither_numbers_nor_tables() -> None:
    assert errors_of(HELP, "run", "--help") == [""]


def test_reading_the_database_loads_nothing_heavy(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert errors_of(READ_ALL, str(light_store(tmp_path_factory)))[-1] == ""
