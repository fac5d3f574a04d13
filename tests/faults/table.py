"""The trials as a table that people read."""

import re
from collections.abc import Iterable, Iterator

from tests.faults.case import Case, When
from tests.faults.trial import Outcome
from tests.faults.world import OTHER, STRUCK, Day

INTRODUCTION = f"""\
# What each fault does to the daily job

Made by `make faults`, with the real yfinance talking to a local Yahoo. Of three assets, one ({STRUCK}) is
struck by the fault, on its first run or on the next day's; then the fault ends, and the job runs once more a
day later. Shown is what the run said of the struck asset, how many of its settled sessions were in the store
then, what was quarantined and why, and how many a day later. Both times every bar of all three assets was
compared with the truth of the day: nothing lost, nothing duplicated, nothing invented. Where that, or
anything else that has to be, was not so, the row says WRONG.

| fault | run | what the user saw | the store afterwards |
|---|---|---|---|
"""
FAILED = "failed: "
LONGEST = 200
IDLE = re.compile(r"\b0 (?:new|revised|quarantined|missing)(?:, )?|; newest session [\d-]+")
"""What a line about an asset says of things that did not happen, and the newest session."""


def as_table(outcomes: Iterable[tuple[tuple[Case, When], Outcome]]) -> str:
    """Markdown: a row for each trial, in their order."""
    return INTRODUCTION + "".join(_row(case, when, outcome) for (case, when), outcome in outcomes)


def _row(case: Case, when: When, outcome: Outcome) -> str:
    problems = "; ".join(problem.partition("\n")[0] for problem in outcome.problems[:2])
    held = f"**WRONG**: {problems}" if problems else outcome.held
    cells = (case.name, when.value, _abridged(outcome.struck), held)
    return f"| {' | '.join(_cut(cell).replace('|', '/') for cell in cells)} |\n"


def _abridged(day: Day) -> str:
    said = "; ".join(
        [*_said(day, STRUCK), *(f"{OTHER}: {one}" for one in _said(day, OTHER) if FAILED in one)]
    )
    return f"{day.summary.status.value}: {said or 'nothing new'}"


def _said(day: Day, symbol: str) -> Iterator[str]:
    """The line about an asset, and its errors, as far as the line does not say them."""
    for line in day.about(symbol).splitlines():
        about, error = f"  {symbol} ", f"error: {symbol}: "
        if line.startswith(about):
            yield IDLE.sub("", line.removeprefix(about)).strip(" ,;")
        elif line.startswith(error) and FAILED not in day.about(symbol):
            yield line.removeprefix(error).partition(":")[0]


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 3]}..."
