"""The rules of the house: imports go one way, each dependency has one home, files stay short."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from pipeline.store import VIEW_COLUMNS

ROOT = Path(__file__).parents[1]
CODE = sorted(
    path for folder in ("pipeline", "flows", "deployments") for path in (ROOT / folder).rglob("*.py")
)

GROUND = ("types", "errors", "settings", "clock", "timings", "calendars", "checks")
"""What every package may import; among themselves they keep to ALLOWED too."""
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "types": (),
    "errors": (),
    "settings": ("types", "errors"),
    "clock": ("errors",),
    "timings": ("types",),
    "calendars": ("types", "errors", "settings"),
    "checks": ("types", "errors"),
    "sources": GROUND,
    "ingest": GROUND,
    "networks": GROUND,
    "models": (*GROUND, "networks"),
    "learn": (*GROUND, "models"),
    "score": GROUND,
    "lag": (*GROUND, "score"),
    "store": GROUND,
    "show": (*GROUND, "lag"),
    "job": (*GROUND, "sources", "ingest", "models", "learn", "score", "lag", "store"),
    "forecast_file": (*GROUND, "lag", "show"),
    "doctor": (*GROUND, "sources", "models", "store", "show"),
    "demo": (*GROUND, "sources", "store", "job"),
    "flows": (*GROUND, "sources", "learn", "store", "job"),
    "deployments": (*GROUND, "flows"),
    "commands": (
        *(*GROUND, "sources", "learn", "lag", "store", "show", "job"),
        *("forecast_file", "doctor", "demo", "flows", "deployments"),
    ),
    "cli": (*GROUND, "commands"),
}
"""What each package or module of `pipeline`, and `flows` and `deployments`, may import of the others."""

HOMES = {
    "prefect": ("flows/", "deployments/", "pipeline/doctor.py"),
    "tensorflow": ("pipeline/networks/",),
    "keras": ("pipeline/networks/",),
    "yfinance": ("pipeline/sources/yahoo.py",),
    "curl_cffi": ("pipeline/sources/yahoo.py", "pipeline/sources/yahoo_session.py"),
    "sqlalchemy": ("pipeline/store/",),
    "alembic": ("pipeline/store/",),
    "matplotlib": ("pipeline/show/",),
    "exchange_calendars": ("pipeline/calendars.py",),
    "statsmodels": ("pipeline/score/metrics.py", "pipeline/models/stationarity.py"),
    "sklearn": ("pipeline/learn/scale.py", "pipeline/models/ridge.py"),
    "typer": ("pipeline/cli.py", "pipeline/commands/"),
}
LAZY = {"tensorflow", "keras"}
LAZY_IN = {"doctor.py": LAZY | {"prefect"}}
PICKLERS = {"pickle", "joblib", "cloudpickle", "dill", "shelve"}
CLOCKS = {"now", "utcnow", "today"}
TOP_LEVEL = {
    *("flows", "pipeline", "tests", "deployments", "docs", "pyproject.toml", "noxfile.py", "README.md"),
    *("Makefile", "requirements.lock", "pricecast.toml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
}
LONGEST_FILE, LONGEST_FUNCTION = 400, 40


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import(tree: ast.AST) -> Iterator[ast.stmt]:
    """The import statements that run when the module is imported, however deep they stand."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from (inner for branch in node.orelse for inner in at_import(branch))
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from at_import(node)


def package(module: str) -> str:
    return module.partition(".")[0]


def room(module: str) -> str | None:
    """The package or module of the house that `module` belongs to; None for libraries and `pipeline`."""
    top, _, rest = module.partition(".")
    if top in {"flows", "deployments"}:
        return top
    return rest.partition(".")[0] if top == "pipeline" and rest else None


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def wrong_arrows(module: str, tree: ast.AST) -> list[str]:
    """The imports of a module of the house that its package may not make, each as an arrow."""
    own = room(module)
    rooms = {room(name) for name in imported(tree)} & set(ALLOWED)
    allowed = {own, *ALLOWED.get(own, ())} if own else set()
    return sorted(f"{own or module} -> {other}" for other in rooms - allowed)


def faults_of_all(rule: Callable[[Path], Iterator[str]]) -> list[str]:
    """What the rule finds wrong in any file of the house, each with the file's name."""
    return [f"{path.relative_to(ROOT)}: {fault}" for path in CODE for fault in rule(path)]


def test_every_import_is_an_allowed_arrow_between_packages() -> None:
    assert faults_of_all(lambda path: iter(wrong_arrows(module_of(path), tree_of(path)))) == []


