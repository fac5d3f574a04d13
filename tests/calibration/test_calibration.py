"""The calibration in small: 200 replications, always the same ones, of some of its settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import numpy as np
import pytest

from pipeline.lag import examine
from pipeline.types import Verdict
from tests.calibration.cells import Cell, Outcomes, cells
from tests.calibration.forecasters import WITHOUT_SKILL
from tests.calibration.markets import SPECIFIED
from tests.calibration.simulate import BATCH, Event, Setting, simulate
from tests.calibration.specified import COPIES, DRIFT_ROWS, FARTHER, ROWS, TABLES, Row, Safe

REPLICATIONS = 200
LENGTHS = (250, 500)
FIVE_AHEAD = Setting("RW", 500, 5)
IN_DRIFT = Setting("drift 10%", 500)

pytestmark = pytest.mark.slow


@contextmanager
def verdicts_alone() -> Iterator[None]:
    """Leave out the p-values that are only shown beside a verdict: they take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("diebold_mariano_p", "direction_p"):
            patch.setattr(examine, name, lambda *_: float("nan"))
        yield


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    settings = [Setting(market, n) for market, n in product(SPECIFIED, LENGTHS)]
    settings += [FIVE_AHEAD, IN_DRIFT]
    with verdicts_alone():
        return {setting: simulate(setting, range(REPLICATIONS // BATCH)) for setting in settings}


@pytest.mark.parametrize("rows", TABLES, ids=["specified", "five ahead", "drift", "every day"])
def test_every_cell_is_within_what_chance_allows(outcomes: Outcomes, rows: tuple[Row, ...]) -> None:
    found = list(cells(outcomes, rows))
    assert len(found) >= len(rows)
    assert [cell for cell in found if not cell.holds] == []


def test_five_ahead_and_a_drift_are_among_them(outcomes: Outcomes) -> None:
    assert {cell.setting for cell in cells(outcomes, FARTHER)} == {FIVE_AHEAD}
    assert {cell.setting for cell in cells(outcomes, DRIFT_ROWS)} == {IN_DRIFT}
    assert len(list(cells(outcomes, ROWS, "RW"))) == len(ROWS) * len(LENGTHS)


@pytest.mark.parametrize("market", SPECIFIED)
@pytest.mark.parametrize("name", ["echo", "echo with drift", *COPIES])
def test_exact_copies_are_echoes_with_or_without_drift(outcomes: Outcomes, market: str, name: str) -> None:
    for n in LENGTHS:
        assert outcomes[Setting(market, n)][name].share([Verdict.ECHO]) >= 0.99


@pytest.mark.parametrize("market", SPECIFIED)
@pytest.mark.parametrize("name", WITHOUT_SKILL)
def test_no_skill_passes_for_skill_more_often_than_one_time_in_twenty(
    outcomes: Outcomes, market: str, name: str
) -> None:
    three_errors = 3 * (0.05 * 0.95 / REPLICATIONS) ** 0.5
    for n in LENGTHS:
        outcome = outcomes[Setting(market, n)][name]
        assert outcome.share([Verdict.SKILLED]) <= 0.05 + three_errors
        assert outcome.is_informed.mean() <= 0.05 + three_errors
        assert outcome.was_promotable.mean() <= 0.05 + three_errors


@pytest.mark.parametrize("market", SPECIFIED)
def test_real_skill_is_found_and_not_called_an_echo(outcomes: Outcomes, market: str) -> None:
    skilled = outcomes[Setting(market, 500)]["oracle R2 = 5%"]
    assert skilled.share([Verdict.SKILLED]) >= 0.93
    assert skilled.share([Verdict.ECHO]) <= 0.005


def test_the_same_batches_give_the_same_outcomes_with_and_without_what_no_verdict_rests_on() -> None:
    setting = Setting("GARCH-t", 60)
    first = simulate(setting, [3])
    with verdicts_alone():
        second = simulate(setting, [3])
    for name, outcome in first.items():
        assert second[name].verdicts == outcome.verdicts
        np.testing.assert_array_equal(second[name].is_informed, outcome.is_informed)
        np.testing.assert_array_equal(second[name].was_promotable, outcome.was_promotable)


@pytest.mark.parametrize(
    ("safe", "measured", "holds"),
    [
        (Safe.HIGHER, 99.0, True),
        (Safe.HIGHER, 41.0, False),
        (Safe.HIGHER, 46.0, True),
        (Safe.LOWER, 1.0, True),
        (Safe.LOWER, 59.0, False),
        (Safe.LOWER, 54.0, True),
    ],
)
def test_a_cell_may_be_off_on_the_harmless_side_only(safe: Safe, measured: float, holds: bool) -> None:
    setting = Setting("RW", 60)
    row = Row("any", ("echo",), (Verdict.ECHO,), safe, {setting: 50})
    assert Cell(row, setting, 50.0, measured, 2000).holds is holds


@pytest.mark.parametrize(("measured", "holds"), [(6.9, True), (7.1, False), (0.0, True)])
def test_a_bound_has_no_error_of_its_own(measured: float, holds: bool) -> None:
    setting = Setting("drift 10%", 500)
    row = Row("any", ("ramp",), Event.INFORMED, Safe.LOWER, {setting: 5}, None)
    assert Cell(row, setting, 5.0, measured, 2000).holds is holds
