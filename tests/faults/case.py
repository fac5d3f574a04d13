"""What a fault is to the daily job: how it begins, and what has to come of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum

from pipeline.settings import Settings
from tests.faults.world import FIRST, LAST, SETTINGS, STRUCK, usual_market
from tests.yahoo.made import stock
from tests.yahoo.market import Market


class When(Enum):
    """The run that a fault strikes: the first one on an empty store, or the one after a good first one."""

    FIRST_RUN = "first run"
    NEXT_DAY = "next-day run"


RUNS: Mapping[When, date] = {When.FIRST_RUN: date(2025, 6, 11), When.NEXT_DAY: date(2025, 6, 12)}
"""A Wednesday and a Thursday: the days of the first run and of the next."""
SESSIONS = tuple(bar.day for bar in stock(FIRST, LAST, seed=0).bars)


@dataclass(frozen=True)
class Expected:
    """What has to be so after the struck run."""

    out: frozenset[date] = frozenset()
    """Sessions of the struck asset that may not be in the store now."""
    as_told: frozenset[date] = frozenset()
    """Sessions whose bars nobody can tell to be wrong today: they are stored as they were told."""
    units_of: datetime | None = None
    """The moment whose price units the store is in; None: those of today."""
    is_taken: bool = True
    """False: nothing of the struck asset was taken in, and the store is as the day before left it."""
    others_asked: bool = True
    """False: the assets after the struck one are not asked any more, and are as they were too."""
    has_live: bool = True
    """Is there a live forecast from the newest settled session of the struck asset?"""
    says: str = ""
    """A pattern that the user must find in what the run says of the struck asset."""
    reason: str = ""
    """A pattern of the reason that rows are quarantined for; empty: none is."""
    tolerance: float = 0.0
    """Relative; of prices and volumes."""
    then_says: str = ""
    """A pattern that the user must find a day later, when the fault is over."""


@dataclass
class Scene:
    """A market before the struck run."""

    when: When
    market: Market = field(default_factory=usual_market)

    @property
    def day(self) -> date:
        """Of the struck run; its New York session has settled by then."""
        return RUNS[self.when]

    @property
    def is_first(self) -> bool:
        return self.when is When.FIRST_RUN

    def back(self, sessions: int) -> date:
        """The session of the struck asset so many before the day."""
        return SESSIONS[SESSIONS.index(self.day) - sessions]

    def eve_of(self, day: date) -> date:
        """The session before `day`, which is one."""
        return SESSIONS[SESSIONS.index(day) - 1]

    def since(self, first: date) -> frozenset[date]:
        """The sessions from `first` to the day's."""
        return frozenset(day for day in SESSIONS if first <= day <= self.day)

    def change_series(self, **changes: object) -> None:
        self.market.series[STRUCK] = replace(self.market.series[STRUCK], **changes)  # type: ignore[arg-type]


def nothing(scene: Scene) -> None:
    """No preparation."""


@dataclass(frozen=True)
class Case:
    """A fault by its name in the table.

    `prepare` makes the asset's history before anything runs. `begin` lets the fault strike, just before the
    struck run at `hour` (UTC), and says what has to come of it. All faults end before the day after.
    """

    name: str
    begin: Callable[[Scene], Expected]
    prepare: Callable[[Scene], None] = nothing
    hour: int = 22
    runs: tuple[When, ...] = tuple(When)
    settings: Settings = SETTINGS
