"""Every fault put to the daily job, written to `table.md` (`make faults`); fails where a bar is wrong."""

import sys
import tempfile
from pathlib import Path

from tests.faults.case import Case, When
from tests.faults.table import as_table
from tests.faults.trial import TRIALS, Outcome, put_to_trial
from tests.yahoo.authority import make_authority

TABLE = Path(__file__).with_name("table.md")


def main() -> int:
    outcomes: list[tuple[Case, When, Outcome]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = make_authority(folder)
        for number, (case, when) in enumerate(TRIALS):
            own = folder / str(number)
            own.mkdir()
            outcome = put_to_trial(case, when, own, authority)
            outcomes.append((case, when, outcome))
            sign = "WRONG" if outcome.problems else "ok"
            print(f"{sign:5}  {case.name}, {when.value}", *outcome.problems, sep="\n       ", flush=True)
    TABLE.write_text(as_table(outcomes), encoding="utf-8")
    wrong = sum(bool(outcome.problems) for _, _, outcome in outcomes)
    print(f"{len(outcomes)} trials, {wrong} wrong: {TABLE}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
