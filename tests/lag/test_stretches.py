import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lag.stretches import longest_stretch


@st.composite
def partings(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    rows = draw(st.integers(0, 12))
    place = st.integers(0, max(rows - 1, 0))
    pairs = draw(st.lists(st.tuples(place, place).map(sorted).map(tuple), max_size=6)) if rows else []
    return rows, pairs


def pieces(rows: int, pairs: list[tuple[int, int]]) -> list[range]:
    """Every run without a whole pair, found the long way."""
    every = [range(a, b) for a in range(rows) for b in range(a + 1, rows + 1)]
    return [run for run in every if not any(a in run and b in run for a, b in pairs)]


@given(partings())
def test_the_longest_stretch_holds_no_parted_pair_and_no_longer_one_exists(
    case: tuple[int, list[tuple[int, int]]],
) -> None:
    rows, pairs = case
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    found = longest_stretch(rows, columns[:, 0], columns[:, 1])
    possible = pieces(rows, pairs)
    run = range(rows)[found]
    assert len(run) == max((len(one) for one in possible), default=0)
    assert not run or run in possible


def test_rows_that_are_all_paired_with_themselves_have_no_stretch() -> None:
    assert longest_stretch(3, np.arange(3), np.arange(3)) == slice(0, 0)


def test_the_newest_of_equal_stretches_is_taken() -> None:
    assert longest_stretch(6, np.array([2]), np.array([3])) == slice(3, 6)
