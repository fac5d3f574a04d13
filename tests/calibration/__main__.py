"""`make calibrate`: simulate every setting, write table.md, fail when a cell is off."""

import argparse
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import chain, product
from multiprocessing import get_context
from pathlib import Path

from tests.calibration.cells import Outcomes, cells
from tests.calibration.simulate import BATCH, Outcome, Setting, joined, simulate
from tests.calibration.specified import SKEWED, TABLES
from tests.calibration.table import markdown

FILE = Path(__file__).with_name("table.md")
ROWS = tuple(chain(*TABLES))
SETTINGS = tuple(dict.fromkeys([*chain(*(row.percents for row in ROWS)), SKEWED]))


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the lag test's calibration.")
    parser.add_argument("--replications", type=int, default=2000, help=f"at least 1000, in steps of {BATCH}")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    outcomes = measure(SETTINGS, arguments.replications, arguments.workers)
    FILE.write_text(markdown(outcomes, arguments.replications), encoding="utf-8")
    off = [cell for cell in cells(outcomes, ROWS) if not cell.holds]
    for cell in off:
        print(
            f"off: {cell.row.label}, {cell.row.event}, {cell.setting}: "
            f"{cell.measured:.1f} for {cell.specified:g}, {cell.allowed:.1f} allowed"
        )
    print(f"{FILE.name}: {len(off)} cells off")
    return 1 if off else 0


def measure(settings: tuple[Setting, ...], replications: int, workers: int) -> Outcomes:
    """Every setting's outcomes, the batches spread over processes."""
    batches = range(max(replications // BATCH, 1))
    tasks = sorted(product(settings, batches), key=lambda task: -task[0].n)
    found: dict[Setting, dict[int, dict[str, Outcome]]] = defaultdict(dict)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(simulate, setting, [batch]): (setting, batch) for setting, batch in tasks}
        for done, future in enumerate(as_completed(futures), start=1):
            setting, batch = futures[future]
            found[setting][batch] = future.result()
            if sys.stderr.isatty():
                print(f"\r{done} of {len(futures)} batches", end="", file=sys.stderr)
    return {setting: _in_order(found[setting]) for setting in settings}


def _in_order(found: dict[int, dict[str, Outcome]]) -> dict[str, Outcome]:
    ordered = [found[batch] for batch in sorted(found)]
    return {name: joined([outcomes[name] for outcomes in ordered]) for name in ordered[0]}


if __name__ == "__main__":
    sys.exit(main())
