from datetime import UTC, datetime

import numpy as np
import pytest

from pipeline.calendars import trading_calendar
from pipeline.errors import ConfigError

NEW_YORK = trading_calendar("XNYS", 30)
CRYPTO = trading_calendar("24/7", 180)


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "D")


@pytest.mark.parametrize(
    ("session", "moment"),
    [
        ("2025-01-15", "2025-01-15T21:30:00"),
        ("2025-07-15", "2025-07-15T20:30:00"),
        ("2025-11-28", "2025-11-28T18:30:00"),
    ],
    ids=["winter time", "summer time", "the half-day after Thanksgiving"],
)
def test_a_new_york_bar_settles_half_an_hour_after_the_close(session: str, moment: str) -> None:
    assert NEW_YORK.settled_at(np.array([day(session)]))[0] == np.datetime64(moment)


def test_a_crypto_bar_settles_three_hours_after_the_utc_day() -> None:
    assert CRYPTO.settled_at(np.array([day("2025-03-01")]))[0] == np.datetime64("2025-03-02T03:00:00")
    assert CRYPTO.last_settled(datetime(2025, 3, 2, 2, 59, 59, tzinfo=UTC)) == day("2025-02-28")
    assert CRYPTO.last_settled(datetime(2025, 3, 2, 3, 0, 0, tzinfo=UTC)) == day("2025-03-01")


def test_an_open_session_is_not_settled() -> None:
    assert NEW_YORK.last_settled(datetime(2025, 1, 15, 20, 59, tzinfo=UTC)) == day("2025-01-14")


def test_targets_skip_weekends_and_holidays() -> None:
    targets = NEW_YORK.target_dates(np.array([day("2025-12-23"), day("2025-12-24")]), 3)
    assert targets.tolist() == [
        [day(text).item() for text in ("2025-12-24", "2025-12-26", "2025-12-29")],
        [day(text).item() for text in ("2025-12-26", "2025-12-29", "2025-12-30")],
    ]


def test_the_next_sessions_of_crypto_are_the_next_days() -> None:
    assert CRYPTO.next_sessions(day("2025-12-31"), 2).tolist() == [
        day("2026-01-01").item(),
        day("2026-01-02").item(),
    ]


def test_old_history_is_covered() -> None:
    assert len(NEW_YORK.sessions(day("1993-01-29"), day("1993-12-31"))) == 234


def test_there_are_no_sessions_between_a_day_and_an_earlier_one() -> None:
    assert len(NEW_YORK.sessions(day("2025-01-10"), day("2025-01-09"))) == 0


def test_an_unknown_calendar_is_named_with_examples() -> None:
    with pytest.raises(ConfigError, match="XMARS") as caught:
        trading_calendar("XMARS", 30)
    assert "XNYS" in caught.value.next_step