@pytest.mark.parametrize(
    ("module", "planted", "arrow"),
    [
        ("pipeline.ingest.jumps", "from pipeline.store import read", "ingest -> store"),
        ("pipeline.learn.train", "import pipeline.job.daily", "learn -> job"),
        ("pipeline.score.metrics", "from pipeline.show import tables", "score -> show"),
        ("pipeline.lag.shape", "from pipeline.learn.scale import scale", "lag -> learn"),
        ("pipeline.store.read", "def f():\n    from pipeline import learn", "store -> learn"),
        ("pipeline.job.daily", "from flows.daily import daily_forecast", "job -> flows"),
        ("flows.tasks", "import pipeline.cli", "flows -> cli"),
        ("pipeline", "from pipeline.types import Bars", "pipeline -> types"),
    ],
)
def test_a_planted_import_that_runs_backward_is_named(module: str, planted: str, arrow: str) -> None:
    assert wrong_arrows(module, ast.parse(planted)) == [arrow]


def test_every_allowed_arrow_beyond_the_ground_is_used() -> None:
    used: dict[str, set[str]] = {name: set() for name in set(ALLOWED) - set(GROUND)}
    for path in CODE:
        own = room(module_of(path))
        if own in used:
            rooms = {room(name) for name in imported(tree_of(path))}
            used[own] |= {other for other in rooms if other in used and other != own}
    assert used == {name: set(ALLOWED[name]) - set(GROUND) for name in used}


def test_the_allowed_arrows_form_no_circle() -> None:
    assert list(TopologicalSorter(ALLOWED).static_order())


def test_every_package_is_in_the_table_and_all_of_the_table_is_there() -> None:
    assert {room(module_of(path)) for path in CODE} - {None} == set(ALLOWED)


