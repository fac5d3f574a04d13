"""A week of AAPL for the local Yahoo to serve, and what the tests of the adapter ask it for."""

from datetime import UTC, date, datetime, timedelta

from pipeline.settings import AssetSettings, DownloadSettings
from tests.yahoo.series import Bar, Series

PATIENT = DownloadSettings(timeout_seconds=20.0, seconds_between_requests=0.0)
"""Waits longer than any busy machine takes to answer."""
AAPL = AssetSettings(symbol="AAPL")
START = date(2024, 5, 1)
AS_OF = datetime(2024, 5, 11, tzinfo=UTC)
MONDAY = date(2024, 5, 6)


def bar(day: date, close: float, volume: int = 1000) -> Bar:
    """From a day and its close, make a bar whose other prices lie within 1 of it."""
    return Bar(day, close - 0.5, close + 1.0, close - 1.0, close, volume)


def week(**changes: object) -> Series:
    """From changes of a series, make five sessions from MONDAY on that close at 100 to 104, changed so."""
    return Series(tuple(bar(MONDAY + timedelta(days=n), 100.0 + n) for n in range(5)), **changes)  # type: ignore[arg-type]
