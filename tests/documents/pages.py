"""The generated pages by the files they are written to."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.documents import commands, settings, views

ROOT = Path(__file__).parents[2]
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/views.md": views.page,
    "docs/settings.md": settings.page,
    "docs/commands.md": commands.page,
}