def table_of_contributing() -> dict[str, set[str]]:
    """What CONTRIBUTING.md says that each package may import, beside the ground."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)(?:/|\.py)` \| [^|]+ \| ([^|]*)\|$", text, flags=re.MULTILINE)
    return {name: set(re.findall(r"[a-z_]+", others)) for name, others in rows}


def test_the_map_in_contributing_is_the_table_of_allowed_arrows() -> None:
    beyond_ground = {name: set(others) - set(GROUND) for name, others in ALLOWED.items()}
    assert table_of_contributing() == {
        name: others for name, others in beyond_ground.items() if name not in GROUND
    }


def relative_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"line {node.lineno} imports by a relative name"


def dependencies_away_from_home(path: Path) -> Iterator[str]:
    here = str(path.relative_to(ROOT))
    for dependency in {package(module) for module in imported(tree_of(path))} & set(HOMES):
        if not here.startswith(HOMES[dependency]):
            yield f"{dependency} has its home in {' and '.join(HOMES[dependency])}"


def loaded(path: Path) -> set[str]:
    """The modules that are imported when this one is."""
    return {module for node in at_import(tree_of(path)) for module in imported(node)}


HEAVY = {
    f"pipeline.networks.{path.stem}"
    for path in (ROOT / "pipeline" / "networks").glob("*.py")
    if {package(module) for module in loaded(path)} & LAZY
}
"""The modules of `networks` that import TensorFlow when they are imported themselves."""


def early_imports(path: Path) -> Iterator[str]:
    names = {package(module) for module in loaded(path)}
    own = f"pipeline.networks.{path.stem}" if path.parent.name == "networks" else ""
    if own not in HEAVY:
        for name in (names & LAZY_IN.get(path.name, LAZY)) | (loaded(path) & HEAVY):
            yield f"{name} has to be imported inside the function that uses it"


def test_what_needs_no_tensorflow_of_the_networks_does_not_load_it() -> None:
    light = {f"pipeline.networks.{name}" for name in ("__init__", "names", "parameters", "start")}
    assert HEAVY
    assert not HEAVY & light


def too_long(path: Path) -> Iterator[str]:
    if path.stem in {"utils", "util", "helpers", "common"}:
        yield "the name says nothing"
    if len(path.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE:
        yield f"more than {LONGEST_FILE} lines"
    for node in ast.walk(tree_of(path)):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not is_function or "migrations" in path.parts:
            continue
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION:
            yield f"{node.name} has more than {LONGEST_FUNCTION} lines"


def pickles(path: Path) -> Iterator[str]:
    tree = tree_of(path)
    yield from (f"imports {name}" for name in PICKLERS & {package(module) for module in imported(tree)})
    for node in ast.walk(tree):
        is_switch = isinstance(node, ast.keyword) and node.arg == "allow_pickle"
        if is_switch and ast.unparse(node.value) != "False":
            yield f"line {node.value.lineno} allows pickle"
        if isinstance(node, ast.Attribute) and node.attr in {"read_pickle", "to_pickle"}:
            yield f"line {node.lineno} pickles"


def clocks(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS and path.name != "clock.py":
            yield f"line {node.lineno} reads the time, which only clock.py may"


TABLE_IN_SQL = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+([a-z_]+)")


def private_tables(path: Path) -> Iterator[str]:
    if "store" not in path.parts:
        texts = [node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant)]
        named = {name for text in texts if isinstance(text, str) for name in TABLE_IN_SQL.findall(text)}
        yield from (f"SQL names {name}, which is no public view" for name in named - set(VIEW_COLUMNS))


def arithmetic_of_flows(path: Path) -> Iterator[str]:
    if path.parent.name == "flows":
        names = {"pandas", "numpy"} & {package(module) for module in imported(tree_of(path))}
        yield from (f"imports {name}" for name in names)


@pytest.mark.parametrize(
    "rule",
    [
        *(relative_imports, dependencies_away_from_home, early_imports, too_long, pickles, clocks),
        *(private_tables, arithmetic_of_flows),
    ],
)
def test_no_file_has(rule: Callable[[Path], Iterator[str]]) -> None:
    assert faults_of_all(rule) == []


LONG_FUNCTION = "def long():\n" + "    pass\n" * LONGEST_FUNCTION
PLANTED = [
    (relative_imports, "flows/x.py", "from . import store"),
    (dependencies_away_from_home, "flows/x.py", "import sqlalchemy"),
    (dependencies_away_from_home, "pipeline/store/x.py", "def f():\n    from prefect import flow"),
    (early_imports, "flows/x.py", "import tensorflow"),
    (early_imports, "pipeline/models/x.py", f"import {min(HEAVY)}"),
    (early_imports, "pipeline/networks/names.py", f"import {min(HEAVY)}"),
    (early_imports, "pipeline/doctor.py", "from prefect import flow"),
    (too_long, "flows/x.py", "\n" * (LONGEST_FILE + 1)),
    (too_long, "flows/utils.py", ""),
    (too_long, "pipeline/x.py", LONG_FUNCTION),
    (pickles, "flows/x.py", "import numpy\nnumpy.load('x', allow_pickle=True)"),
    (pickles, "flows/x.py", "import joblib"),
    (pickles, "flows/x.py", "FRAME.to_pickle('x')"),
    (clocks, "flows/x.py", "import datetime\ndatetime.datetime.now()"),
    (private_tables, "flows/x.py", "QUERY = 'SELECT * FROM forecasts'"),
    (arithmetic_of_flows, "flows/x.py", "import numpy"),
]


def planted(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(("rule", "name", "text"), PLANTED)
def test_each_rule_finds_what_breaks_it(
    rule: Callable[[Path], Iterator[str]],
    name: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.test_layout.ROOT", tmp_path)
    assert len(list(rule(planted(tmp_path, name, text)))) == 1


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (early_imports, "pipeline/models/x.py", f"def f():\n    import tensorflow, {min(HEAVY)}"),
        (early_imports, f"pipeline/networks/{min(HEAVY).rpartition('.')[2]}.py", "import tensorflow"),
        (too_long, "flows/x.py", "\n" * LONGEST_FILE),
        (too_long, "pipeline/x.py", LONG_FUNCTION.replace("    pass\n", "", 1)),
        (pickles, "flows/x.py", "import numpy\nnumpy.load('x', allow_pickle=False)"),
        (clocks, "pipeline/clock.py", "import datetime\ndatetime.datetime.now()"),
        (private_tables, "flows/x.py", "QUERY = 'SELECT * FROM forecast_history'"),
        (private_tables, "pipeline/store/x.py", "QUERY = 'SELECT * FROM forecasts'"),
        (arithmetic_of_flows, "pipeline/x.py", "import numpy"),
    ],
)
def test_no_rule_finds_fault_with_what_is_allowed(
    rule: Callable[[Path], Iterator[str]],
    name: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.test_layout.ROOT", tmp_path)
    assert list(rule(planted(tmp_path, name, text))) == []


def test_the_pythons_that_are_promised_are_those_that_are_looked_for_and_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tested = [text.rpartition(" ")[2] for text in project["classifiers"]]
    first, *_, last = tested
    assert project["requires-python"] == f">={first},<3.{int(last.removeprefix('3.')) + 1}"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"python(3\.\d+)", makefile) == tested[::-1]
    promise = f"Python {', '.join(tested[:-1])} or {last}"
    assert promise in makefile
    assert promise in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_top_level_holds_what_it_should() -> None:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    top = {line.partition("/")[0] for line in listing.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


LONGEST_TEST_FILE = 400
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_no_test_file_is_longer_than_a_sitting() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in TESTS
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_TEST_FILE} == {}


def test_collecting_the_tests_loads_no_tensorflow() -> None:
    early = {
        str(path.relative_to(ROOT)): names
        for path in TESTS
        if (names := ({package(module) for module in loaded(path)} & LAZY) | (loaded(path) & HEAVY))
    }
    assert early == {}
