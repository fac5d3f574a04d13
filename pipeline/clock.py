"""The wall clock, read at the edges only, and the moments people write on a command line."""

from datetime import UTC, date, datetime, time

from pipeline.errors import UsageError

END_OF_DAY = time(23, 59, 59)


def utc_now() -> datetime:
    """This moment, aware, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def parse_moment(text: str) -> datetime:
    """An aware UTC moment: a date means 23:59:59 UTC of that day, a moment without zone is UTC."""
    try:
        if len(text) <= len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), END_OF_DAY, UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"'{text}' is no date or moment", "Write it like 2026-03-20 or 2026-03-20T21:30:00Z."
        ) from error


def knowable_moment(text: str, now: datetime) -> datetime:
    """`parse_moment`, but `now` for the date of today, whose end has not come yet."""
    return now if text == f"{now:%Y-%m-%d}" else parse_moment(text)


def parse_day(text: str) -> date:
    """A calendar date; UsageError otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"'{text}' is no date", "Write it like 2026-03-20.") from error
