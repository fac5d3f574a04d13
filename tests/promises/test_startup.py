"""What starting costs: `--help` answers at once, and reading the database loads no training or scheduling."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.light import light_config, light_store

COMMAND_LINE = {"pipeline", "typer", "click", "annotated_doc", "shellingham"}
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
RUN = "import sys; before = {*sys.modules}; from pipeline.cli import execute; code = execute(sys.argv[1:])"
PACKAGES = f"""
{RUN}
names = {{name.partition(".")[0] for name in {{*sys.modules}} - before}} - sys.stdlib_module_names
print(*(name for name in names if not name.startswith("_")), file=sys.stderr)
"""
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


def test_help_loads_python_itself_and_the_command_line_only() -> None:
    (loaded,) = errors_of(PACKAGES, "--help")
    assert set(loaded.split()) <= COMMAND_LINE


def test_help_loads_neither_numbers_nor_tables() -> None:
    assert errors_of(HELP, "run", "--help") == [""]


def test_reading_the_database_loads_nothing_heavy(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert errors_of(READ_ALL, str(light_store(tmp_path_factory)))[-1] == ""


COUNTED = """
import sys
from pipeline import cli, timings

class Watch:
    def find_spec(self, name, path, target=None):
        if name == "pipeline.job.daily":
            print(*timings._timer.get().nested and ["counted"] or ["not counted"], file=sys.stderr)

sys.meta_path.insert(0, Watch())
cli.execute(sys.argv[1:])
"""


def test_the_import_of_the_job_counts_among_the_timings_of_its_run(tmp_path: Path) -> None:
    light_config(tmp_path)
    words = [
        "run",
        "--direct",
        "--timings",
        "--config",
        str(tmp_path / "light.toml"),
        "--as-of",
        "2021-01-05",
    ]
    assert errors_of(COUNTED, *words, "--db", str(tmp_path / "x.db"))[0] == "counted"
