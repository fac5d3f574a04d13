"""What validation believes, and the reasons for what it does not."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calendars import trading_calendar
from pipeline.errors import SourceError
from pipeline.ingest.validate import as_json, require_bars, validate
from pipeline.settings import AssetSettings
from pipeline.types import (
    RAW_COLUMNS,
    ActionKind,
    DecidedRow,
    Decision,
    QuarantineCode,
    RawPrices,
    ValidatedPrices,
)

STOCK = AssetSettings(symbol="ABC", calendar="XNYS")
COIN = AssetSettings(symbol="BTC-USD", calendar="24/7")
AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
WEEK = [f"2024-05-{day:02d}" for day in range(6, 11)]


def raw(dates: list[str], **columns: object) -> RawPrices:
    """Good bars for `dates`, with some columns set otherwise."""
    values: dict[str, object] = {
        "open": 10.0,
        "high": 12.0,
        "low": 9.0,
        "close": 11.0,
        "adj_close": 11.0,
        "volume": 100.0,
        "dividend": np.nan,
        "split_ratio": np.nan,
    }
    rows = pd.DataFrame({"date_text": dates, **(values | columns)})
    rows["session_date"] = pd.to_datetime(rows["date_text"], format="%Y-%m-%d", errors="coerce").astype(
        "datetime64[s]"
    )
    return RawPrices("ABC", "prices.csv", rows[list(RAW_COLUMNS)], date(2024, 5, 1))


def judged(
    given_rows: RawPrices,
    asset: AssetSettings = STOCK,
    as_of: datetime = AS_OF,
    decided: tuple[DecidedRow, ...] = (),
) -> ValidatedPrices:
    return validate(given_rows, asset, trading_calendar(asset.calendar, 30), as_of, decided)


def decision(rows: RawPrices, row: int, what: Decision = Decision.RELEASED) -> DecidedRow:
    """A decision on the row as it was read."""
    opened, high, low, close = rows.rows.loc[row, ["open", "high", "low", "close"]]
    return DecidedRow(np.datetime64(rows.rows.loc[row, "date_text"], "D"), (opened, high, low, close), what)


def reasons(prices: ValidatedPrices) -> list[str]:
    return [bar.reason for bar in prices.quarantined]


def gaps_of(prices: ValidatedPrices) -> list[str]:
    """The expected sessions without a bar from the first bar to the newest."""
    first, newest = prices.bars.session_dates[[0, -1]]
    inside = prices.expected[(prices.expected >= first) & (prices.expected <= newest)]
    return [str(day) for day in np.setdiff1d(inside, prices.bars.session_dates)]


def dates_of(prices: ValidatedPrices) -> list[str]:
    return [str(day) for day in prices.bars.session_dates]


def test_good_rows_become_bars() -> None:
    prices = judged(raw(WEEK, close=[10.0, 11.0, 12.0, 9.0, 9.5]))

    assert dates_of(prices) == WEEK
    assert prices.bars.session_dates.dtype == np.dtype("datetime64[D]")
    assert prices.bars.close.tolist() == [10.0, 11.0, 12.0, 9.0, 9.5]
    assert (prices.quarantined, prices.actions, gaps_of(prices)) == ((), (), [])


def test_rows_are_sorted() -> None:
    prices = judged(raw(WEEK[::-1], close=[10.0, 10.1, 10.2, 10.3, 10.4]))

    assert dates_of(prices) == WEEK
    assert prices.bars.close.tolist() == [10.4, 10.3, 10.2, 10.1, 10.0]


NAN, INF = float("nan"), float("inf")
FAULTS: dict[str, tuple[dict[str, float], str]] = {
    "no prices": ({"open": NAN, "high": NAN, "low": NAN, "close": NAN}, "all prices missing"),
    "no price and no volume": (
        {"open": NAN, "high": NAN, "low": NAN, "close": NAN, "volume": NAN},
        "all prices missing",
    ),
    "no close": ({"close": NAN}, "a price is missing"),
    "infinite high": ({"high": INF}, "a price is not finite"),
    "zero low": ({"low": 0.0}, "a price is not positive"),
    "negative open": ({"open": -1.0}, "a price is not positive"),
    "high below low": ({"high": 8.0}, "high is below low"),
    "close above high": ({"close": 12.1}, "open or close lies outside low to high"),
    "open below low": ({"open": 8.9}, "open or close lies outside low to high"),
    "negative volume": ({"volume": -1.0}, "volume is negative or not finite"),
    "infinite volume": ({"volume": INF}, "volume is negative or not finite"),
}


@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_row_is_rejected_with_its_reason_and_its_values(
    fault: dict[str, float], reason: str
) -> None:
    faulty = raw(WEEK)
    for column, value in fault.items():
        faulty.rows.loc[2, column] = value

    prices = judged(faulty)

    assert dates_of(prices) == WEEK[:2] + WEEK[3:]
    assert gaps_of(prices) == [WEEK[2]]
    (rejected,) = prices.quarantined
    assert (rejected.symbol, rejected.date_text, rejected.reason) == ("ABC", WEEK[2], reason)
    assert rejected.session_date == np.datetime64(WEEK[2])
    shown = json.loads(rejected.row)
    assert shown["adj_close"] == 11.0
    assert all(shown[column] in (value, None, str(value)) for column, value in fault.items())


@pytest.mark.parametrize(
    ("date_text", "reason"),
    [
        pytest.param("Total", "date cannot be read", id="text"),
        pytest.param("2024-05-11", "not a session of the calendar", id="Saturday"),
        pytest.param("2024-05-27", "not a session of the calendar", id="holiday"),
    ],
)
def test_a_row_without_a_session_is_rejected(date_text: str, reason: str) -> None:
    prices = judged(raw([*WEEK, date_text]))

    assert dates_of(prices) == WEEK
    assert [(bar.date_text, bar.reason) for bar in prices.quarantined] == [(date_text, reason)]


def test_a_weekend_is_a_session_where_trade_never_ends() -> None:
    assert dates_of(judged(raw(["2024-05-11", "2024-05-12"]), COIN)) == ["2024-05-11", "2024-05-12"]


@pytest.mark.parametrize(
    ("as_of", "known"),
    [
        pytest.param(datetime(2024, 5, 8, 20, 29, tzinfo=UTC), 2, id="a minute before it settles"),
        pytest.param(datetime(2024, 5, 8, 20, 30, tzinfo=UTC), 3, id="when it settles"),
    ],
)
def test_rows_that_are_not_settled_are_left_out_silently(as_of: datetime, known: int) -> None:
    prices = judged(raw(WEEK, close=[11.0, 11.0, 11.0, 11.0, NAN]), as_of=as_of)

    assert dates_of(prices) == WEEK[:known]
    assert prices.quarantined == ()
    assert str(prices.expected[-1]) == WEEK[known - 1]


def test_equal_rows_of_one_date_collapse_silently() -> None:
    prices = judged(raw([*WEEK, WEEK[1]], dividend=[NAN, 0.5, NAN, NAN, NAN, 0.5]))

    assert dates_of(prices) == WEEK
    assert prices.quarantined == ()
    assert len(prices.actions) == 1


def test_differing_rows_of_one_date_are_all_rejected() -> None:
    prices = judged(raw([*WEEK, WEEK[1], WEEK[1]], close=[11.0] * 6 + [11.5]))

    assert dates_of(prices) == WEEK[:1] + WEEK[2:]
    assert [bar.reason for bar in prices.quarantined] == ["conflicting rows for one date"] * 3
    assert gaps_of(prices) == [WEEK[1]]


def test_a_faulty_row_does_not_contest_a_good_one_of_its_date() -> None:
    prices = judged(raw([*WEEK, WEEK[1]], close=[11.0] * 5 + [NAN]))

    assert dates_of(prices) == WEEK
    assert [bar.reason for bar in prices.quarantined] == ["a price is missing"]


def test_rounding_widens_the_range_instead_of_moving_the_close() -> None:
    close = 12.0 * (1.0 + 5e-7)

    bars = judged(raw(WEEK, close=close, open=9.0 * (1.0 - 5e-7))).bars

    assert bars.close.tolist() == [close] * 5
    assert (bars.high == bars.close).all()
    assert (bars.low == bars.open).all()


def test_a_missing_volume_beside_good_prices_is_zero() -> None:
    assert judged(raw(WEEK, volume=[1.0, NAN, 0.0, 2.0, 3.0])).bars.volume.tolist() == [
        1.0,
        0.0,
        0.0,
        2.0,
        3.0,
    ]


def test_expected_are_the_sessions_from_the_start_that_was_asked_for_to_the_newest_settled() -> None:
    prices = judged(raw(["2024-05-23", "2024-05-29"]))

    assert [str(day) for day in prices.expected[[0, -1]]] == ["2024-05-01", "2024-05-31"]
    assert len(prices.expected) == 22
    assert gaps_of(prices) == ["2024-05-24", "2024-05-28"]


def test_a_row_from_before_the_start_that_was_asked_for_is_believed_and_not_expected() -> None:
    prices = judged(raw(["2024-04-30", *WEEK]))

    assert dates_of(prices) == ["2024-04-30", *WEEK]
    assert str(prices.expected[0]) == "2024-05-01"


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


PRICE = st.sampled_from([NAN, -1.0, 0.0, 9.0, 10.0, 10.000001, 11.0, INF])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*WEEK, "2024-05-11", "2024-06-03", "?"]), PRICE, PRICE, PRICE, PRICE, PRICE
        ),
        max_size=12,
    )
)
def test_bars_keep_their_promises_whatever_comes(
    rows: list[tuple[str, float, float, float, float, float]],
) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * 6
    names = ("open", "high", "low", "close", "volume")
    frame = raw(
        [*columns[0], "2024-05-13"],
        **{name: [*values, 10.0] for name, values in zip(names, columns[1:], strict=True)},
    )

    prices = judged(frame)

    bars = prices.bars
    assert (np.diff(bars.session_dates) > np.timedelta64(0, "D")).all()
    assert np.isfinite([bars.open, bars.high, bars.low, bars.close, bars.volume]).all()
    assert (bars.low > 0.0).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.volume >= 0.0).all()
    assert np.isin(bars.session_dates, prices.expected).all()


# What a person decided


@pytest.mark.parametrize(
    "fault", [{"high": 8.0}, {"close": 12.5}], ids=["high below low", "close outside low to high"]
)
def test_a_released_row_is_believed_and_its_range_widened_to_its_prices(fault: dict[str, float]) -> None:
    rows = raw(WEEK)
    for column, value in fault.items():
        rows.rows.loc[2, column] = value
    assert len(judged(rows).quarantined) == 1

    prices = judged(rows, decided=(decision(rows, 2),))

    assert (dates_of(prices), prices.quarantined) == (WEEK, ())
    given_prices = rows.rows.loc[2, ["open", "high", "low", "close"]].to_numpy(dtype=float)
    assert (prices.bars.high[2], prices.bars.low[2]) == (given_prices.max(), given_prices.min())
    assert prices.bars.close[2] == given_prices[3]


@pytest.mark.parametrize(
    ("column", "value"),
    [("close", NAN), ("high", INF), ("low", 0.0), ("volume", -1.0)],
    ids=["no close", "infinite high", "zero low", "negative volume"],
)
def test_a_hopeless_row_stays_rejected_whatever_was_decided(column: str, value: float) -> None:
    rows = raw(WEEK)
    rows.rows.loc[2, column] = value

    prices = judged(rows, decided=(decision(rows, 2),))

    assert dates_of(prices) == WEEK[:2] + WEEK[3:]
    assert len(prices.quarantined) == 1


def test_a_decision_is_for_one_date_and_its_prices_up_to_noise() -> None:
    rows = raw(WEEK, high=8.0)
    at_noise, at_other_price, other_day = (decision(rows, row) for row in (1, 2, 3))
    decided = (
        replace(at_noise, prices=tuple(price * (1 + 1e-7) for price in at_noise.prices)),
        replace(at_other_price, prices=(10.0, 8.0, 9.0, 11.01)),
        replace(other_day, session_date=np.datetime64("2024-05-13")),
    )

    prices = judged(rows, decided=decided)

    assert dates_of(prices) == [WEEK[1]]


def test_a_row_that_a_person_rejected_is_left_out_without_a_word() -> None:
    rows = raw(WEEK)

    prices = judged(rows, decided=(decision(rows, 2, Decision.REJECTED),))

    assert (dates_of(prices), prices.quarantined) == (WEEK[:2] + WEEK[3:], ())
    assert gaps_of(prices) == [WEEK[2]]


def contested() -> RawPrices:
    """Two rows of one date that differ."""
    return raw([*WEEK, WEEK[1]], close=[11.0] * 5 + [11.5])


@pytest.mark.parametrize(
    ("what", "close", "left"),
    [
        pytest.param({1: Decision.RELEASED}, 11.0, 1, id="one is released"),
        pytest.param({5: Decision.RELEASED}, 11.5, 1, id="the later one is released"),
        pytest.param({1: Decision.REJECTED}, 11.5, 0, id="one is rejected"),
        pytest.param({1: Decision.RELEASED, 5: Decision.REJECTED}, 11.0, 0, id="both are decided on"),
    ],
)
def test_of_conflicting_rows_the_one_that_a_person_chose_is_believed(
    what: dict[int, Decision], close: float, left: int
) -> None:
    rows = contested()

    prices = judged(rows, decided=tuple(decision(rows, row, which) for row, which in what.items()))

    assert dates_of(prices) == WEEK
    assert prices.bars.close[1] == close
    assert reasons(prices) == ["conflicting rows for one date"] * left


def test_conflicting_rows_that_are_both_released_stay_in_conflict() -> None:
    rows = contested()
    decided = (decision(rows, 1), decision(rows, 5))
    assert reasons(judged(rows, decided=decided)) == ["conflicting rows for one date"] * 2


def test_of_released_rows_that_differ_in_volume_only_the_first_is_believed() -> None:
    rows = raw([*WEEK, WEEK[1]], volume=[100.0] * 5 + [200.0])
    assert len(judged(rows).quarantined) == 2

    prices = judged(rows, decided=(decision(rows, 1),))

    assert (dates_of(prices), prices.quarantined) == (WEEK, ())
    assert prices.bars.volume[1] == 100.0


@pytest.mark.parametrize(
    ("code", "can"),
    [
        pytest.param(QuarantineCode.OUTSIDE_RANGE, True, id="an odd range"),
        pytest.param(QuarantineCode.HIGH_BELOW_LOW, True, id="a range upside down"),
        pytest.param(QuarantineCode.CONFLICT, True, id="one of two that conflict"),
        pytest.param(QuarantineCode.PRICE_JUMP, True, id="a jump"),
        pytest.param(QuarantineCode.HUNDREDFOLD, True, id="pence for pounds"),
        pytest.param(QuarantineCode.UNAPPLIED_SPLIT, True, id="a jump like a split"),
        pytest.param(QuarantineCode.UNREADABLE_DATE, False, id="one without a date"),
        pytest.param(QuarantineCode.NO_SESSION, False, id="one of a holiday"),
        pytest.param(QuarantineCode.NO_PRICES, False, id="one without prices"),
        pytest.param(QuarantineCode.MISSING_PRICE, False, id="one without a price"),
        pytest.param(QuarantineCode.NOT_FINITE, False, id="an infinite price"),
        pytest.param(QuarantineCode.NOT_POSITIVE, False, id="a price of zero"),
        pytest.param(QuarantineCode.BAD_VOLUME, False, id="a negative volume"),
        pytest.param(QuarantineCode.WRONG_CURRENCY, False, id="one in another currency"),
        pytest.param(QuarantineCode.WRONG_TIME_ZONE, False, id="one dated in another time zone"),
    ],
)
def test_a_person_can_release_a_row_that_has_a_bar_and_is_doubted_by_itself(
    code: QuarantineCode, can: bool
) -> None:
    assert code.can_be_released is can


# The download as a whole


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


def test_a_split_and_a_dividend_of_one_day_are_two_events() -> None:
    rows = raw(WEEK, dividend=[0.0, 0.5, 0.0, 0.0, 0.0], split_ratio=[0.0, 4.0, 0.0, 0.0, 0.0])
    found = judged(rows).actions
    assert [(str(one.ex_date), one.kind.value, one.value) for one in found] == [
        (WEEK[1], "dividend", 0.5),
        (WEEK[1], "split", 4.0),
    ]


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


def test_a_history_that_is_asked_for_from_before_its_calendar_begins_is_judged_from_there() -> None:
    rows = replace(raw(["2010-01-04", "2010-01-05"]), start=date(1990, 1, 1))
    tokyo = AssetSettings(symbol="7203.T", calendar="XTKS", currency="JPY")

    prices = judged(rows, tokyo, datetime(2010, 2, 1, tzinfo=UTC))

    assert len(prices.bars) == 2
    assert str(prices.expected[0]) == "1997-01-06"


def test_it_leaves_the_raw_rows_as_they_were() -> None:
    rows = raw([*WEEK[::-1], "?"])
    before = rows.rows.copy()

    judged(rows)

    pd.testing.assert_frame_equal(rows.rows, before)


def test_a_coin_worth_a_fraction_of_a_cent_is_believed() -> None:
    cheap = {"open": 1e-6, "high": 1.2e-6, "low": 0.9e-6, "close": 1.1e-6}
    prices = judged(raw(WEEK, **cheap))
    assert (dates_of(prices), prices.quarantined) == (WEEK, ())


@pytest.mark.parametrize(
    ("value", "kept"), [(NAN, None), (INF, "inf"), (-INF, "-inf"), (0.0, 0.0), (1.5, 1.5)], ids=str
)
def test_a_number_is_kept_as_json_can_hold_it(value: float, kept: object) -> None:
    assert json.loads(as_json({"close": value})) == {"close": kept}


def test_a_history_that_begins_with_the_newest_settled_session_is_believed() -> None:
    assert dates_of(judged(raw(["2024-05-31"]))) == ["2024-05-31"]
