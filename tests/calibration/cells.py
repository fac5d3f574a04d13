"""Measured beside specified: is a cell of the calibration within what chance allows?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

from tests.calibration.simulate import Outcome, Setting
from tests.calibration.specified import Row, Safe

STANDARD_ERRORS = 4.0
LEAST_ALLOWED = 0.3

Outcomes = Mapping[Setting, Mapping[str, Outcome]]


@dataclass(frozen=True)
class Cell:
    """One percentage as specified and as measured, from so many replications each."""

    row: Row
    setting: Setting
    specified: float
    measured: float
    replications: int

    @property
    def allowed(self) -> float:
        """Points that the two may differ by: four standard errors of their difference, at least 0.3.

        A bound has no error, and what is measured the one that it would have at the bound.
        """
        percent = self.measured if self.row.replications else self.specified
        variance = percent * (100.0 - percent) / self.replications
        if self.row.replications:
            variance += self.specified * (100.0 - self.specified) / self.row.replications
        return max(STANDARD_ERRORS * sqrt(variance), LEAST_ALLOWED)

    @property
    def shortfall(self) -> float:
        """Points on the harmful side; negative on the safe side."""
        difference = self.specified - self.measured
        return difference if self.row.safe is Safe.HIGHER else -difference

    @property
    def holds(self) -> bool:
        return self.shortfall <= self.allowed


def cells(outcomes: Outcomes, rows: Iterable[Row], market: str | None = None) -> Iterator[Cell]:
    """Every cell whose setting was simulated, row by row; those of one market, if it is given."""
    for row in rows:
        for setting, specified in row.percents.items():
            if setting in outcomes and market in {None, setting.market}:
                found = outcomes[setting]
                yield Cell(row, setting, specified, measured(row, found), _count(found))


def measured(row: Row, outcomes: Mapping[str, Outcome]) -> float:
    """Percent for the forecaster of the row that fares worst."""
    shares = [100.0 * outcomes[name].share(row.counted) for name in row.forecasters]
    return min(shares) if row.safe is Safe.HIGHER else max(shares)


def _count(outcomes: Mapping[str, Outcome]) -> int:
    return len(next(iter(outcomes.values())).verdicts)
