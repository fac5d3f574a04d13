"""The generated pages are those that the code makes, and what they are made of is whole."""

from collections.abc import Callable
from inspect import getdoc

import pytest
from pydantic import BaseModel

from pipeline import settings
from pipeline.store import VIEW_COLUMNS
from tests.documents.commands import commands
from tests.documents.markdown import table
from tests.documents.pages import PAGES, ROOT
from tests.documents.settings import section_of
from tests.documents.views import PURPOSES

CLASSES = [
    kind
    for kind in vars(settings).values()
    if isinstance(kind, type)
    and issubclass(kind, BaseModel)
    and kind.__module__.startswith(settings.__name__)
]


@pytest.mark.parametrize(("name", "page"), PAGES.items(), ids=list(PAGES))
def test_a_generated_page_is_up_to_date(name: str, page: Callable[[], str]) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == page(), f"{name}: run `make docs`"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_setting_is_described(kind: type[BaseModel]) -> None:
    assert getdoc(kind)
    assert [name for name, field in kind.model_fields.items() if not field.description] == []


def test_every_class_of_settings_has_its_section_or_is_the_whole() -> None:
    sections = {found[1] for name in settings.Settings.model_fields if (found := section_of(name))}
    assert {kind.__name__ for kind in CLASSES} == {kind.__name__ for kind in sections} | {"Settings"}


def test_every_view_says_what_it_is_for() -> None:
    assert list(PURPOSES) == list(VIEW_COLUMNS)


@pytest.mark.parametrize("command", commands())
def test_every_command_argument_and_option_has_a_help_text(command: str) -> None:
    found = commands()[command]
    assert found.help
    assert [one.name for one in found.params if not one.help] == []


def test_a_table_keeps_its_columns_whatever_its_cells_hold() -> None:
    assert table(("a", "b"), [("x|y", "")]).splitlines() == ["| a | b |", "| --- | --- |", "| x\\|y |  |"]
