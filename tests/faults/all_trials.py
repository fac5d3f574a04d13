"""All trials, side by side in as many processes as there are cores."""

import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

from tests.faults.trial import TRIALS, Outcome, put_to_trial
from tests.yahoo.authority import Authority, make_authority

SPAWN = multiprocessing.get_context("spawn")


def outcomes() -> Iterator[Outcome]:
    """What came of TRIALS, in their order."""
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(mp_context=SPAWN) as processes:
        yield from processes.map(_outcome, range(len(TRIALS)), [Path(name)] * len(TRIALS))


def _outcome(number: int, folder: Path) -> Outcome:
    own = folder / f"trial_{number}"
    own.mkdir()
    return put_to_trial(*TRIALS[number], own, _authority(folder))


@cache
def _authority(folder: Path) -> Authority:
    """One for each process."""
    own = folder / f"process_{os.getpid()}"
    own.mkdir()
    return make_authority(own)
