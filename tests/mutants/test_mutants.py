"""Where defects are planted, how they are told, and what the register makes of survivors."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.judged import ROOT, Judged, judged_modules
from tests.mutants.plant import Change, Mutant, mutants_of
from tests.mutants.register import accepted, problems

MODULE = '''"""A module."""
from dataclasses import dataclass

MOST = 3


@dataclass(frozen=True)
class Limit:
    most: int | None = None

    def holds(self, *, value: int) -> bool:
        return self.most is None or value < self.most


def pairs(left: list[int]) -> list[tuple[int, int]]:
    return list(zip(left, left, strict=True))
'''
Plant = Callable[[str], list[Mutant]]


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    def planted(text: str) -> list[Mutant]:
        (tmp_path / "made.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr("tests.mutants.judged.ROOT", tmp_path)
        return list(mutants_of(Judged("stages", "made")))

    return planted


def test_comparisons_constants_booleans_and_returns_are_changed_and_nothing_else(plant: Plant) -> None:
    told = {(one.change.function, one.change.becomes) for one in plant(MODULE)}
    assert told == {
        ("", "MOST = 4"),
        ("Limit.holds", "return self.most is not None or value < self.most"),
        ("Limit.holds", "return self.most is None and value < self.most"),
        ("Limit.holds", "return self.most is None or value <= self.most"),
        ("Limit.holds", "return self.most is None or value > self.most"),
        ("Limit.holds", "return None"),
        ("pairs", "return None"),
    }


def test_a_change_is_told_the_same_when_its_line_moves(plant: Plant) -> None:
    before, after = plant(MODULE), plant(f"\n\n{MODULE}")
    assert [one.change for one in before] == [one.change for one in after]
    assert [one.line + 2 for one in before] == [one.line for one in after]


def test_equal_changes_of_equal_lines_are_numbered(plant: Plant) -> None:
    twice = "def one(a: int) -> int:\n    if a:\n        return 7\n    return 7\n"
    numbers = [one.change.nth for one in plant(twice) if one.change.becomes == "return None"]
    assert numbers == [1, 2]


CHANGE = Change("made", "Limit.holds", "a < b", "a <= b")


def test_a_survivor_that_nobody_accepted_and_an_entry_that_is_none_are_problems() -> None:
    gone = replace(CHANGE, was="a > b")
    assert problems([CHANGE], {CHANGE: "Equal."}) == []
    (new,) = problems([CHANGE], {})
    (old,) = problems([], {gone: "Equal."})
    assert new.startswith("not caught")
    assert "a < b  ->  a <= b" in new
    assert old.startswith("in survivors.toml, but caught or gone")
    assert "a > b" in old


def test_every_accepted_survivor_is_a_change_of_a_judged_module_and_has_a_reason() -> None:
    modules = {one.name for one in judged_modules([])}
    entries = accepted(modules)
    assert len(entries) == sum(len(accepted({name})) for name in modules)
    assert all(why.startswith(("Equal", "Not worth")) for why in entries.values())
    for change in entries:
        text = (ROOT / f"{change.module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert change.was in text, change


def test_all_modules_and_their_tests_are_there() -> None:
    for one in judged_modules([]):
        assert one.path.is_file()
        assert all((ROOT / test).is_file() for test in one.tests)
    assert [one.name for one in judged_modules(["jumps"])] == ["pipeline.ingest.jumps"]
    assert {one.package for one in judged_modules(["lag"])} == {"lag"}
