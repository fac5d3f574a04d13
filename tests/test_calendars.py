from datetime import UTC, datetime

import numpy as np
import pytest

from pipeline.calendars import TradingCalendar, calendar_of, trading_calendar
from pipeline.errors import ConfigError
from pipeline.settings import AssetSettings, Settings, SettleSettings
from tests.made import DAY

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
        ("2025-10-31", "2025-10-31T20:30:00"),
        ("2025-11-03", "2025-11-03T21:30:00"),
    ],
    ids=[
        "winter time",
        "summer time",
        "the half-day after Thanksgiving",
        "the last day of summer time",
        "the first day of winter time",
    ],
)
def test_a_new_york_bar_settles_half_an_hour_after_the_close(session: str, moment: str) -> None:
    assert NEW_YORK.settled_at(np.array([day(session)]))[0] == np.datetime64(moment)


def test_the_calendar_of_an_asset_settles_as_the_settings_say() -> None:
    settings = Settings(settle=SettleSettings(exchange_minutes=45, continuous_minutes=60))
    for calendar, moment in (("XNYS", "2025-01-15T21:45:00"), ("24/7", "2025-01-16T01:00:00")):
        found = calendar_of(AssetSettings(symbol="ANY", calendar=calendar), settings)
        assert found.settled_at(np.array([day("2025-01-15")]))[0] == np.datetime64(moment)


def test_a_crypto_bar_settles_three_hours_after_the_utc_day() -> None:
    assert CRYPTO.settled_at(np.array([day("2025-03-01")]))[0] == np.datetime64("2025-03-02T03:00:00")
    assert CRYPTO.last_settled(datetime(2025, 3, 2, 2, 59, 59, tzinfo=UTC)) == day("2025-02-28")
    assert CRYPTO.last_settled(datetime(2025, 3, 2, 3, 0, 0, tzinfo=UTC)) == day("2025-03-01")


def test_after_the_longest_holidays_the_session_before_them_is_the_last_settled() -> None:
    seoul = trading_calendar("XKRX", 30)
    assert seoul.last_settled(datetime(2025, 10, 10, 0, tzinfo=UTC)) == day("2025-10-02")


def test_an_open_session_is_not_settled() -> None:
    assert NEW_YORK.last_settled(datetime(2025, 1, 15, 20, 59, tzinfo=UTC)) == day("2025-01-14")


def test_targets_skip_weekends_and_holidays() -> None:
    targets = NEW_YORK.target_dates(np.array([day("2025-12-23"), day("2025-12-24")]), 3)
    assert targets.tolist() == [
        [day(text).item() for text in ("2025-12-24", "2025-12-26", "2025-12-29")],
        [day(text).item() for text in ("2025-12-26", "2025-12-29", "2025-12-30")],
    ]


def test_so_many_next_sessions_as_are_asked_for_follow_across_weekends_and_holidays() -> None:
    for count in (1, 5, 250):
        following = NEW_YORK.next_sessions(day("2025-12-19"), count)
        assert len(following) == count
        assert following[0] == day("2025-12-22")


def test_the_next_sessions_of_crypto_are_the_next_days() -> None:
    assert CRYPTO.next_sessions(day("2025-12-31"), 2).tolist() == [
        day("2026-01-01").item(),
        day("2026-01-02").item(),
    ]


def test_old_history_is_covered() -> None:
    assert len(NEW_YORK.sessions(day("1993-01-29"), day("1993-12-31"))) == 234


@pytest.mark.parametrize("year", range(2019, 2027))
def test_every_year_has_its_sessions_to_the_last_day_whichever_its_place_in_a_block(year: int) -> None:
    first, last = day(f"{year}-01-01"), day(f"{year}-12-31")
    np.testing.assert_array_equal(CRYPTO.sessions(first, last), np.arange(first, last + DAY))


def test_the_sessions_from_a_day_to_itself_are_that_day_where_it_is_one() -> None:
    assert NEW_YORK.sessions(day("2025-01-10"), day("2025-01-10")).tolist() == [day("2025-01-10").item()]
    assert len(NEW_YORK.sessions(day("2025-01-11"), day("2025-01-11"))) == 0


