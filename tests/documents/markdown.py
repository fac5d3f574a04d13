"""What the generated pages are put together from."""

from collections.abc import Iterable, Sequence

GENERATED = "<!-- Written by `make docs`. Change its source, not this file. -->"


def page(title: str, *blocks: str) -> str:
    """A whole page: the title, then its blocks."""
    return "\n\n".join((GENERATED, f"# {title}", *blocks)) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold any text of one line."""
    rule = ["---"] * len(header)
    return "\n".join(_row(cells) for cells in (header, rule, *rows))


def code(text: str) -> str:
    return f"`{text}`"


def choices(texts: Iterable[str]) -> str:
    """Texts as code, separated by commas, with `or` before the last of them."""
    *others, last = [code(text) for text in texts]
    return f"{', '.join(others)} or {last}" if others else last


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
