import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calendars import trading_calendar
from pipeline.learn.features import LeadCloses, build_features, known_closes, segments
from pipeline.types import DateArray, Differencing, FeatureSet, closes_on
from tests.made import made_bars, unbroken

NEW_YORK, SEOUL, CRYPTO = (
    trading_calendar("XNYS", 30),
    trading_calendar("XKRX", 30),
    trading_calendar("24/7", 180),
)


def days(*texts: str) -> DateArray:
    return np.array(texts, dtype="datetime64[D]")


def test_a_segment_ends_where_an_expected_session_is_missing() -> None:
    expected = days("2025-01-02", "2025-01-03", "2025-01-06", "2025-01-07")
    present = days("2025-01-02", "2025-01-03", "2025-01-07")
    assert list(segments(present, expected)) == [0, 0, 1]
    assert list(segments(expected, expected)) == [0, 0, 0, 0]


def test_a_market_that_closes_later_the_same_day_is_not_known_yet() -> None:
    sessions = days("2025-01-07", "2025-01-08")
    closes = np.array([10.0, 20.0])
    known = known_closes("SPY", closes, NEW_YORK.settled_at(sessions), SEOUL.settled_at(sessions))
    np.testing.assert_array_equal(known.closes, [np.nan, 10.0])


def test_a_market_that_closes_earlier_the_same_day_is_known() -> None:
    sessions = days("2025-01-07", "2025-01-08")
    closes = np.array([10.0, 20.0])
    known = known_closes("005930.KS", closes, SEOUL.settled_at(sessions), NEW_YORK.settled_at(sessions))
    np.testing.assert_array_equal(known.closes, closes)


def test_a_weekend_of_crypto_moves_adds_up_in_mondays_change_of_the_lead() -> None:
    crypto_days = np.arange(np.datetime64("2025-01-09"), np.datetime64("2025-01-14"))
    closes = np.array([100.0, 110.0, 120.0, 130.0, 140.0])
    friday_and_monday = days("2025-01-10", "2025-01-13")
    moments = NEW_YORK.settled_at(friday_and_monday)
    known = known_closes("BTC-USD", closes, CRYPTO.settled_at(crypto_days), moments)
    np.testing.assert_array_equal(known.closes, [100.0, 130.0])
    features = build_features(made_bars(2), unbroken(2), FeatureSet.MULTIVARIATE, Differencing.LOG, [known])
    assert features.values[1, -1] == pytest.approx(np.log(130.0 / 100.0))


def test_todays_crypto_close_is_not_known_when_new_york_closes() -> None:
    sessions = days("2025-01-07", "2025-01-08")
    closes = np.array([10.0, 20.0])
    known = known_closes("BTC-USD", closes, CRYPTO.settled_at(sessions), NEW_YORK.settled_at(sessions))
    np.testing.assert_array_equal(known.closes, [np.nan, 10.0])


