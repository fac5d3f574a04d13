"""`make mutants`: plant defects, see which are caught, write table.md; fail on a survivor nobody accepted."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.mutants.judged import Judged, judged_modules
from tests.mutants.plant import Mutant, mutants_of
from tests.mutants.register import accepted, problems
from tests.mutants.table import Result, as_table
from tests.mutants.trial import is_caught, prepare, seconds_unchanged

TABLE = Path(__file__).with_name("table.md")


def main() -> int:
    # As Ctrl-C does: the pool drops what it has not begun, and its processes end.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    parser = argparse.ArgumentParser(description="Plant defects and see which the tests catch.")
    parser.add_argument("only", nargs="*", help="modules or packages, such as jumps or lag; none: all")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    modules = judged_modules(arguments.only)
    if not modules:
        parser.error(f"there is no {' or '.join(arguments.only)} to plant defects in")
    results = list(_tried(modules, arguments.workers))
    table = as_table(results)
    if not arguments.only:
        TABLE.write_text(table, encoding="utf-8")
    survived = [one.change for one, caught in results if not caught]
    wrong = problems(survived, accepted({one.name for one in modules}))
    print(table, *wrong, sep="\n")
    return 1 if wrong else 0


def _tried(modules: Sequence[Judged], workers: int) -> Iterator[Result]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=prepare) as pool:
        unchanged = dict(zip(modules, pool.map(seconds_unchanged, modules), strict=True))
        mutants = [one for judged in modules for one in mutants_of(judged)]
        limits = [unchanged[one.judged] for one in mutants]
        for done, (one, caught) in enumerate(
            zip(mutants, pool.map(is_caught, mutants, limits), strict=True), 1
        ):
            _tell(one, caught, f"{done} of {len(mutants)}")
            yield one, caught


def _tell(mutant: Mutant, caught: bool, place: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{place}", end="", file=sys.stderr)
    if not caught:
        change = mutant.change
        print(f"{mutant.judged.path.name}:{mutant.line} {change.was}  ->  {change.becomes}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
