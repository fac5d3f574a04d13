"""What the chart address tells of one symbol at one moment, as rows and events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from tests.yahoo.series import Bar, Hours, Series


@dataclass(frozen=True)
class Row:
    """One row as it is told; None where it has null."""

    day: date
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    adj_close: float | None
    volume: int | None
    minutes_late: int = 0
    """How long after the opening of its session it is stamped."""

    def scaled(self, factor: float) -> "Row":
        """With all prices in other units, and the volume as it is."""
        prices = {
            name: None if (price := getattr(self, name)) is None else as_told(price * factor)
            for name in PRICES
        }
        return replace(self, **prices)  # type: ignore[arg-type]

    def bar(self) -> Bar | None:
        """The row as a bar; None where it has null."""
        values = (self.open, self.high, self.low, self.close, self.volume)
        return None if None in values else Bar(self.day, *values)  # type: ignore[arg-type]


PRICES = ("open", "high", "low", "close", "adj_close")


@dataclass(frozen=True)
class Feed:
    """Rows, oldest first, and events; `hours` are the exchange's own, `zone` is what is told of them."""

    rows: tuple[Row, ...]
    dividends: Mapping[date, float]
    splits: Mapping[date, tuple[int, int]]
    currency: str | None
    zone: str
    hours: Hours

    def stamp(self, row: Row) -> int:
        return int(self.hours.opening(row.day).timestamp()) + 60 * row.minutes_late


def feed_of(series: Series, now: datetime) -> Feed:
    """What a source without faults tells at `now`, the session that is still open included.

    Prices have the precision of a 32-bit float. Adjusted closes follow from the dividends that have come.
    """
    hours, factor = series.hours, series.in_units_of(now)
    bars = [_as_known(bar, hours, now) for bar in series.bars if hours.opening(bar.day) <= now]
    dividends = {day: paid * factor for day, paid in series.dividends.items() if hours.opening(day) <= now}
    shares = _adjustments(bars, series.dividends)
    return Feed(
        rows=tuple(_row(bar, factor, share) for bar, share in zip(bars, shares, strict=True)),
        dividends=dividends,
        splits={day: split for day, split in series.splits.items() if hours.opening(day) <= now},
        currency=series.currency,
        zone=hours.zone,
        hours=hours,
    )


def as_told(price: float) -> float:
    """A price in the precision of the source."""
    return float(np.float32(price))


def unfinished(bar: Bar, share: float) -> Bar:
    """What is known of a session when `share` of it is over, above 0 and below 1.

    The range lies within the final one, the close and the volume differ from the final ones.
    """
    gone = 0.9 * share
    low = bar.open - (bar.open - bar.low) * gone
    high = bar.open + (bar.high - bar.open) * gone
    is_upper_half = bar.close - bar.low >= bar.high - bar.close
    close = low + (high - low) * (0.25 if is_upper_half else 0.75)
    return Bar(bar.day, bar.open, high, low, close, int(bar.volume * gone))


def _as_known(bar: Bar, hours: Hours, now: datetime) -> Bar:
    opening, closing = hours.opening(bar.day), hours.closing(bar.day)
    return bar if closing <= now else unfinished(bar, (now - opening) / (closing - opening))


def _adjustments(bars: list[Bar], dividends: Mapping[date, float]) -> list[float]:
    """For each bar, the share of its close that is left after all dividends that follow it."""
    shares: list[float] = []
    share = 1.0
    for bar, following in zip(reversed(bars), [None, *reversed(bars)], strict=False):
        if following is not None:
            share *= 1.0 - dividends.get(following.day, 0.0) / bar.close
        shares.append(share)
    return shares[::-1]


def _row(bar: Bar, factor: float, share: float) -> Row:
    return Row(
        day=bar.day,
        open=as_told(bar.open * factor),
        high=as_told(bar.high * factor),
        low=as_told(bar.low * factor),
        close=as_told(bar.close * factor),
        adj_close=as_told(bar.close * factor * share),
        volume=round(bar.volume / factor),
    )
