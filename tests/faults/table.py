"""The trials as a table that people read."""

import re
from collections.abc import Iterable, Iterator

from tests.faults.case import Case, When
from tests.faults.trial import Outcome
from tests.faults.world import STRUCK, Day

INTRODUCTION = f"""\
# What each fault does to the daily job

Made by `make faults`. Three assets on a local Yahoo, one of them ({STRUCK}) struck by the fault, on its first
run or on the next day's; then the fault ends, and the job runs once more a day later. Shown is what the run
said of the struck asset, and how many of its settled sessions were in the store then and a day later. Each
bar of all three assets was compared with the truth of the day, both times: nothing lost, nothing duplicated,
nothing invented. Where that failed, the row says WRONG.

| fault | run | what the user saw | the store afterwards |
|---|---|---|---|
"""
LONGEST = 220


def as_table(outcomes: Iterable[tuple[Case, When, Outcome]]) -> str:
    """Markdown: a row for each trial, in their order."""
    return INTRODUCTION + "".join(_row(case, when, outcome) for case, when, outcome in outcomes)


def _row(case: Case, when: When, outcome: Outcome) -> str:
    held = f"**WRONG**: {outcome.problems[0]}" if outcome.problems else outcome.held
    cells = (case.name, when.value, _abridged(outcome.struck), _cut(held))
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _abridged(day: Day) -> str:
    """The status, the line about the struck asset, and its error where the line does not say it."""
    return _cut(f"{day.summary.status.value}: {'; '.join(_said(day))}")


def _said(day: Day) -> Iterator[str]:
    lines = day.about(STRUCK).splitlines()
    told = [line.strip().removeprefix(STRUCK).strip() for line in lines if line.startswith(f"  {STRUCK}")]
    yield from (re.sub(r"\b0 (new|revised|rejected|missing),? ?", "", line).strip("; ") for line in told)
    for line in lines:
        what = line.removeprefix(f"error: {STRUCK}: ")
        if what != line and not any(what in one for one in told):
            yield f"error: {what}"


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 3]}..."
