"""Which rows of a download are believed, each judged by itself, and the reasons for those that are not."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.quarantine import row_as_json
from pipeline.settings import AssetSettings
from tests.ingest.raw_rows import INF, NAN, WEEK, dates_of, gaps_of, judged, raw, reasons

COIN = AssetSettings(symbol="BTC-USD", calendar="24/7")


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


def test_it_leaves_the_raw_rows_as_they_were() -> None:
    rows = raw([*WEEK[::-1], "?"])
    before = rows.rows.copy()

    judged(rows)

    pd.testing.assert_frame_equal(rows.rows, before)


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
    ("value", "kept"), [(NAN, None), (INF, "inf"), (-INF, "-inf"), (0.0, 0.0), (1.5, 1.5)], ids=str
)
def test_a_number_is_kept_as_json_can_hold_it(value: float, kept: object) -> None:
    assert json.loads(row_as_json({"close": value})) == {"close": kept}


def test_a_coin_worth_a_fraction_of_a_cent_is_believed() -> None:
    cheap = {"open": 1e-6, "high": 1.2e-6, "low": 0.9e-6, "close": 1.1e-6}
    prices = judged(raw(WEEK, **cheap))
    assert (dates_of(prices), prices.quarantined) == (WEEK, ())


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


def test_prices_outside_the_range_by_a_millionth_are_inside_but_for_rounding() -> None:
    above = judged(raw(WEEK, open=1e7, high=1e7, low=9e6, close=1e7 + 10))
    below = judged(raw(WEEK, open=1e7, high=1e7, low=1e7, close=1e7 - 10))
    crossed = judged(raw(WEEK, open=1e7 + 10, high=1e7, low=1e7 + 10, close=1e7 + 10))
    assert [one.quarantined for one in (above, below, crossed)] == [(), (), ()]


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


def test_a_dividend_on_a_row_without_prices_is_known_and_the_row_quarantined() -> None:
    rows = raw(WEEK, dividend=[NAN, NAN, 0.24, NAN, NAN])
    rows.rows.loc[2, ["open", "high", "low", "close"]] = NAN

    prices = judged(rows)

    assert [(str(one.ex_date), one.value) for one in prices.early_actions] == [(WEEK[2], 0.24)]
    assert (prices.actions, reasons(prices)) == ((), ["all prices missing"])


@pytest.mark.parametrize(
    "fault", [{"close": NAN}, {"low": -1.0}], ids=["one price missing", "a price below 0"]
)
def test_a_dividend_on_another_row_in_quarantine_waits_with_it(fault: dict[str, float]) -> None:
    rows = raw(WEEK, dividend=[NAN, NAN, 0.24, NAN, NAN])
    for column, value in fault.items():
        rows.rows.loc[2, column] = value
    assert (judged(rows).actions, judged(rows).early_actions) == ((), ())


@pytest.mark.parametrize("prices_of_other", [11.0, NAN], ids=["with prices", "without prices"])
def test_a_dividend_without_prices_counts_only_if_its_session_has_no_other_row(
    prices_of_other: float,
) -> None:
    rows = raw([*WEEK, WEEK[2]], dividend=[NAN, NAN, 0.5, NAN, NAN, 0.9])
    rows.rows.loc[5, ["open", "high", "low", "close"]] = NAN
    rows.rows.loc[2, ["open", "high", "low", "close"]] = prices_of_other

    prices = judged(rows)

    assert prices.early_actions == ()
    assert [one.value for one in prices.actions] == [0.5] * (prices_of_other == 11.0)


def test_equal_rows_without_prices_give_their_dividend_once() -> None:
    rows = raw([*WEEK, WEEK[2]], dividend=[NAN, NAN, 0.24, NAN, NAN, 0.24])
    rows.rows.loc[[2, 5], ["open", "high", "low", "close"]] = NAN
    assert [one.value for one in judged(rows).early_actions] == [0.24]


def test_a_split_that_is_given_on_two_equal_rows_is_announced_once() -> None:
    rows = raw([*WEEK, WEEK[2]], split_ratio=[NAN, NAN, 4.0, NAN, NAN, 4.0])
    prices = judged(rows)
    assert prices.announced == prices.actions
    assert [one.value for one in prices.announced] == [4.0]


def test_a_download_in_another_currency_gives_no_dividend_of_any_row() -> None:
    rows = replace(raw(WEEK, dividend=[0.1, NAN, 0.24, NAN, NAN]), currency="GBp")
    rows.rows.loc[2, ["open", "high", "low", "close"]] = NAN

    prices = judged(rows)

    assert (prices.actions, prices.early_actions) == ((), ())
