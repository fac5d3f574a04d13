"""What stands in the documentation: its files, blocks of code, links, headings, commands and names."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.documents.commands import commands
from tests.documents.pages import ROOT

README = ROOT / "README.md"
FILES = (README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMENT = re.compile(r"(^| )# .*$")


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str = "") -> list[str]:
    """The blocks of code of a language; with no language, those that name none: commands and output."""
    return [block for found, block in BLOCK.findall(text_of(path)) if found == language]


def prose(path: Path) -> str:
    """The text without its blocks of code."""
    return BLOCK.sub("", text_of(path))


def inline_code(path: Path) -> list[str]:
    return INLINE.findall(prose(path))


def links(path: Path) -> list[str]:
    """The targets of links and pictures in this repository."""
    return [target for target in LINK.findall(prose(path)) if "://" not in target]


def anchors(path: Path) -> set[str]:
    """The anchor of every heading, as forges make them."""
    headings = HEADING.findall(prose(path))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def command_lines(path: Path) -> Iterator[str]:
    """Every command line that begins with `pricecast`, in blocks and in the text, without its comment."""
    lines = [line.strip() for block in blocks(path) for line in block.splitlines()]
    for line in (*lines, *inline_code(path)):
        if line.startswith("pricecast "):
            yield COMMENT.sub("", line)


def called(line: str) -> tuple[str, list[str]]:
    """The command that a line calls, such as `db check`, and its options; KeyError where there is none."""
    words = shlex.split(line)[1:]
    names = [words[0], " ".join(words[:2])]
    found = [name for name in names if name in commands()]
    if not found:
        raise KeyError(line)
    return found[0], [word for word in words if word.startswith("--")]


def make_targets(path: Path) -> set[str]:
    """Every target of make that is named."""
    lines = [line.strip() for block in blocks(path) for line in block.splitlines()]
    code = [line for line in (*lines, *inline_code(path)) if line.startswith("make ")]
    return {line.split()[1] for line in code if "=" not in line.split()[1]}
