from datetime import UTC, date, datetime

import pytest

from pipeline.clock import parse_as_of, parse_day, parse_moment, utc_now
from pipeline.errors import UsageError


def test_a_date_means_the_last_second_of_its_utc_day() -> None:
    assert parse_moment("2026-03-20") == datetime(2026, 3, 20, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-03-20T21:30:00Z", "2026-03-20T21:30:00", "2026-03-20T17:30:00-04:00"])
def test_a_moment_is_taken_in_its_zone_or_else_in_utc(text: str) -> None:
    assert parse_moment(text) == datetime(2026, 3, 20, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", ""])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="2026-03-20"):
        parse_moment(text)


NOW = datetime(2026, 3, 20, 21, 30, tzinfo=UTC)


def test_today_means_now_as_its_end_has_not_come_yet() -> None:
    assert parse_as_of("2026-03-20", NOW) == NOW


def test_today_is_a_day_of_utc() -> None:
    late_in_new_york = datetime.fromisoformat("2026-03-20T22:30:00-04:00").astimezone(UTC)
    assert parse_as_of("2026-03-20", late_in_new_york) == parse_moment("2026-03-20")
    assert parse_as_of("2026-03-21", late_in_new_york) == late_in_new_york


@pytest.mark.parametrize(
    "text", ["2026-03-19", "2026-03-21", "2026-03-20T23:59:59Z", "2026-03-20T01:00", "20260320"]
)
def test_every_other_moment_is_what_it_says(text: str) -> None:
    assert parse_as_of(text, NOW) == parse_moment(text)


def test_what_is_no_moment_cannot_be_known() -> None:
    with pytest.raises(UsageError, match="is not a date or datetime"):
        parse_as_of("today", NOW)


def test_a_day_is_a_date_and_nothing_else() -> None:
    assert parse_day("2026-03-20") == date(2026, 3, 20)
    with pytest.raises(UsageError):
        parse_day("20 March")


def test_the_wall_clock_is_aware() -> None:
    assert utc_now().tzinfo is UTC
