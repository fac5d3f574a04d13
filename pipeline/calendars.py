"""Trading calendars: which sessions are expected, when their bars are settled, which sessions come next.

Exchange hours, holidays and half-days come from exchange_calendars; `24/7` has a session for every UTC day.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import exchange_calendars
import numpy as np
import pandas as pd
from exchange_calendars.errors import CalendarError

from pipeline.errors import ConfigError
from pipeline.settings import AssetSettings, Settings
from pipeline.types import DateArray

SEASONS = (datetime(2025, 1, 15, 12, tzinfo=UTC), datetime(2025, 7, 15, 12, tzinfo=UTC))
"""A moment in winter and one in summer, which together identify the clock of a time zone."""
CALENDAR_BLOCK_YEARS = 5
"""Calendars are built over whole blocks of this many years, so that few are built."""


@dataclass(frozen=True)
class TradingCalendar:
    """The sessions of one exchange, and when their bars are settled.

    A bar counts as settled, that is final, `settle_minutes` after the close of its session.
    """

    name: str
    settle_minutes: int

    def sessions(self, first: np.datetime64, last: np.datetime64) -> DateArray:
        """List the (n,) session dates from `first` to `last`, both included."""
        if last < first:
            return np.array([], dtype="datetime64[D]")
        calendar = _exchange(self.name, first, last)
        dates = _dates(calendar.sessions)
        return dates[(dates >= first) & (dates <= last)]

    def settled_at(self, session_dates: DateArray) -> DateArray:
        """Compute the (n,) UTC times (`datetime64[s]`) at which the bars of `session_dates` are settled.

        Every date must be a session; KeyError otherwise.
        """
        if len(session_dates) == 0:
            return np.array([], dtype="datetime64[s]")
        calendar = _exchange(self.name, session_dates.min(), session_dates.max())
        closes = calendar.closes.loc[pd.DatetimeIndex(session_dates)]
        moments: DateArray = closes.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
        settled: DateArray = moments + np.timedelta64(self.settle_minutes, "m")
        return settled

    def last_settled(self, as_of: datetime) -> np.datetime64:
        """Find the newest session whose bar is settled at `as_of` (a timezone-aware time)."""
        return _last_settled(self, utc_moment(as_of))

    def next_sessions(self, after: np.datetime64, count: int) -> DateArray:
        """List the (count,) session dates that follow `after`."""
        ahead = after + np.timedelta64(30 + 2 * count, "D")
        return self.sessions(after + np.timedelta64(1, "D"), ahead)[:count]

    def keeps_time_of(self, zone: str) -> bool:
        """Check that the exchange's clock agrees with the IANA time zone `zone` in winter and in summer."""
        try:
            other = ZoneInfo(zone)
        except (
            ZoneInfoNotFoundError,
            ValueError,
            OSError,
        ):  # OSError: `zone` names a directory of time zones
            return False
        own = _exchange(self.name, *(np.datetime64(moment.date(), "D") for moment in SEASONS)).tz
        return all(
            moment.astimezone(own).utcoffset() == moment.astimezone(other).utcoffset() for moment in SEASONS
        )

    def covered_from(self, first: np.datetime64) -> np.datetime64:
        """Move `first` to the first date that the exchange's calendar covers, if that is later."""
        built = _exchange(self.name, *(np.datetime64(moment.date(), "D") for moment in SEASONS))
        bound = built.bound_min()
        return first if bound is None else max(first, np.datetime64(bound.date(), "D"))

    def target_dates(self, origins: DateArray, horizons: int) -> DateArray:
        """List the (o, H) session dates that lie 1..H sessions after each of the (o,) origins."""
        if len(origins) == 0:
            return np.empty((0, horizons), dtype="datetime64[D]")
        tail = self.next_sessions(origins.max(), horizons)
        following = self.sessions(origins.min(), tail[-1])
        first = np.searchsorted(following, origins, side="right")
        targets: DateArray = following[first[:, None] + np.arange(horizons)[None, :]]
        return targets


@lru_cache(maxsize=1024)
def _last_settled(calendar: TradingCalendar, moment: np.datetime64) -> np.datetime64:
    """Compute `TradingCalendar.last_settled`; cached, because a run asks for each asset and model."""
    today = moment.astype("datetime64[D]")
    recent = calendar.sessions(today - np.timedelta64(30, "D"), today)
    settled = recent[calendar.settled_at(recent) <= moment]
    return np.datetime64(settled[-1], "D")


@lru_cache(maxsize=64)
def trading_calendar(name: str, settle_minutes: int) -> TradingCalendar:
    """Open the calendar `name` of exchange_calendars; ConfigError if there is none."""
    if name not in exchange_calendars.get_calendar_names(include_aliases=True):
        raise ConfigError(
            f"unknown calendar '{name}'",
            "Use an exchange_calendars name such as XNYS, XLON, XKRX, or 24/7 for crypto.",
        )
    return TradingCalendar(name, settle_minutes)


def calendar_of(asset: AssetSettings, settings: Settings) -> TradingCalendar:
    """Open the calendar of an asset with the configured settle time; ConfigError if there is none."""
    return trading_calendar(asset.calendar, settings.settle_minutes(asset.calendar))


def utc_moment(moment: datetime) -> np.datetime64:
    """Convert a timezone-aware datetime to a `datetime64[s]` in UTC."""
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "s")


def _year(day: np.datetime64) -> int:
    """Extract the year of a date."""
    return int(day.astype("datetime64[Y]").astype(int)) + 1970


def _dates(index: pd.DatetimeIndex) -> DateArray:
    """Convert an index to dates."""
    dates: DateArray = index.to_numpy().astype("datetime64[D]")
    return dates


@lru_cache(maxsize=256)
def _built(name: str, first: str, last: str) -> exchange_calendars.ExchangeCalendar:
    """Build a calendar that covers `first` to `last`; ConfigError if it cannot."""
    try:
        return exchange_calendars.get_calendar(name, start=first, end=last)
    except (CalendarError, ValueError) as error:
        raise ConfigError(
            f"calendar {name} does not cover {first} to {last}: {error}",
            "Start the history later (download.history_start), or choose another calendar.",
        ) from error


def _exchange(name: str, first: np.datetime64, last: np.datetime64) -> exchange_calendars.ExchangeCalendar:
    """Build, or reuse, a calendar that covers `first` to `last`, in whole blocks of years.

    Building one can take seconds, so few are built. If the blocks reach beyond what is known of the exchange,
    the calendar covers exactly `first` to `last`.
    """
    first_year = _year(first) // CALENDAR_BLOCK_YEARS * CALENDAR_BLOCK_YEARS
    last_year = (_year(last) // CALENDAR_BLOCK_YEARS + 1) * CALENDAR_BLOCK_YEARS
    try:
        return _built(name, f"{first_year}-01-01", f"{last_year}-12-31")
    except ConfigError:
        return _built(name, str(first), str(last))
