"""Makers of series: seeded random walks on the real sessions of real exchanges."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import exchange_calendars
import numpy as np

from tests.yahoo.series import NEW_YORK, ROUND_THE_CLOCK, Bar, Series


def walk(
    days: Iterable[date],
    seed: int,
    *,
    first_close: float = 100.0,
    volatility: float = 0.015,
    shares: float = 1e6,
    decimals: int = 2,
) -> tuple[Bar, ...]:
    """A geometric random walk with a bar for each of the days; volumes are around `shares`.

    A bar keeps what bars promise: low <= open, close <= high, all positive. Prices have so many decimals.
    The same arguments give the same bars, and more days do not change the earlier ones.
    """
    rng = np.random.default_rng(seed)
    bars, close = [], first_close
    for day in days:
        night, change, up, down, size = rng.normal(size=5)
        open_ = close * np.exp(0.3 * volatility * night)
        close = close * np.exp(volatility * change)
        high = max(open_, close) * np.exp(0.5 * volatility * abs(up))
        low = min(open_, close) * np.exp(-0.5 * volatility * abs(down))
        first, top, bottom, last = (round(float(price), decimals) for price in (open_, high, low, close))
        bars.append(Bar(day, first, top, bottom, last, int(shares * np.exp(0.3 * size))))
    return tuple(bars)


def stock(first: date, last: date, seed: int, **changes: Any) -> Series:
    """A New York stock, with the holidays and half-days of that exchange."""
    calendar = exchange_calendars.get_calendar("XNYS", start=first, end=last)
    days = [session.date() for session in calendar.sessions]
    shorter = {session.date(): timedelta(hours=3, minutes=30) for session in calendar.early_closes}
    return replace(Series(walk(days, seed), replace(NEW_YORK, shorter=shorter)), **changes)


def coin(first: date, last: date, seed: int, **changes: Any) -> Series:
    """A coin that trades every day of the week, from midnight to midnight UTC."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    bars = walk(days, seed, first_close=20_000.0, volatility=0.025, decimals=6)
    return replace(Series(bars, ROUND_THE_CLOCK), **changes)
