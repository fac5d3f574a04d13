import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learn.window import last_horizon_only, make_windows, select
from pipeline.types import Differencing, Features
from tests.made import made_dates, unbroken


def counting(n: int, segments: np.ndarray | None = None) -> Features:
    values = np.column_stack([np.arange(n, dtype=float), -np.arange(n, dtype=float)])
    numbers = unbroken(n) if segments is None else segments
    closes = np.arange(n) + 1.0
    return Features("MADE", ("close", "range"), made_dates(n), values, closes, closes, numbers)


@given(n=st.integers(0, 40), time_steps=st.integers(1, 10), horizons=st.integers(1, 6))
def test_a_window_ends_at_its_origin_and_its_targets_follow_it(
    n: int, time_steps: int, horizons: int
) -> None:
    windows = make_windows(counting(n), time_steps, horizons)
    assert list(windows.rows) == list(range(time_steps - 1, n))
    for row, values, targets in zip(windows.rows, windows.values, windows.targets, strict=True):
        assert list(values[:, 0]) == list(range(row - time_steps + 1, row + 1))
        expected = [row + h if row + h < n else np.nan for h in range(1, horizons + 1)]
        np.testing.assert_array_equal(targets, expected)


def test_no_window_and_no_target_spans_a_missing_session() -> None:
    windows = make_windows(counting(10, np.array([0] * 5 + [1] * 5)), 3, 2)
    assert list(windows.rows) == [2, 3, 4, 7, 8, 9]
    np.testing.assert_array_equal(windows.targets[2], [np.nan, np.nan])
    np.testing.assert_array_equal(windows.targets[1], [4.0, np.nan])


def test_a_window_with_an_unknown_value_is_left_out() -> None:
    features = counting(8)
    features.values[3, 1] = np.nan
    assert list(make_windows(features, 2, 1).rows) == [1, 2, 5, 6, 7]


def test_chosen_windows_keep_their_order() -> None:
    windows = select(make_windows(counting(9), 2, 1), np.array([4, 1]))
    assert list(windows.rows) == [5, 2]
    assert windows.values[0, -1, 0] == 5.0


def test_too_few_sessions_give_no_windows_of_the_usual_shape() -> None:
    windows = make_windows(counting(4), 5, 3)
    assert (windows.rows.shape, windows.values.shape, windows.targets.shape) == ((0,), (0, 5, 2), (0, 3))


@pytest.mark.parametrize(
    ("method", "targets"),
    [
        pytest.param(Differencing.LOG, [2 + 3 + 4, 3 + 4 + 5], id="changes: all of them together"),
        pytest.param(Differencing.SIMPLE, [2 + 3 + 4, 3 + 4 + 5], id="simple changes: the same"),
        pytest.param(Differencing.NONE, [4, 5], id="levels: the last of them"),
    ],
)
def test_the_last_target_alone_is_of(method: Differencing, targets: list[int]) -> None:
    windows = make_windows(counting(6), 2, 3)
    alone = last_horizon_only(windows, method)
    np.testing.assert_array_equal(alone.targets[:, 0], [*targets, np.nan, np.nan, np.nan])
    assert alone.targets.shape == (5, 1)
    np.testing.assert_array_equal(alone.rows, windows.rows)
    np.testing.assert_array_equal(alone.values, windows.values)


@pytest.mark.parametrize("method", Differencing)
def test_the_last_target_alone_is_unknown_where_any_session_on_the_way_is_missing(
    method: Differencing,
) -> None:
    windows = make_windows(counting(6), 2, 3)
    windows.targets[0, 1] = np.nan
    alone = last_horizon_only(windows, method)
    assert np.isnan(alone.targets[:, 0]).tolist() == [True, False, True, True, True]
