"""Rows that a person has decided on, and what validation makes of them then."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.types import Decision, QuarantineCode, RawPrices
from tests.ingest.raw_rows import INF, NAN, WEEK, dates_of, decision, gaps_of, judged, raw, reasons


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


@pytest.mark.parametrize("what", list(Decision))
def test_a_decided_row_is_recognised_in_the_units_of_a_later_split(what: Decision) -> None:
    odd = raw(WEEK, high=[12.0, 8.0, 12.0, 12.0, 12.0])
    now = raw(WEEK, high=[12.0, 2.0, 12.0, 12.0, 12.0], split_ratio=[NAN, NAN, NAN, 4.0, NAN])
    now.rows.loc[1, ["open", "low", "close"]] = [2.5, 2.25, 2.75]
    assert len(judged(now).quarantined) == 1

    prices = judged(now, decided=(decision(odd, 1, what),))

    assert prices.quarantined == ()
    assert (WEEK[1] in dates_of(prices)) is (what is Decision.RELEASED)


@pytest.mark.parametrize(("factor", "is_recognised"), [(1.0, True), (2.0, True), (8.0, True), (4.0, False)])
def test_a_decided_row_is_recognised_in_the_units_of_the_splits_since_in_their_order(
    factor: float, is_recognised: bool
) -> None:
    odd = raw(WEEK, high=[12.0, 8.0, 12.0, 12.0, 12.0])
    now = raw(WEEK, split_ratio=[NAN, NAN, 2.0, NAN, 4.0])
    now.rows.loc[1, ["open", "high", "low", "close"]] = np.array([10.0, 8.0, 9.0, 11.0]) / factor

    prices = judged(now, decided=(decision(odd, 1),))

    assert (prices.quarantined == ()) is is_recognised


@pytest.mark.parametrize("what", list(Decision))
def test_a_corrected_row_is_another_row_where_the_split_came_before_the_decision(what: Decision) -> None:
    """A row that a split was not applied to, decided on after the split, and then corrected by the source."""
    odd = raw(WEEK, high=[48.0, 12.0, 12.0, 12.0, 12.0], split_ratio=[NAN, 4.0, NAN, NAN, NAN])
    odd.rows.loc[0, ["open", "low", "close"]] = [40.0, 36.0, 44.0]
    corrected = raw(WEEK, split_ratio=[NAN, 4.0, NAN, NAN, NAN])
    corrected.rows.loc[0, "high"] = 8.0  # below its open: quarantined, unless a decision were taken for it

    prices = judged(corrected, decided=(decision(odd, 0, what, np.datetime64("2024-05-08")),))

    assert reasons(prices) == ["high is below low"]
    good = judged(raw(WEEK), decided=(decision(odd, 0, what, np.datetime64("2024-05-08")),))
    assert (dates_of(good), good.quarantined) == (WEEK, ())


def test_a_row_without_prices_that_a_person_rejected_is_recognised_and_its_dividend_not_stored() -> None:
    rows = raw(WEEK, dividend=[NAN, NAN, 0.24, NAN, NAN])
    rows.rows.loc[2, ["open", "high", "low", "close"]] = NAN

    prices = judged(rows, decided=(decision(rows, 2, Decision.REJECTED),))

    assert (prices.quarantined, prices.early_actions) == ((), ())


def test_a_row_without_prices_next_to_a_rejected_row_is_not_alone() -> None:
    rows = raw([*WEEK, WEEK[2]], dividend=[NAN, NAN, NAN, NAN, NAN, 0.9])
    rows.rows.loc[5, ["open", "high", "low", "close"]] = NAN

    prices = judged(rows, decided=(decision(rows, 2, Decision.REJECTED),))

    assert (reasons(prices), prices.early_actions) == (["all prices missing"], ())


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
