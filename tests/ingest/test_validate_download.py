"""A download as a whole: expected sessions, events, a foreign currency or time, and nothing to believe."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pipeline.errors import SourceError
from pipeline.ingest.validate import require_bars
from pipeline.settings import AssetSettings
from pipeline.types import ActionKind, RawPrices
from tests.ingest.raw_rows import NAN, STOCK, WEEK, dates_of, decision, gaps_of, judged, raw, reasons

# Which sessions are expected


def test_expected_are_the_sessions_from_the_start_that_was_asked_for_to_the_newest_settled() -> None:
    prices = judged(raw(["2024-05-23", "2024-05-29"]))

    assert [str(day) for day in prices.expected[[0, -1]]] == ["2024-05-01", "2024-05-31"]
    assert len(prices.expected) == 22
    assert gaps_of(prices) == ["2024-05-24", "2024-05-28"]


def test_a_row_from_before_the_start_that_was_asked_for_is_believed_and_not_expected() -> None:
    prices = judged(raw(["2024-04-30", *WEEK]))

    assert dates_of(prices) == ["2024-04-30", *WEEK]
    assert str(prices.expected[0]) == "2024-05-01"


def test_a_history_that_is_asked_for_from_before_its_calendar_begins_is_judged_from_there() -> None:
    rows = replace(raw(["2010-01-04", "2010-01-05"]), start=date(1990, 1, 1))
    tokyo = AssetSettings(symbol="7203.T", calendar="XTKS", currency="JPY")

    prices = judged(rows, tokyo, datetime(2010, 2, 1, tzinfo=UTC))

    assert len(prices.bars) == 2
    assert str(prices.expected[0]) == "1997-01-06"


def test_a_history_that_begins_with_the_newest_settled_session_is_believed() -> None:
    assert dates_of(judged(raw(["2024-05-31"]))) == ["2024-05-31"]


# Events


def test_actions_are_the_dividends_and_splits_of_accepted_rows() -> None:
    prices = judged(
        raw(
            WEEK,
            close=[11.0, 11.0, NAN, 11.0, 11.0],
            dividend=[0.0, 0.24, 9.0, NAN, -1.0],
            split_ratio=[1.0, 0.0, 9.0, 4.0, 0.1],
        )
    )

    assert [(str(action.ex_date), action.kind, action.value) for action in prices.actions] == [
        (WEEK[1], ActionKind.DIVIDEND, 0.24),
        (WEEK[3], ActionKind.SPLIT, 4.0),
        (WEEK[4], ActionKind.SPLIT, 0.1),
    ]


def test_a_split_and_a_dividend_of_one_day_are_two_events() -> None:
    rows = raw(WEEK, dividend=[0.0, 0.5, 0.0, 0.0, 0.0], split_ratio=[0.0, 4.0, 0.0, 0.0, 0.0])
    found = judged(rows).actions
    assert [(str(one.ex_date), one.kind.value, one.value) for one in found] == [
        (WEEK[1], "dividend", 0.5),
        (WEEK[1], "split", 4.0),
    ]


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        ({}, set()),
        ({"dividend": 0.0}, {ActionKind.DIVIDEND}),
        ({"dividend": [NAN, NAN, 0.0, NAN, NAN]}, {ActionKind.DIVIDEND}),
        ({"dividend": 0.0, "split_ratio": 0.0}, {ActionKind.DIVIDEND, ActionKind.SPLIT}),
    ],
    ids=["of none", "of dividends", "of dividends on one row", "of dividends and splits"],
)
def test_it_is_known_which_events_a_source_tells_of(
    columns: dict[str, object], kinds: set[ActionKind]
) -> None:
    assert judged(raw(WEEK, **columns)).action_kinds == kinds


def test_splits_are_announced_on_whatever_row_they_stand() -> None:
    rows = raw(
        [*WEEK, "2024-05-11", "2024-06-03", "?"],
        close=[11.0, NAN, *[11.0] * 6],
        dividend=[0.5, *[0.0] * 7],
        split_ratio=[0.0, 2.0, 3.0, 0.0, 1.0, 5.0, 7.0, 11.0],
    )

    prices = judged(rows)

    assert [(str(one.ex_date), one.value) for one in prices.announced] == [
        (WEEK[1], 2.0),
        (WEEK[2], 3.0),
        ("2024-05-11", 5.0),
        ("2024-06-03", 7.0),
    ]
    assert [one.value for one in prices.actions] == [0.5, 3.0]


# Nothing to believe


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param(raw([]), "ABC: prices.csv gave no rows", id="no rows"),
        pytest.param(
            raw(WEEK, close=[NAN, 99.0, 99.0, 99.0, NAN]),
            r"none of the 5 rows of prices.csv can be used; most often \(3 rows\): open or close",
            id="all faulty",
        ),
        pytest.param(raw(["Total"]), "date cannot be read", id="no dates"),
        pytest.param(
            raw(["2024-06-03", "2024-06-04"]),
            "settled by 2024-05-31: its first is of 2024-06-03",
            id="all to come",
        ),
    ],
)
def test_nothing_to_believe_is_an_error_with_the_commonest_reason(rows: RawPrices, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        require_bars(judged(rows), rows, STOCK)

    assert caught.value.symbol == "ABC"
    assert caught.value.next_step


def test_prices_in_another_currency_are_all_rejected_and_none_can_be_released() -> None:
    rows = replace(raw([*WEEK, "?"]), currency="GBp")

    prices = judged(rows, decided=(decision(rows, 1),))

    assert len(prices.bars) == 0
    assert prices.actions == ()
    assert reasons(prices)[:5] == ["in GBp, where the asset is configured in USD"] * 5
    assert reasons(prices)[5] == "date cannot be read"
    with pytest.raises(SourceError, match="in GBp, where") as caught:
        require_bars(prices, rows, STOCK)
    assert "currency USD" in caught.value.next_step


@pytest.mark.parametrize(
    ("zone", "is_right"),
    [
        ("America/New_York", True),
        ("America/Toronto", True),
        ("Europe/London", False),
        ("UTC", False),
        ("America", False),
        ("", True),
    ],
)
def test_dates_of_another_time_zone_are_all_rejected(zone: str, is_right: bool) -> None:
    prices = judged(replace(raw(WEEK), currency="USD", time_zone=zone))

    assert len(prices.bars) == (5 if is_right else 0)
    words = f"dated in {zone}, where the calendar XNYS has another time"
    assert reasons(prices) == ([] if is_right else [words] * 5)
