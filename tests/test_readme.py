"""The README's promises, as far as a program can hold them."""

import re
import tomllib
from pathlib import Path

import pytest

from pipeline.cli import execute
from pipeline.models import MODELS
from pipeline.settings import LstmSettings
from pipeline.store import VIEW_COLUMNS
from pipeline.types import Verdict

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("view", VIEW_COLUMNS)
def test_every_column_of_a_view_stands_in_the_readme_with_its_meaning(view: str) -> None:
    section = README.split(f"### `{view}`")[1].split("\n#")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, flags=re.MULTILINE))
    assert documented == VIEW_COLUMNS[view]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_stands_in_the_readme(model: str) -> None:
    assert f"| `{model}` |" in README


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_stands_in_the_readme(verdict: Verdict) -> None:
    assert f"| `{verdict}` |" in README


def test_every_make_target_of_the_readme_exists() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = re.findall(r"\bmake ([a-z]+)\b", README)
    assert named
    assert set(named) <= set(targets)


def test_the_readmes_settings_are_the_defaults() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)
    shown = tomllib.loads(block)["lstm"]
    defaults = LstmSettings().model_dump()
    assert shown == {key: defaults[key] for key in shown}
    assert len(shown) > 12


def test_every_command_of_the_readme_exists(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(re.findall(r"^pricecast ([a-z]+)", README, flags=re.MULTILINE))
    assert len(named) >= 8
    for command in named:
        assert execute([command, "--help"]) == 0, command
    capsys.readouterr()
