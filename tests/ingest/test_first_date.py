"""From which session on a source is asked."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calendars import trading_calendar
from pipeline.ingest.first_date import first_date_to_ask
from pipeline.types import DownloadHistory
from tests.made import DAY
from tests.properties import examples

NEW_YORK = trading_calendar("XNYS", 30)
START = date(2015, 1, 1)
NEVER = np.datetime64("NaT", "D")
BEGINNING, NEWEST, SETTLED = np.array(["2015-01-01", "2025-12-29", "2025-12-30"], dtype="datetime64[D]")


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "D")


def first_asked(
    asked_from: np.datetime64 = BEGINNING,
    newest: np.datetime64 = NEWEST,
    doubt: np.datetime64 = NEVER,
    last_settled: np.datetime64 = SETTLED,
    overlap: int = 10,
    start: date = START,
) -> date:
    return first_date_to_ask(
        DownloadHistory(asked_from, newest, doubt), NEW_YORK, last_settled, overlap, start
    )


def test_the_overlap_is_counted_in_sessions_and_ends_with_the_newest_bar() -> None:
    # Christmas and two weekends lie between.
    assert first_asked() == date(2025, 12, 15)
    assert len(NEW_YORK.sessions(day("2025-12-15"), NEWEST)) == 10


@pytest.mark.parametrize(
    ("newest", "last_settled", "asked"),
    [
        pytest.param("2025-06-30", "2025-12-30", START, id="after a long outage"),
        pytest.param("2025-12-19", "2025-12-22", START, id="on the first session of a week"),
        pytest.param("2025-12-19", "2025-12-23", START, id="on the second, if the first was missed"),
        pytest.param("2025-12-22", "2025-12-23", date(2025, 12, 9), id="not on its other sessions"),
        pytest.param("2025-12-22", "2025-12-22", date(2025, 12, 9), id="not again on the first"),
        pytest.param("2025-12-22", "2025-12-19", date(2025, 12, 8), id="not for a moment in the past"),
    ],
)
def test_once_a_week_the_whole_history_is_asked_for(newest: str, last_settled: str, asked: date) -> None:
    assert first_asked(newest=day(newest), last_settled=day(last_settled)) == asked


@pytest.mark.parametrize(
    ("newest", "last_settled", "is_whole"),
    [
        pytest.param("2025-12-26", "2025-12-27", False, id="from Friday to Saturday"),
        pytest.param("2025-12-27", "2025-12-28", False, id="from Saturday to Sunday"),
        pytest.param("2025-12-28", "2025-12-29", True, id="from Sunday to Monday"),
        pytest.param("2025-12-29", "2025-12-30", False, id="from Monday to Tuesday"),
    ],
)
def test_a_week_begins_on_monday(newest: str, last_settled: str, is_whole: bool) -> None:
    asked = DownloadHistory(BEGINNING, day(newest), NEVER)
    found = first_date_to_ask(asked, trading_calendar("24/7", 180), day(last_settled), 10, START)
    assert (found == START) is is_whole


@pytest.mark.parametrize(
    ("asked_from", "newest"),
    [
        pytest.param(NEVER, NEVER, id="an asset that was never asked for"),
        pytest.param(BEGINNING, NEVER, id="an asset of which nothing could be used"),
        pytest.param(NEVER, NEWEST, id="bars stored before anybody noted what was asked for"),
        pytest.param(day("2018-01-01"), NEWEST, id="a history that is to start earlier than it did"),
    ],
)
def test_the_whole_history_is_asked_for(asked_from: np.datetime64, newest: np.datetime64) -> None:
    assert first_asked(asked_from, newest) == START


def test_a_history_that_is_to_start_later_is_not_asked_for_again() -> None:
    assert first_asked(start=date(2020, 1, 1)) == date(2025, 12, 15)


@pytest.mark.parametrize(
    ("doubt", "asked"),
    [
        pytest.param("2025-11-03", date(2025, 11, 3), id="older than the overlap"),
        pytest.param("2025-12-22", date(2025, 12, 15), id="within the overlap"),
        pytest.param("2025-12-30", date(2025, 12, 15), id="after the newest bar"),
        pytest.param("2014-06-02", START, id="before the history that is asked for now"),
    ],
)
def test_the_oldest_session_in_doubt_is_asked_for_again(doubt: str, asked: date) -> None:
    assert first_asked(doubt=day(doubt)) == asked


def test_a_past_moment_is_asked_for_by_what_had_settled_then() -> None:
    assert first_asked(last_settled=day("2024-03-28")) == date(2024, 3, 15)


def test_a_moment_before_the_history_asks_for_no_more_than_the_history() -> None:
    assert first_asked(last_settled=day("2014-12-31")) == START


def test_newest_bars_that_are_no_sessions_any_more_are_asked_for_by_the_calendar() -> None:
    assert first_asked(newest=day("2025-12-28"), last_settled=day("2025-12-26")) == date(2025, 12, 12)


DAYS = st.integers(min_value=0, max_value=3000).map(lambda n: day("2016-01-04") + n * DAY)


@examples(60)
@given(newest=DAYS, doubt=st.one_of(st.just(NEVER), DAYS), last_settled=DAYS, overlap=st.integers(10, 60))
def test_a_question_covers_overlap_and_doubts_and_starts_no_earlier_than_the_history(
    newest: np.datetime64, doubt: np.datetime64, last_settled: np.datetime64, overlap: int
) -> None:
    end = min(newest, last_settled)
    asked = day(str(first_asked(newest=newest, doubt=doubt, last_settled=end, overlap=overlap)))
    assert BEGINNING <= asked <= end
    assert np.isnat(doubt) or asked <= doubt
    covered = len(NEW_YORK.sessions(asked, end))
    assert covered >= overlap
    assert covered == overlap or asked == doubt
