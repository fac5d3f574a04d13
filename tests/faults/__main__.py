"""Every fault put to the daily job, written to `table.md` (`make faults`); fails where anything is wrong."""

import sys
from pathlib import Path

from tests.faults.all_trials import outcomes
from tests.faults.table import as_table
from tests.faults.trial import TRIALS, Outcome

TABLE = Path(__file__).with_name("table.md")


def main() -> int:
    found: list[Outcome] = []
    for (case, when), outcome in zip(TRIALS, outcomes(), strict=True):
        found.append(outcome)
        sign = "WRONG" if outcome.problems else "ok"
        print(f"{sign:5}  {case.name}, {when.value}", *outcome.problems, sep="\n       ", flush=True)
    TABLE.write_text(as_table(zip(TRIALS, found, strict=True)), encoding="utf-8")
    wrong = sum(bool(outcome.problems) for outcome in found)
    print(f"{len(found)} trials, {wrong} wrong: {TABLE}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
