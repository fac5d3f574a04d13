"""The wall clock, and parsers for the dates and moments that people type.

Only this module reads the time; everything else takes it as an argument.
"""

from datetime import UTC, date, datetime, time

from pipeline.errors import UsageError

END_OF_DAY = time(23, 59, 59)
"""The UTC time of a date that is given without a time."""


def utc_now() -> datetime:
    """Return the current UTC time, aware, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def parse_moment(text: str) -> datetime:
    """Parse an ISO date or datetime to an aware UTC moment; UsageError for other text.

    A date means 23:59:59 UTC of that day; a datetime without a time zone is taken as UTC.
    """
    try:
        if len(text) <= len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), END_OF_DAY, UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{text}' is not a date or datetime", "Write it like 2026-03-20 or 2026-03-20T21:30:00Z."
        ) from error


def parse_as_of(text: str, now: datetime) -> datetime:
    """Parse an as_of as `parse_moment` does, but today's UTC date to `now`: its end is in the future."""
    return now if text == f"{now:%Y-%m-%d}" else parse_moment(text)


def parse_day(text: str) -> date:
    """Parse an ISO date; UsageError for other text."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"'{text}' is not a date", "Write it like 2026-03-20.") from error
