"""What really happened to an asset: its sessions, its settled bars, its splits and dividends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from math import prod
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Bar:
    """One session as it ended."""

    day: date
    open: float
    high: float
    low: float
    close: float
    volume: int


@dataclass(frozen=True)
class Hours:
    """When sessions open, in local time, and how long they last; some days are `shorter`."""

    zone: str
    opens_at: clock_time
    length: timedelta
    shorter: Mapping[date, timedelta] = field(default_factory=dict)

    def opening(self, day: date) -> datetime:
        return datetime.combine(day, self.opens_at, ZoneInfo(self.zone))

    def closing(self, day: date) -> datetime:
        return self.opening(day) + self.shorter.get(day, self.length)


NEW_YORK = Hours("America/New_York", clock_time(9, 30), timedelta(hours=6, minutes=30))
ROUND_THE_CLOCK = Hours("UTC", clock_time(0, 0), timedelta(hours=24))


@dataclass(frozen=True)
class Series:
    """The whole history of one symbol, the days that are yet to come included.

    Bars, oldest first, and dividends are in the units after the last of `splits` (new shares, old shares).
    `in_units_of` tells how they are told before that.
    """

    bars: tuple[Bar, ...]
    hours: Hours = NEW_YORK
    currency: str | None = "USD"
    dividends: Mapping[date, float] = field(default_factory=dict)
    splits: Mapping[date, tuple[int, int]] = field(default_factory=dict)

    def in_units_of(self, now: datetime) -> float:
        """By how much prices are multiplied when told at `now`: by every split that is yet to come.

        A split has come when the session of its ex-date opens.
        """
        to_come = [split for day, split in self.splits.items() if self.hours.opening(day) > now]
        return prod(new / old for new, old in to_come)
