"""What can be wrong with the data itself: changes of a feed, each one limited to days and to a time.

A distortion is a frozen value that is called with a feed and the moment, and gives the feed that is told
instead. Several are applied one after the other. `days` may be any container of dates: a set, EVERY_DAY,
Before(day) or Since(day).
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import ClassVar, final

import numpy as np

from tests.yahoo.feed import PRICES, Feed, Row, as_told, unfinished


@dataclass(frozen=True)
class EveryDay:
    """Contains every date."""

    def __contains__(self, day: object) -> bool:
        return True


@dataclass(frozen=True)
class Before:
    """Contains the dates before `end`."""

    end: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and day < self.end


@dataclass(frozen=True)
class Since:
    """Contains the dates from `first` on."""

    first: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and day >= self.first


EVERY_DAY = EveryDay()


@dataclass(frozen=True)
class Distortion:
    """A change of what is told between the moments `since` and `until` (aware; None: without an end).

    Where `is_right`, what is told is what a source without faults would tell: the truth changes with it.
    """

    is_right: ClassVar[bool] = False
    since: datetime | None = field(default=None, kw_only=True)
    until: datetime | None = field(default=None, kw_only=True)

    @final
    def __call__(self, feed: Feed, now: datetime) -> Feed:
        is_early = self.since is not None and now < self.since
        is_over = self.until is not None and now >= self.until
        return feed if is_early or is_over else self.changed(feed, now)

    def changed(self, feed: Feed, now: datetime) -> Feed:
        """The feed as it is told at `now`."""
        return replace(feed, rows=tuple(chain.from_iterable(self.rows(row, feed, now) for row in feed.rows)))

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        """What is told in the place of `row`."""
        yield row


@dataclass(frozen=True)
class NullRows(Distortion):
    """Rows of nulls."""

    days: Container[date]

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        yield Row(row.day, None, None, None, None, None, None) if row.day in self.days else row


@dataclass(frozen=True)
class Withheld(Distortion):
    """Rows that are not there."""

    days: Container[date]

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        if row.day not in self.days:
            yield row


@dataclass(frozen=True)
class Duplicated(Distortion):
    """Rows that are told twice, the second time an hour later with prices times `factor`.

    Where the second is the last row of all, yfinance believes it; otherwise it believes the first.
    """

    days: Container[date]
    factor: float = 1.0

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        yield row
        if row.day in self.days:
            yield replace(row.scaled(self.factor), minutes_late=60)


@dataclass(frozen=True)
class Shifted(Distortion):
    """Rows under the date of another day; beside the row of that day, they come an hour later."""

    days: Container[date]
    by: timedelta = timedelta(days=1)

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        is_struck = row.day in self.days
        yield replace(row, day=row.day + self.by, minutes_late=60) if is_struck else row

    def changed(self, feed: Feed, now: datetime) -> Feed:
        shifted = super().changed(feed, now)
        return replace(shifted, rows=tuple(sorted(shifted.rows, key=shifted.stamp)))


@dataclass(frozen=True)
class Priced(Distortion):
    """Rows with another price in some of the fields."""

    days: Container[date]
    price: float
    fields: tuple[str, ...] = PRICES

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        is_struck = row.day in self.days
        yield replace(row, **dict.fromkeys(self.fields, self.price)) if is_struck else row  # type: ignore[arg-type]


@dataclass(frozen=True)
class Scaled(Distortion):
    """Rows with all prices in other units: 100 for a mix-up of pence and pounds."""

    days: Container[date]
    factor: float = 100.0

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        yield row.scaled(self.factor) if row.day in self.days else row


@dataclass(frozen=True)
class HighBelowLow(Distortion):
    """Rows whose high and low have changed places."""

    days: Container[date]

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        yield replace(row, high=row.low, low=row.high) if row.day in self.days else row


@dataclass(frozen=True)
class Unfinished(Distortion):
    """Rows of finished sessions as they stood when `share` of the session was over."""

    days: Container[date]
    share: float = 0.8

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        bar = row.bar()
        if row.day not in self.days or bar is None:
            yield row
            return
        part = unfinished(bar, self.share)
        high, low, close = (as_told(price) for price in (part.high, part.low, part.close))
        yield replace(row, high=high, low=low, close=close, adj_close=close, volume=part.volume)


@dataclass(frozen=True)
class NotRestated(Distortion):
    """A split whose restatement leaves out `days`: their prices and volumes stay in the old units.

    Before(ex_date) leaves out all of them, Before(an earlier day) restates the history in part. Without
    `tells_event` the split itself is not told either.
    """

    ex_date: date
    days: Container[date]
    tells_event: bool = True

    def changed(self, feed: Feed, now: datetime) -> Feed:
        if self.ex_date not in feed.splits:
            return feed
        rest = {day: split for day, split in feed.splits.items() if day != self.ex_date}
        return replace(super().changed(feed, now), splits=feed.splits if self.tells_event else rest)

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        if row.day not in self.days or row.day >= self.ex_date:
            yield row
            return
        new, old = feed.splits[self.ex_date]
        volume = None if row.volume is None else round(row.volume * old / new)
        yield replace(row.scaled(new / old), volume=volume)


@dataclass(frozen=True)
class EventsHidden(Distortion):
    """Splits and dividends that are not told; the prices are as if they were."""

    days: Container[date]

    def changed(self, feed: Feed, now: datetime) -> Feed:
        dividends = {day: paid for day, paid in feed.dividends.items() if day not in self.days}
        splits = {day: split for day, split in feed.splits.items() if day not in self.days}
        return replace(feed, dividends=dividends, splits=splits)


@dataclass(frozen=True)
class ImaginarySplit(Distortion):
    """A split that never was, told as an event while all prices stay as they are."""

    ex_date: date
    split: tuple[int, int]

    def changed(self, feed: Feed, now: datetime) -> Feed:
        has_come = feed.hours.opening(self.ex_date) <= now
        return replace(feed, splits={**feed.splits, self.ex_date: self.split}) if has_come else feed


@dataclass(frozen=True)
class DividendAdjusted(Distortion):
    """Prices adjusted for dividends too: each one multiplies all earlier rows by a constant."""

    is_right: ClassVar[bool] = True

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        if row.close is None or row.adj_close is None:
            yield row
        else:
            yield replace(row.scaled(row.adj_close / row.close), adj_close=row.adj_close)


@dataclass(frozen=True)
class VolumeShort(Distortion):
    """Until a day after the close, a share of a session's volume is not counted yet."""

    is_right: ClassVar[bool] = True
    share: float = 0.02

    def rows(self, row: Row, feed: Feed, now: datetime) -> Iterator[Row]:
        is_new = feed.hours.closing(row.day) + timedelta(days=1) > now
        if row.volume is not None and is_new:
            yield replace(row, volume=round(row.volume * (1.0 - self.share)))
        else:
            yield row


