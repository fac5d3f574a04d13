import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.learn.adjust import adjusted, adjusted_back, reinvested_shares
from pipeline.types import Adjustment, Bars, Dividends, FloatArray, Prices
from tests.made import made_bars, made_dates

DAYS = 40
PRICES = ("open", "high", "low", "close")


def bars_on(days: list[int], seed: int) -> Bars:
    """Bars of a market that is open on these days."""
    bars, rows = made_bars(DAYS, seed), np.array(days)
    arrays = (getattr(bars, name)[rows] for name in ("session_dates", *PRICES, "volume"))
    return Bars(bars.symbol, *arrays)


def dividends_on(amounts: dict[int, float]) -> Dividends:
    days = np.array(sorted(amounts), dtype=np.int64)
    return Dividends(made_dates(DAYS)[days], np.array([amounts[day] for day in days.tolist()]))


days_open = st.lists(st.integers(0, DAYS - 1), min_size=1, max_size=DAYS, unique=True).map(sorted)
paid = st.dictionaries(st.integers(0, DAYS - 1), st.floats(0.01, 150.0), max_size=8)
prices = st.builds(
    lambda days, seed, amounts: Prices(bars_on(days, seed), dividends_on(amounts)),
    days_open,
    st.integers(0, 1000),
    paid,
)


def held(found: Prices) -> FloatArray:
    """Hold one share from the first session on, and buy more for every dividend at the price it leaves."""
    bars, dividends = found.bars, found.dividends
    shares, worth = 1.0, []
    for row, session in enumerate(bars.session_dates):
        for ex_date, amount in zip(dividends.ex_dates, dividends.amounts, strict=True):
            if row > 0 and bars.session_dates[row - 1] < ex_date <= session and amount < bars.close[row - 1]:
                shares += shares * amount / (bars.close[row - 1] - amount)
        worth.append(shares * bars.close[row])
    return np.array(worth)


@given(found=prices)
def test_an_adjusted_close_is_what_a_holder_has_who_reinvests(found: Prices) -> None:
    after = adjusted(found, Adjustment.DIVIDENDS)
    np.testing.assert_allclose(after.close, held(found), rtol=1e-9)
    for name in ("session_dates", "volume"):
        np.testing.assert_array_equal(getattr(after, name), getattr(found.bars, name))
    assert (after.low <= np.minimum(after.open, after.close)).all()
    assert (after.high >= np.maximum(after.open, after.close)).all()


@given(found=prices)
def test_nothing_is_adjusted_for_splits_which_prices_are_already(found: Prices) -> None:
    assert adjusted(found, Adjustment.SPLITS) is found.bars


@given(days=days_open, seed=st.integers(0, 1000))
def test_without_dividends_the_prices_are_the_same_bits(days: list[int], seed: int) -> None:
    bars = bars_on(days, seed)
    after = adjusted(Prices(bars, dividends_on({})), Adjustment.DIVIDENDS)
    for name in PRICES:
        np.testing.assert_array_equal(getattr(after, name), getattr(bars, name))


@given(seed=st.integers(0, 1000), row=st.integers(1, DAYS - 1), share=st.floats(0.001, 0.9))
def test_the_log_return_of_an_ex_date_rises_by_what_was_paid(seed: int, row: int, share: float) -> None:
    bars = made_bars(DAYS, seed)
    found = Prices(bars, dividends_on({row: share * bars.close[row - 1]}))
    gained = np.diff(np.log(adjusted(found, Adjustment.DIVIDENDS).close)) - np.diff(np.log(bars.close))
    expected = np.zeros(DAYS - 1)
    expected[row - 1] = -np.log1p(-share)
    np.testing.assert_allclose(gained, expected, atol=1e-12)


@given(found=prices, known=st.integers(1, DAYS))
def test_what_is_known_later_changes_no_earlier_row(found: Prices, known: int) -> None:
    assume(known <= len(found.bars))
    last = found.bars.session_dates[known - 1]
    earlier = Bars(found.bars.symbol, *(array[:known] for array in list(vars(found.bars).values())[1:]))
    is_known = found.dividends.ex_dates <= last
    dividends = Dividends(found.dividends.ex_dates[is_known], found.dividends.amounts[is_known])
    before = adjusted(Prices(earlier, dividends), Adjustment.DIVIDENDS)
    after = adjusted(found, Adjustment.DIVIDENDS)
    for name in PRICES:
        np.testing.assert_array_equal(getattr(after, name)[:known], getattr(before, name))


@pytest.mark.parametrize(
    ("ex_day", "amount", "shares"),
    [
        pytest.param(3, 5.0, [1.0, 1.0, 2.0], id="on a session: from that session on"),
        pytest.param(2, 5.0, [1.0, 1.0, 2.0], id="between two sessions: from the next one on"),
        pytest.param(3, 10.0, [1.0, 1.0, 1.0], id="as large as the close before it: not at all"),
        pytest.param(0, 5.0, [1.0, 1.0, 1.0], id="on the first session: not at all"),
        pytest.param(4, 5.0, [1.0, 1.0, 1.0], id="after the last session: not yet"),
    ],
)
def test_a_dividend_counts(ex_day: int, amount: float, shares: list[float]) -> None:
    close = np.array([20.0, 10.0, 5.0])
    bars = Bars("MADE", made_dates(4)[[0, 1, 3]], close, close, close, close, close)
    assert reinvested_shares(Prices(bars, dividends_on({ex_day: amount}))).tolist() == shares


def test_a_dividend_on_the_second_session_counts_from_there() -> None:
    close = np.array([10.0, 8.0, 8.0])
    bars = Bars("MADE", made_dates(3), close, close, close, close, close)
    assert reinvested_shares(Prices(bars, dividends_on({1: 2.0}))).tolist() == [1.0, 1.25, 1.25]


@given(found=prices)
def test_adjusted_back_the_newest_close_is_as_traded_and_every_return_is_the_holders(found: Prices) -> None:
    back = adjusted_back(found)
    assert back[-1] == pytest.approx(found.bars.close[-1], rel=1e-12)
    np.testing.assert_allclose(back / back[0], held(found) / found.bars.close[0], rtol=1e-9)


def test_no_bars_are_adjusted_to_no_bars() -> None:
    nothing = np.array([])
    none = Prices(Bars("MADE", made_dates(0), *([nothing] * 5)), dividends_on({3: 1.0}))
    assert len(adjusted(none, Adjustment.DIVIDENDS)) == len(adjusted_back(none)) == 0