def test_no_sessions_settle_at_no_moments() -> None:
    assert NEW_YORK.settled_at(np.array([], dtype="datetime64[D]")).tolist() == []


def test_there_are_no_sessions_between_a_day_and_an_earlier_one() -> None:
    assert len(NEW_YORK.sessions(day("2025-01-10"), day("2025-01-09"))) == 0


def test_an_unknown_calendar_is_named_with_examples() -> None:
    with pytest.raises(ConfigError, match="XMARS") as caught:
        trading_calendar("XMARS", 30)
    assert "XNYS" in caught.value.next_step


def test_a_calendar_may_be_called_by_its_other_name() -> None:
    first, last = day("2025-01-01"), day("2025-12-31")
    by_another_name = trading_calendar("NYSE", 30).sessions(first, last)
    np.testing.assert_array_equal(by_another_name, NEW_YORK.sessions(first, last))


def test_no_origins_have_no_targets() -> None:
    assert NEW_YORK.target_dates(np.array([], dtype="datetime64[D]"), 3).shape == (0, 3)


def test_a_day_without_a_session_has_no_moment_of_settling() -> None:
    with pytest.raises(KeyError):
        NEW_YORK.settled_at(np.array([day("2025-01-04")]))


def test_a_history_before_the_calendar_is_refused_with_its_name() -> None:
    with pytest.raises(ConfigError, match="XTKS does not cover 1990") as caught:
        trading_calendar("XTKS", 30).sessions(day("1990-01-04"), day("1990-02-01"))
    assert "history_start" in caught.value.next_step


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("XBOM", "2026-01-01", "2026-03-31"), ("XTKS", "1998-01-01", "1998-03-31")],
    ids=["near the end of Mumbai's calendar", "near the start of Tokyo's calendar"],
)
def test_all_that_a_calendar_covers_can_be_asked_for(name: str, first: str, last: str) -> None:
    assert len(trading_calendar(name, 30).sessions(day(first), day(last))) > 50


@pytest.mark.parametrize(
    ("calendar", "zone", "keeps"),
    [
        pytest.param(NEW_YORK, "America/New_York", True, id="its own"),
        pytest.param(NEW_YORK, "America/Toronto", True, id="one with the same clocks"),
        pytest.param(NEW_YORK, "Europe/London", False, id="one with other clocks"),
        pytest.param(NEW_YORK, "America/Bogota", False, id="one that agrees in winter only"),
        pytest.param(NEW_YORK, "America/Santo_Domingo", False, id="one that agrees in summer only"),
        pytest.param(CRYPTO, "UTC", True, id="UTC for crypto"),
        pytest.param(CRYPTO, "Europe/London", False, id="one that is UTC in winter only"),
        pytest.param(trading_calendar("XKRX", 30), "Asia/Tokyo", True, id="Tokyo's for Seoul"),
        pytest.param(trading_calendar("XBOM", 30), "Asia/Kolkata", True, id="one known only to 2026"),
        pytest.param(NEW_YORK, "Mars/Olympus", False, id="none that there is"),
        pytest.param(NEW_YORK, "America", False, id="a continent"),
        pytest.param(NEW_YORK, "../../etc/passwd", False, id="a path"),
        pytest.param(NEW_YORK, "", False, id="nothing"),
    ],
)
def test_an_exchange_keeps_the_time_of_zones_with_its_clocks(
    calendar: TradingCalendar, zone: str, keeps: bool
) -> None:
    assert calendar.keeps_time_of(zone) is keeps


def test_a_calendar_is_covered_from_its_first_known_day() -> None:
    assert trading_calendar("XTKS", 30).covered_from(day("1990-01-01")) == day("1997-01-01")
    assert trading_calendar("XTKS", 30).covered_from(day("2015-01-01")) == day("2015-01-01")
    assert CRYPTO.covered_from(day("2009-01-03")) == day("2009-01-03")