@dataclass(frozen=True)
class WrongCurrency(Distortion):
    """Another currency than the asset's is told; the prices are as they are."""

    currency: str

    def changed(self, feed: Feed, now: datetime) -> Feed:
        return replace(feed, currency=self.currency)


@dataclass(frozen=True)
class WrongZone(Distortion):
    """Another time zone than the exchange's is told; the stamps are as they are."""

    zone: str

    def changed(self, feed: Feed, now: datetime) -> Feed:
        return replace(feed, zone=self.zone)


@dataclass(frozen=True)
class Noise(Distortion):
    """Prices that move by up to `size`, relatively, from moment to moment; the newest row stands still."""

    seed: int
    size: float = 1e-7

    def changed(self, feed: Feed, now: datetime) -> Feed:
        rng = np.random.default_rng([self.seed, int(now.timestamp())])
        factors = 1.0 + self.size * rng.uniform(-1.0, 1.0, size=len(feed.rows))
        noisy = [_moved(row, factor) for row, factor in zip(feed.rows[:-1], factors, strict=False)]
        return replace(feed, rows=(*noisy, *feed.rows[-1:]))


def _moved(row: Row, factor: float) -> Row:
    moved = {name: None if (price := getattr(row, name)) is None else price * factor for name in PRICES}
    return replace(row, **moved)  # type: ignore[arg-type]
