"""What the flows, the deployments and the tests of both import, and when."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import flows

ROOT = Path(flows.__file__).parents[1]
TESTS = [*ROOT.glob("tests/flows/*.py"), *ROOT.glob("tests/deployments/*.py")]
COMMANDS = {"deployments.serve", "flows.parameters", "flows.runners"}


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def test_commands_and_deselected_tests_import_no_prefect(tmp_path: Path) -> None:
    modules = sorted(COMMANDS | {module_of(file) for file in TESTS})
    script = f"import sys, {', '.join(modules)}; assert 'prefect' not in sys.modules"
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, timeout=60, check=True)


@pytest.mark.parametrize(
    "file",
    sorted([*ROOT.glob("flows/*.py"), *ROOT.glob("deployments/*.py")]),
    ids=lambda file: f"{file.parent.name}/{file.name}",
)
def test_flows_and_deployments_import_no_numerical_or_database_library(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"pandas", "numpy", "sklearn", "tensorflow", "keras", "sqlalchemy", "yfinance"}
