"""docs/settings.md: every setting, from the classes of `pipeline.settings`."""

import types
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipeline.models import MODELS
from pipeline.models.lstm_parameters import ALLOWED_NAMES
from pipeline.settings import AssetSettings, ModelOverride, Settings
from tests.documents import markdown

INTRODUCTION = """\
Every setting has a default. `pricecast.toml` in the current folder, or the file given with `--config`,
changes some of them; environment variables win over the file. The variable of a key is its name in capitals
after `PRICECAST_`, with a double underscore after the name of a table: `PRICECAST_HORIZONS=3`,
`PRICECAST_LSTM__UNITS=64`. Lists and tables are written as JSON: `PRICECAST_MODELS='["ridge"]'`.

An unknown key, or a value that is not allowed, is an error that names the key. `pricecast doctor` checks
all settings."""
HEADER = ("key", "values", "default", "meaning")
TABLES: Mapping[str, tuple[str, type[BaseModel]]] = {
    "assets": ("[[assets]]", AssetSettings),
    "model": ("[model.NAME]", ModelOverride),
}
"""The sections that are no settings class by themselves."""
BOUNDS: Mapping[str, str] = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def page() -> str:
    own = [name for name in Settings.model_fields if section_of(name) is None]
    sections = (block for name in Settings.model_fields if name not in own for block in _section(name))
    return markdown.page("Settings", INTRODUCTION, "## General", _table(Settings, own), *sections, *_names())


def section_of(name: str) -> tuple[str, type[BaseModel]] | None:
    """The heading and the class of a section of the file; None for a key at its top."""
    if name in TABLES:
        return TABLES[name]
    kind = Settings.model_fields[name].annotation
    return (f"[{name}]", kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _section(name: str) -> Iterator[str]:
    heading, kind = section_of(name) or ("", Settings)
    yield f"## `{heading}`"
    yield " ".join((kind.__doc__ or "").split())
    yield _table(kind, list(kind.model_fields))


def _names() -> Iterator[str]:
    yield "## Names"
    named: dict[tuple[str, ...], list[str]] = {MODELS: ["models"]}
    for key, values in ALLOWED_NAMES.items():
        named.setdefault(values, []).append(f"lstm.{key}")
    rows = ((markdown.choices(keys), markdown.choices(values)) for values, keys in named.items())
    yield markdown.table(("key", "names"), rows)


def _table(kind: type[BaseModel], names: list[str]) -> str:
    fields = ((name, kind.model_fields[name]) for name in names)
    rows = (
        (markdown.code(name), _values(field), _default(field), " ".join((field.description or "").split()))
        for name, field in fields
    )
    return markdown.table(HEADER, rows)


def _values(field: FieldInfo) -> str:
    bounds = {
        name: f"{getattr(one, name):.12g}"
        for name in BOUNDS
        for one in field.metadata
        if getattr(one, name, None) is not None
    }
    if {"ge", "le"} <= set(bounds):
        return f"{_kind(field.annotation)} from {bounds['ge']} to {bounds['le']}"
    words = " and ".join(f"{BOUNDS[name]} {bound}" for name, bound in bounds.items())
    return f"{_kind(field.annotation)} {words}".strip()


def _kind(annotation: Any) -> str:
    """What a value may be, in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return " or ".join(_kind(one) for one in arguments if one is not type(None))
    if origin is Literal:
        return markdown.choices(map(str, arguments))
    if origin is tuple:
        return f"list of {_plural(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return markdown.choices(annotation)
    return {int: "integer", float: "number", str: "text", bool: "`true` or `false`", date: "date"}.get(
        annotation, "table"
    )


def _plural(annotation: Any) -> str:
    if annotation is str:
        return "texts"
    return "tables" if annotation is AssetSettings else "numbers above 0"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == {}:
        return ""
    if isinstance(value, tuple) and value and isinstance(value[0], AssetSettings):
        return ", ".join(markdown.code(asset.symbol) for asset in value)
    return markdown.code(_toml(value))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