def test_a_missing_session_of_a_lead_is_unknown_and_not_its_older_close() -> None:
    sessions = days("2025-01-06", "2025-01-07", "2025-01-08")
    closes = closes_on(sessions, sessions[[0, 2]], np.array([1.0, 3.0]))
    known = known_closes("SPY", closes, NEW_YORK.settled_at(sessions), NEW_YORK.settled_at(sessions))
    np.testing.assert_array_equal(known.closes, [1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    ("feature_set", "names"),
    [
        (FeatureSet.UNIVARIATE, ("close",)),
        (FeatureSet.BIVARIATE, ("close", "range")),
        (
            FeatureSet.MULTIVARIATE,
            ("close", "open", "high", "low", "volume", "range", "lead:LEAD"),
        ),
    ],
)
@pytest.mark.parametrize("method", Differencing)
def test_a_feature_set_has_its_columns_and_the_close_first(
    feature_set: FeatureSet, names: tuple[str, ...], method: Differencing
) -> None:
    bars = made_bars(12)
    lead = LeadCloses("LEAD", made_bars(12, seed=1).close)
    features = build_features(bars, unbroken(12), feature_set, method, [lead])
    assert features.names == names
    assert features.values.shape == (12, len(names))
    own = bars.close[3] if method is Differencing.NONE else features.values[3, 0]
    if method is Differencing.LOG:
        assert own == pytest.approx(np.log(bars.close[3] / bars.close[2]))
    if method is Differencing.SIMPLE:
        assert own == pytest.approx(bars.close[3] - bars.close[2])
    assert np.isnan(features.values[0]).all() == (method is not Differencing.NONE)


@pytest.mark.parametrize("method", Differencing)
def test_the_range_is_a_log_ratio_under_log_and_a_difference_of_prices_otherwise(
    method: Differencing,
) -> None:
    bars = made_bars(12)
    features = build_features(bars, unbroken(12), FeatureSet.BIVARIATE, method, [])
    is_log = method is Differencing.LOG
    expected = np.log(bars.high) - np.log(bars.low) if is_log else bars.high - bars.low
    np.testing.assert_allclose(features.values[1:, 1], expected[1:], rtol=1e-9)


def test_a_spread_is_the_log_ratio_of_the_closes_and_its_change_whatever_the_method() -> None:
    bars, other = made_bars(12), made_bars(12, seed=1).close
    ratio = np.log(bars.close) - np.log(other)
    for method in Differencing:
        features = build_features(
            bars, unbroken(12), FeatureSet.MULTIVARIATE, method, [], [LeadCloses("OTHER", other)]
        )
        assert features.names[-2:] == ("spread:OTHER", "spread-change:OTHER")
        np.testing.assert_allclose(features.values[1:, -2], ratio[1:], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(features.values[1:, -1], np.diff(ratio), rtol=1e-9, atol=1e-12)


def test_a_session_without_any_volume_has_a_finite_change_of_it() -> None:
    bars = made_bars(5)
    bars.volume[2] = 0.0
    features = build_features(bars, unbroken(5), FeatureSet.MULTIVARIATE, Differencing.LOG, [])
    place = features.names.index("volume")
    assert features.values[2, place] == pytest.approx(-np.log(bars.volume[1] + 1.0))
    assert np.isfinite(features.values[1:]).all()


def test_a_change_across_a_segment_border_is_unknown() -> None:
    numbers = np.array([0, 0, 0, 1, 1])
    features = build_features(made_bars(5), numbers, FeatureSet.BIVARIATE, Differencing.LOG, [])
    assert list(np.isnan(features.values[:, 0])) == [True, False, False, True, False]


def test_a_missing_session_of_a_lead_leaves_both_changes_around_it_unknown() -> None:
    lead = made_bars(6, seed=1).close
    lead[2] = np.nan
    features = build_features(
        made_bars(6), unbroken(6), FeatureSet.MULTIVARIATE, Differencing.LOG, [LeadCloses("LEAD", lead)]
    )
    assert list(np.isnan(features.values[:, -1])) == [True, False, True, True, False, False]
    assert np.isfinite(features.values[1:, :-1]).all()


@given(
    steps=st.lists(st.integers(1, 9), min_size=1, max_size=20),
    moments=st.lists(st.integers(-5, 120), min_size=1, max_size=20),
)
def test_a_lead_is_known_at_a_moment_by_its_newest_settled_close_alone(
    steps: list[int], moments: list[int]
) -> None:
    settled = np.cumsum(steps)
    closes = np.arange(len(steps)) + 1.0
    asked = sorted(moments)
    known = known_closes(
        "LEAD", closes, settled.astype("datetime64[s]"), np.array(asked).astype("datetime64[s]")
    )
    for moment, close in zip(asked, known.closes, strict=True):
        so_far = [c for c, at in zip(closes, settled, strict=True) if at <= moment]
        np.testing.assert_equal(close, so_far[-1] if so_far else np.nan)
