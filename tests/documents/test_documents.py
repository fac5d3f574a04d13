"""What the documentation says exists, and what exists is documented."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from pipeline.models import MODELS, check_models
from pipeline.score.metrics import METRICS
from pipeline.settings import LstmSettings, Settings, load_settings
from pipeline.sources import SOURCES
from pipeline.store import VIEW_COLUMNS
from pipeline.store.queries import read_rows
from pipeline.types import QuarantineCode, Verdict
from tests.documents.commands import commands, options
from tests.documents.pages import ROOT
from tests.documents.settings import section_of
from tests.documents.text import (
    FILES,
    NAMES,
    README,
    anchors,
    blocks,
    called,
    command_lines,
    inline_code,
    links,
    make_targets,
    prose,
    text_of,
)
from tests.light import light_store

DOCS = ROOT / "docs"
LONGEST_README = 160
LARGEST_PICTURE = 150_000
ANY_FILE = pytest.mark.parametrize("path", FILES, ids=NAMES)
OF_OTHERS = {"PRICECAST_REAL_DATA"}
"""Variables that are no settings."""


def test_the_readme_is_short() -> None:
    assert len(text_of(README).splitlines()) <= LONGEST_README


@ANY_FILE
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("folder", [DOCS, DOCS / "decisions"], ids=lambda folder: folder.name)
def test_every_page_is_in_the_index_of_its_folder(folder: Path) -> None:
    linked = {link.partition("#")[0] for link in links(folder / "README.md")}
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} <= linked


def test_every_picture_is_small_and_shown() -> None:
    pictures = [path for path in DOCS.rglob("*") if path.suffix in {".png", ".svg"}]
    shown = {(path.parent / link).resolve() for path in FILES for link in links(path)}
    assert pictures
    assert set(pictures) <= shown
    assert max(path.stat().st_size for path in pictures) < LARGEST_PICTURE


@ANY_FILE
def test_every_command_that_is_named_exists_with_its_options(path: Path) -> None:
    for line in command_lines(path):
        if line.split()[1].isupper():
            continue
        name, given = called(line)
        assert {option.partition("=")[0] for option in given} <= options(commands()[name]), line


@cache
def described_commands() -> set[str]:
    files = [path for path in FILES if path.name not in {"commands.md", "CHANGELOG.md"}]
    return {called(line)[0] for path in files for line in command_lines(path) if _is_whole(line)}


@pytest.mark.parametrize("command", commands())
def test_every_command_is_described_outside_of_its_own_page(command: str) -> None:
    assert command in described_commands()


def _is_whole(line: str) -> bool:
    return not line.split()[1].isupper()


def targets_of_make() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", text_of(ROOT / "Makefile"), flags=re.MULTILINE))


@ANY_FILE
def test_every_target_of_make_that_is_named_exists(path: Path) -> None:
    assert make_targets(path) <= targets_of_make()


def test_every_target_of_make_is_described() -> None:
    named = set().union(*(make_targets(path) for path in FILES if path.name != "CHANGELOG.md"))
    assert targets_of_make() - {"help"} <= named


def test_the_test_command_of_the_readme_is_the_one_that_is_run_elsewhere() -> None:
    assert "make test" in "".join(blocks(README))
    assert "\nmake test\n" in text_of(ROOT / ".ci" / "run")


@ANY_FILE
def test_settings_in_blocks_exist_and_are_allowed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for block in blocks(path, "toml"):
        file = tmp_path / "block.toml"
        file.write_text(block, encoding="utf-8")
        check_models(load_settings(file))


def settings_named(text: str) -> set[tuple[str, str]]:
    """Section and key of settings written as `section.key`."""
    sections = "|".join(name for name in Settings.model_fields if section_of(name))
    return set(re.findall(rf"^({sections})\.(?!py$)(\w+)$", text))


@ANY_FILE
def test_settings_in_the_text_exist(path: Path) -> None:
    for text in inline_code(path):
        for section, key in settings_named(text):
            _, kind = section_of(section) or ("", Settings)
            assert key in kind.model_fields or section == "model", text


@ANY_FILE
def test_variables_of_settings_exist(path: Path) -> None:
    for name in set(re.findall(r"PRICECAST_\w*[A-Z]", text_of(path))) - OF_OTHERS:
        section, _, key = name.removeprefix("PRICECAST_").lower().partition("__")
        assert section in Settings.model_fields, name
        found = section_of(section)
        assert not key or (found is not None and key in found[1].model_fields), name


def test_the_settings_of_lstms_are_shown_with_their_defaults() -> None:
    tables = [tomllib.loads(block) for block in blocks(DOCS / "models.md", "toml")]
    (shown,) = [table["lstm"] for table in tables if list(table) == ["lstm"]]
    defaults = LstmSettings().model_dump()
    assert shown == {key: defaults[key] for key in shown}
    assert len(shown) > 12


@ANY_FILE
def test_sql_runs(path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    database = str(light_store(tmp_path_factory))
    for block in blocks(path, "sql"):
        for statement in filter(None, map(str.strip, block.split(";"))):
            assert read_rows(database, statement).columns


def test_the_readme_has_four_queries() -> None:
    assert sum(block.count(";") for block in blocks(README, "sql")) == 4


@ANY_FILE
def test_columns_that_are_named_with_their_view_exist(path: Path) -> None:
    for view, columns in VIEW_COLUMNS.items():
        named = {name for code in inline_code(path) for name in re.findall(rf"^{view}\.(\w+)$", code)}
        assert named <= set(columns)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_described(model: str) -> None:
    assert f"| `{model}` |" in prose(DOCS / "models.md")


LISTS_OF_SOURCES = {
    "docs/prices.md": DOCS / "prices.md",
    "docs/settings.md": DOCS / "settings.md",
    "docs/commands.md, from the help of --source": DOCS / "commands.md",
    "pricecast.toml": ROOT / "pricecast.toml",
    "deployments/.env.example": ROOT / "deployments" / ".env.example",
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("path", LISTS_OF_SOURCES.values(), ids=LISTS_OF_SOURCES)
def test_every_source_is_named_wherever_sources_are_listed(source: str, path: Path) -> None:
    assert re.search(rf"\b{re.escape(source)}\b", text_of(path))


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_described(metric: str) -> None:
    described = VIEW_COLUMNS["metric_history"]["metric"]
    assert metric in VIEW_COLUMNS["model_scoreboard"] or re.search(rf"\b{metric}\b", described)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_described(verdict: Verdict) -> None:
    assert f"| `{verdict}` |" in prose(DOCS / "verdict.md")
    assert f"`{verdict}`" in prose(README)


def test_every_reason_for_quarantine_is_described() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| .+ \| (yes|no)", prose(DOCS / "prices.md"), flags=re.MULTILINE)
    assert rows == [(code.value, "yes" if code.can_be_released else "no") for code in QuarantineCode]


def test_every_figure_of_the_readme_is_measured_in_full_elsewhere() -> None:
    table = prose(README).partition("## Measured")[2].partition("## ")[0]
    figures = [row.split(" | ")[1] for row in table.splitlines() if row.startswith("| ")][1:]
    elsewhere = prose(DOCS / "measured.md") + prose(DOCS / "verdict.md")
    numbers = {number for figure in figures for number in re.findall(r"\d[\d.:]*\d%?", figure)}
    assert len(numbers) > 12
    assert [number for number in sorted(numbers) if number not in elsewhere] == []
