"""What each distortion makes of a feed, and where it stops."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.yahoo.distortions import (
    EVERY_DAY,
    Before,
    Distortion,
    Duplicated,
    EventsHidden,
    HighBelowLow,
    ImaginarySplit,
    Noise,
    NotRestated,
    NullRows,
    Priced,
    Scaled,
    Shifted,
    Since,
    Unfinished,
    VolumeShort,
    Withheld,
    WrongCurrency,
    WrongZone,
)
from tests.yahoo.feed import Feed, Row, feed_of
from tests.yahoo.made import stock

FIRST, LAST = date(2025, 5, 1), date(2025, 6, 30)
NOW = datetime(2025, 6, 11, 22, 0, tzinfo=UTC)
TUESDAY, WEDNESDAY = date(2025, 6, 10), date(2025, 6, 11)
EX_DATE = date(2025, 6, 4)
SERIES = stock(FIRST, LAST, seed=3, splits={EX_DATE: (2, 1)}, dividends={TUESDAY: 0.5})
FEED = feed_of(SERIES, NOW)


def row_of(feed: Feed, day: date) -> Row:
    (row,) = [row for row in feed.rows if row.day == day]
    return row


def is_null(was: Row, row: Row) -> bool:
    return row.bar() is None


def is_hundredfold(was: Row, row: Row) -> bool:
    return bool(was.close and row.close == pytest.approx(was.close * 100.0))


def has_zero_low(was: Row, row: Row) -> bool:
    return row.low == 0.0 and row.close == was.close


def is_upside_down(was: Row, row: Row) -> bool:
    return (row.high, row.low) == (was.low, was.high)


def is_unfinished(was: Row, row: Row) -> bool:
    final, part = was.bar(), row.bar()
    assert final
    assert part
    is_within = final.low < part.low < part.high < final.high
    return is_within and part.volume < final.volume and part.close != final.close


def lacks_volume(was: Row, row: Row) -> bool:
    return row.close == was.close and row.volume == round(0.98 * (was.volume or 0))


STRIKES: dict[str, tuple[Distortion, Callable[[Row, Row], bool]]] = {
    "null row": (NullRows({WEDNESDAY}), is_null),
    "100x": (Scaled({WEDNESDAY}), is_hundredfold),
    "zero": (Priced({WEDNESDAY}, 0.0, ("low",)), has_zero_low),
    "high below low": (HighBelowLow({WEDNESDAY}), is_upside_down),
    "unfinished": (Unfinished({WEDNESDAY}), is_unfinished),
    "volume": (VolumeShort(), lacks_volume),
}


@pytest.mark.parametrize(("distortion", "looks_right"), STRIKES.values(), ids=STRIKES)
def test_a_struck_row_looks_like_its_name_and_the_others_stay(
    distortion: Distortion, looks_right: Callable[[Row, Row], bool]
) -> None:
    told = distortion(FEED, NOW)

    assert looks_right(row_of(FEED, WEDNESDAY), row_of(told, WEDNESDAY))
    assert told.rows[:-1] == FEED.rows[:-1]


def test_a_distortion_is_limited_in_time_and_to_its_days() -> None:
    limited = NullRows(Since(TUESDAY), since=NOW, until=NOW + timedelta(days=1))

    assert limited(FEED, NOW - timedelta(seconds=1)) == FEED
    assert limited(FEED, NOW + timedelta(days=1)) == FEED
    assert [row.day for row in limited(FEED, NOW).rows if row.bar() is None] == [TUESDAY, WEDNESDAY]


def test_distortions_are_values_and_follow_one_another() -> None:
    assert Scaled({TUESDAY}) == Scaled({TUESDAY})

    told = NullRows({TUESDAY})(Scaled(EVERY_DAY)(FEED, NOW), NOW)

    assert row_of(told, TUESDAY).bar() is None
    assert is_hundredfold(row_of(FEED, WEDNESDAY), row_of(told, WEDNESDAY))


def test_rows_are_withheld_doubled_and_shifted() -> None:
    assert Withheld({WEDNESDAY})(FEED, NOW).rows == FEED.rows[:-1]

    *_, first, second = Duplicated({WEDNESDAY}, 1.01)(FEED, NOW).rows
    assert (first, second.day) == (FEED.rows[-1], WEDNESDAY)
    assert second.close == pytest.approx(1.01 * (first.close or 0.0))
    assert FEED.stamp(second) > FEED.stamp(first)

    *_, genuine, shifted = Shifted({TUESDAY})(FEED, NOW).rows
    assert genuine == FEED.rows[-1]
    assert (shifted.day, shifted.close) == (WEDNESDAY, row_of(FEED, TUESDAY).close)


def test_a_split_is_not_restated_or_only_in_part() -> None:
    start = date(2025, 5, 20)
    for days, tells_event in ((Before(EX_DATE), True), (Before(EX_DATE), False), (Before(start), True)):
        told = NotRestated(EX_DATE, days, tells_event)(FEED, NOW)

        for was, row in zip(FEED.rows, told.rows, strict=True):
            factor = 2.0 if row.day in days else 1.0
            assert row.close == pytest.approx((was.close or 0.0) * factor)
        assert (EX_DATE in told.splits) is tells_event


def test_events_vanish_and_are_invented() -> None:
    hidden = EventsHidden({EX_DATE, TUESDAY})(FEED, NOW)
    assert (hidden.splits, hidden.dividends, hidden.rows) == ({}, {}, FEED.rows)

    invented = ImaginarySplit(TUESDAY, (10, 1))(FEED, NOW)
    assert invented.splits == {EX_DATE: (2, 1), TUESDAY: (10, 1)}
    assert invented.rows == FEED.rows


def test_what_is_told_of_the_market_is_wrong() -> None:
    assert WrongCurrency("GBp")(FEED, NOW).currency == "GBp"
    assert WrongZone("Asia/Tokyo")(FEED, NOW).zone == "Asia/Tokyo"


def test_old_rows_move_a_little_at_every_moment() -> None:
    noise = Noise(seed=1)
    first, again, later = (noise(FEED, moment) for moment in (NOW, NOW, NOW + timedelta(days=1)))

    assert first == again != later
    for was, row in zip(FEED.rows, first.rows, strict=True):
        assert row.close == pytest.approx(was.close, rel=1e-7, abs=0.0)
    assert first.rows[-1] == FEED.rows[-1]
