"""The survivors that are accepted, with the reason of each: `survivors.toml`."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.mutants.plant import Change

FILE = Path(__file__).with_name("survivors.toml")


def accepted(modules: Collection[str]) -> Mapping[Change, str]:
    """Every accepted survivor of these modules and why it is."""
    entries = tomllib.loads(FILE.read_text(encoding="utf-8"))["survivor"]
    return {change: why for entry in entries for change, why in _changes(entry) if change.module in modules}


def _changes(entry: dict[str, Any]) -> Iterator[tuple[Change, str]]:
    """Of one entry: `becomes` may list several changes of its line, and `nth` say which of equal lines."""
    for becomes in entry["becomes"] if isinstance(entry["becomes"], list) else [entry["becomes"]]:
        for nth in entry.get("nth", [1]):
            yield Change(entry["module"], entry.get("function", ""), entry["was"], becomes, nth), entry["why"]


def problems(survived: Collection[Change], known: Mapping[Change, str]) -> list[str]:
    """What has to be done: a test or a reason for each new survivor, and no entry of one that is none."""
    new = [f"not caught and not in {FILE.name}: {told(one)}" for one in survived if one not in known]
    old = [f"in {FILE.name}, but caught or gone: {told(one)}" for one in known if one not in survived]
    return new + old


def told(change: Change) -> str:
    nth = f" (number {change.nth})" if change.nth > 1 else ""
    return f"{change.module} {change.function or 'module'}: {change.was}  ->  {change.becomes}{nth}"
