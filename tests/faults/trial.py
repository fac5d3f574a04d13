"""One fault put to one run of the daily job, and what came of it."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from pipeline.types import RunStatus
from tests.faults.actions import action_cases
from tests.faults.case import RUNS, Case, Expected, Scene, When, nothing
from tests.faults.rows import row_cases
from tests.faults.transport import transport_cases
from tests.faults.world import (
    COIN,
    OTHER,
    STRUCK,
    Bars,
    Day,
    World,
    difference,
    evening,
    usual_market,
    world_in,
)
from tests.yahoo.authority import Authority

CASES = (*transport_cases(), *row_cases(), *action_cases())
TRIALS = tuple((case, when) for case in CASES for when in case.runs)
EVENT_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Outcome:
    """What the user saw, what the store held then and a day later, and whatever of it is wrong."""

    struck: Day
    held: str
    problems: tuple[str, ...]


def put_to_trial(case: Case, when: When, folder: Path, authority: Authority) -> Outcome:
    """Let the fault strike the run, end it, and run once more a day later; `folder` is empty."""
    scene = Scene(when)
    case.prepare(scene)
    before = None if scene.is_first else evening(RUNS[When.FIRST_RUN])
    has_usual_past = before is not None and case.prepare is nothing
    if has_usual_past:
        shutil.copytree(_good_first_run(authority), folder, dirs_exist_ok=True)
    with world_in(folder, authority, scene.market, case.settings) as world:
        if before and not has_usual_past:
            _run_well(world, before)
        expected = case.begin(scene)
        struck = world.run(evening(scene.day).replace(hour=case.hour))
        problems = [*_wrong_now(world, struck, expected, before)]
        held = _held(world)
        scene.market.heal()
        healed = world.run(evening(scene.day + timedelta(days=1)))
        problems += [f"a day later: {problem}" for problem in _wrong_then(world, healed, expected)]
        return Outcome(struck, f"{held}; then {_held(world)}", tuple(problems))


@cache
def _good_first_run(authority: Authority) -> Path:
    """The folder of a world after its first run, for all cases whose history is the usual one."""
    folder = authority.certificate.parent / "first_run"
    folder.mkdir()
    with world_in(folder, authority, usual_market()) as world:
        _run_well(world, evening(RUNS[When.FIRST_RUN]))
    return folder


def _run_well(world: World, now: datetime) -> None:
    world.run(now)
    for symbol in (COIN, STRUCK, OTHER):
        assert not difference(world.stored(symbol), world.truth(symbol)), "the run before is wrong already"


def _wrong_now(world: World, day: Day, expected: Expected, before: datetime | None) -> Iterator[str]:
    if (day.summary.status is RunStatus.DONE) is not (expected.is_taken and expected.has_live):
        yield f"the run is {day.summary.status}"
    yield from _misses(expected.says, day.about(STRUCK))
    struck = _due(world, expected, before)
    yield from (f"{STRUCK} {one}" for one in difference(world.stored(STRUCK), struck, expected.tolerance))
    yield from _wrong_live(world, STRUCK, has_live=expected.has_live)
    yield from _wrong_record(world, expected, before)
    for symbol, is_asked in ((COIN, True), (OTHER, expected.others_asked)):
        due = world.truth(symbol) if is_asked else _as_left(world, symbol, before)
        yield from (f"{symbol} {one}" for one in difference(world.stored(symbol), due))
        yield from _wrong_live(world, symbol, has_live=is_asked)


def _wrong_then(world: World, day: Day, expected: Expected) -> Iterator[str]:
    if day.summary.status is not RunStatus.DONE:
        yield f"the run is {day.summary.status}: {day.text}"
    yield from _misses(expected.then_says, day.about(STRUCK))
    for symbol in (COIN, STRUCK, OTHER):
        tolerance = expected.tolerance if symbol == STRUCK else 0.0
        problems = difference(world.stored(symbol), world.truth(symbol), tolerance)
        yield from (f"{symbol} {one}" for one in problems)
        yield from _wrong_live(world, symbol, has_live=True)
    if world.count("gaps", "filled_at_utc IS NULL"):
        yield "a gap is still open"
    if waiting := world.count("rejected_bars", "resolved_at_utc IS NULL AND decision IS NULL"):
        yield f"{waiting} rows are still in quarantine"
    events = world.events(STRUCK, doubted=False)
    if events != pytest.approx(world.market.events(STRUCK), rel=EVENT_TOLERANCE):
        yield f"the events are {events}"


def _due(world: World, expected: Expected, before: datetime | None) -> Bars:
    """What the store has to hold of the struck asset after the struck run."""
    if not expected.is_taken:
        return _as_left(world, STRUCK, before)
    told = {row.day: row.bar() for row in world.market.told(STRUCK).rows}
    wrong = {day: bar for day in expected.as_told if (bar := told[day]) is not None}
    bars = {**world.truth(STRUCK), **world.truth(STRUCK, expected.units_of), **wrong}
    return {day: bar for day, bar in bars.items() if day not in expected.out}


def _as_left(world: World, symbol: str, before: datetime | None) -> Bars:
    return world.truth(symbol, before) if before else {}


def _wrong_live(world: World, symbol: str, *, has_live: bool) -> Iterator[str]:
    newest = max(world.truth(symbol))
    if (newest in world.live_origins(symbol)) is not has_live:
        yield f"{symbol} has {'no' if has_live else 'a'} live forecast from {newest}"


def _wrong_record(world: World, expected: Expected, before: datetime | None) -> Iterator[str]:
    reasons = world.reasons(STRUCK)
    if expected.reason and not any(re.search(expected.reason, reason) for reason in reasons):
        yield f"no row is quarantined as '{expected.reason}', some as {reasons}"
    if reasons and not expected.reason:
        yield f"rows are quarantined as {reasons}"
    open_gaps = world.open_gaps(STRUCK)
    if expected.is_taken and open_gaps != expected.out:
        yield f"the gaps are {sorted(map(str, open_gaps))}"
    known = world.market.events(STRUCK, before) if before else {}
    if forgotten := known.keys() - world.events(STRUCK, doubted=True).keys():
        yield f"the events {forgotten} are forgotten"


def _misses(pattern: str, text: str) -> Iterator[str]:
    if not re.search(pattern, text):
        yield f"the user is told nothing like '{pattern}': {text}"


def _held(world: World) -> str:
    """The struck asset's sessions in the store beside the settled ones, and its rows in quarantine."""
    stored, truth = world.stored(STRUCK), world.truth(STRUCK)
    out = sorted(truth.keys() - stored.keys())
    counts = f"{len(stored)} of {len(truth)} sessions"
    if stored and out:
        counts += f", without {out[0]}" + (f" to {out[-1]}" if len(out) > 1 else "")
    waiting = world.quarantine(STRUCK)
    return counts + (f", in quarantine: {', '.join(waiting)}" if waiting else "")
