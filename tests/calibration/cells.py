"""Measured beside specified: is a cell of the calibration within what chance allows?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

from tests.calibration.simulate import Outcome, Setting
from tests.calibration.specified import LENGTHS, ROWS, Row, Safe

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
        """Points that the two may differ by: four standard errors of their difference, at least 0.3."""
        spread = [
            percent * (100.0 - percent) / count
            for percent, count in (
                (self.specified, self.row.replications),
                (self.measured, self.replications),
            )
        ]
        return max(STANDARD_ERRORS * sqrt(sum(spread)), LEAST_ALLOWED)

    @property
    def shortfall(self) -> float:
        """Points on the harmful side; negative on the safe side."""
        difference = self.specified - self.measured
        return difference if self.row.safe is Safe.HIGHER else -difference

    @property
    def holds(self) -> bool:
        return self.shortfall <= self.allowed


def cells(outcomes: Outcomes, market: str) -> Iterator[Cell]:
    """Every cell of one market whose length was simulated, row by row."""
    for row in ROWS:
        for n, specified in zip(LENGTHS, row.specified(market), strict=True):
            setting = Setting(market, n)
            if setting in outcomes:
                yield Cell(
                    row, setting, specified, measured(row, outcomes[setting]), _count(outcomes[setting])
                )


def measured(row: Row, outcomes: Mapping[str, Outcome]) -> float:
    """Percent for the forecaster of the row that fares worst."""
    shares = [100.0 * outcomes[name].share(row.verdicts) for name in row.forecasters]
    return min(shares) if row.safe is Safe.HIGHER else max(shares)


def _count(outcomes: Mapping[str, Outcome]) -> int:
    return len(next(iter(outcomes.values())).verdicts)
