"""Files of forecasts made elsewhere: what is read, and how every defect is named."""

import gzip
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PricecastError
from pipeline.forecast_file import ForecastFileError, ForecastSeries, UnusableSeries, read_forecast_file

HEADER = "origin_date,target_date,last_close,forecast,actual"
Rows = list[list[str]]


def made_rows(count: int = 80, horizon: int = 1, seed: int = 0) -> Rows:
    """Forecasts of a random walk on consecutive days, as text."""
    rng = np.random.default_rng(seed)
    prices = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, count + horizon)))
    days = np.datetime64("2024-01-01") + np.arange(count + horizon)
    return [
        [
            *(str(days[row]), str(days[row + horizon]), repr(float(prices[row]))),
            *(repr(float(prices[row] * 1.001)), repr(float(prices[row + horizon]))),
        ]
        for row in range(count)
    ]


def csv_file(folder: Path, rows: Sequence[Sequence[str]], header: str = HEADER) -> Path:
    file = folder / "forecasts.csv"
    file.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ForecastSeries]:
    def one_series(rows: Rows, horizon: int = 1) -> ForecastSeries:
        (found,) = read_forecast_file(csv_file(tmp_path, rows), horizon)
        assert isinstance(found, ForecastSeries), found
        return found

    return one_series


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., UnusableSeries]:
    def one_series(rows: Rows, horizon: int = 1) -> UnusableSeries:
        (found,) = read_forecast_file(csv_file(tmp_path, rows), horizon)
        assert isinstance(found, UnusableSeries), found
        return found

    return one_series


Read = Callable[..., ForecastSeries]
Refused = Callable[..., UnusableSeries]


@pytest.mark.parametrize("horizon", [1, 3])
def test_the_first_rows_are_history_and_the_last_actuals_end_the_prices(read: Read, horizon: int) -> None:
    rows = made_rows(80, horizon)
    found = read(rows, horizon)
    prices = [float(row[2]) for row in rows] + [float(row[4]) for row in rows[-horizon:]]
    np.testing.assert_array_equal(found.trial.log_prices, np.log(prices))
    np.testing.assert_array_equal(found.trial.log_forecasts, np.log([float(row[3]) for row in rows[21:]]))
    assert [str(day) for day in found.target_dates] == [row[1] for row in rows[21:]]
    assert (found.trial.horizon, found.notes, found.symbol, found.model) == (horizon, (), "", "")


@given(order=st.permutations(range(60)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_rows_changes_nothing_but_a_note(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    folder, rows = tmp_path_factory.mktemp("shuffled"), made_rows(60)
    (plain,) = read_forecast_file(csv_file(folder, rows), 1)
    (shuffled,) = read_forecast_file(csv_file(folder, [rows[place] for place in order]), 1)
    assert isinstance(plain, ForecastSeries)
    assert isinstance(shuffled, ForecastSeries)
    np.testing.assert_array_equal(shuffled.trial.log_prices, plain.trial.log_prices)
    np.testing.assert_array_equal(shuffled.trial.log_forecasts, plain.trial.log_forecasts)
    in_order = order == sorted(order)
    assert shuffled.notes == (() if in_order else ("rows are not in order of origin_date: sorted",))


def test_several_symbols_and_models_are_told_apart_in_order_of_appearance(tmp_path: Path) -> None:
    rows = [["B" if seed else "A", "lstm", *row] for seed in (1, 0) for row in made_rows(60, seed=seed)] + [
        ["A", "ridge", *row] for row in made_rows(10)
    ]
    found = read_forecast_file(csv_file(tmp_path, rows, f"Symbol, MODEL ,{HEADER}"), 1)
    assert [(one.symbol, one.model) for one in found] == [("B", "lstm"), ("A", "lstm"), ("A", "ridge")]
    assert [isinstance(one, ForecastSeries) for one in found] == [True, True, False]


def test_a_gzipped_file_with_other_columns_and_blank_lines_is_read(tmp_path: Path) -> None:
    lines = [f"note,{HEADER}", "", *(",".join(["x", *row]) for row in made_rows(60)), ""]
    file = tmp_path / "forecasts.csv.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    (found,) = read_forecast_file(file, 1)
    assert isinstance(found, ForecastSeries)
    assert len(found.trial) == 39


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        (2, "", "last_close is no positive number in row 72 (empty): left out"),
        (2, "0", "last_close is no positive number in row 72 ('0'): left out"),
        (3, "-1.5", "forecast is no positive number in row 72 ('-1.5'): left out"),
        (3, "nan", "forecast is no positive number in row 72 ('nan'): left out"),
        (4, "inf", "actual is no positive number in row 72 ('inf'): left out"),
        (4, "1_000", "actual is no positive number in row 72 ('1_000'): left out"),
        (4, "", "actual is no positive number in row 72 (empty): left out"),
        (0, "yesterday", "origin_date is no date like 2024-12-31 in row 72 ('yesterday'): left out"),
        (1, "2024-02-30", "target_date is no date like 2024-12-31 in row 72 ('2024-02-30'): left out"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_row(
    read: Read, column: int, text: str, said: str
) -> None:
    rows = made_rows(80)
    rows[70][column] = text
    found = read(rows)
    assert said in found.notes
    assert "sessions are missing between row 71 (2024-03-10) and row 73 (2024-03-12)" in found.notes
    assert any("judged is the longest stretch, 70 rows from row 2" in note for note in found.notes)
    assert len(found.trial) == 70 - 21


def test_the_longest_stretch_without_a_gap_is_judged_and_the_rest_is_counted(read: Read) -> None:
    rows = made_rows(100)
    del rows[30:33]
    found = read(rows)
    assert found.notes == (
        "sessions are missing between row 31 (2024-01-30) and row 32 (2024-02-03)",
        "judged is the longest stretch, 67 rows from row 32 (2024-02-03) to row 98 (2024-04-09); "
        "30 rows left out",
    )
    assert str(found.target_dates[0]) == "2024-02-25"


def test_a_gap_several_sessions_ahead_is_one_gap(read: Read) -> None:
    rows = made_rows(120, 5)
    del rows[20]
    found = read(rows, 5)
    assert sum("sessions are missing" in note for note in found.notes) == 1
    assert len(found.trial) == 120 - 21 - 21


def test_a_last_close_that_contradicts_the_actual_before_it_is_named_with_both_rows(read: Read) -> None:
    rows = made_rows(100)
    rows[30][2] = "55.5"
    contradiction, judged = read(rows).notes
    assert contradiction.startswith("last_close 55.5 of row 32 contradicts actual ")
    assert contradiction.endswith("of row 31 for the same session 2024-01-31: are they on one price basis?")
    assert "70 rows from row 32" in judged


def test_rounding_to_a_millionth_is_no_contradiction(read: Read) -> None:
    rows = made_rows(60)
    rows[30][2] = repr(float(rows[30][2]) * (1 + 5e-7))
    assert read(rows).notes == ()


def test_repeated_rows_are_left_out_and_named(read: Read) -> None:
    rows = made_rows(60)
    found = read([*rows[:41], rows[40], *rows[41:]])
    assert found.notes == ("row 43 repeats row 42: left out",)
    assert len(found.trial) == 39


def test_rows_that_say_different_things_of_one_origin_are_an_error_that_names_both(refused: Refused) -> None:
    rows = made_rows(60)
    other = [*rows[40][:3], "99.0", rows[40][4]]
    error = str(refused([*rows, other]).error)
    assert "rows 42 and 62 both have origin_date 2024-02-10, and differ" in error


def test_the_newest_forecasts_without_an_actual_have_not_come_true_yet(read: Read) -> None:
    rows = made_rows(60)
    rows[-1][4] = rows[-2][4] = ""
    found = read(rows)
    assert found.notes == ("no actual yet in row 60 (2024-02-28), row 61 (2024-02-29): left out",)
    assert len(found.trial) == 37


@pytest.mark.parametrize("count", [1, 50])
def test_fewer_than_fifty_one_rows_are_counted(refused: Refused, count: int) -> None:
    error = str(refused(made_rows(count)).error)
    assert f"of {count} can be used; 51 are needed, 21 of history and 30 forecasts" in error


def test_fifty_one_rows_are_enough(read: Read) -> None:
    assert len(read(made_rows(51)).trial) == 30


def test_a_file_with_gaps_everywhere_says_that_they_are_the_reason(refused: Refused) -> None:
    rows = [row for place, row in enumerate(made_rows(200)) if place % 40]
    error = str(refused(rows).error)
    assert "because of gaps only 39 of 195 rows can be judged together" in error
    assert "and 1 more" in error


def test_a_file_of_another_horizon_is_told_which(refused: Refused) -> None:
    assert refused(made_rows(100, 5)).error.next_step == "Give --horizon 5."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("origin_date,forecast\n2024-01-01,3\n", "has no column target_date, last_close, actual"),
        (f"{HEADER}\n", "has no rows below its header"),
        (f"{HEADER},actual\n1,2,3,4,5,6\n", "has two columns actual"),
    ],
)
def test_a_file_that_is_no_file_of_forecasts_says_what_it_lacks(
    tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "other.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ForecastFileError, match=said):
        read_forecast_file(file, 1)


def test_what_is_no_text_or_no_file_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x80" * 50)
    (tmp_path / "broken.csv.gz").write_bytes(b"not gzip")
    for name in ("binary.csv", "broken.csv.gz", "absent.csv", "."):
        with pytest.raises(PricecastError):
            read_forecast_file(tmp_path / name, 1)


@given(text=st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_give_series_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, text: bytes
) -> None:
    file = tmp_path_factory.mktemp("bytes") / "any.csv"
    file.write_bytes(HEADER.encode() + b"\n" + text)
    with suppress(PricecastError):
        read_forecast_file(file, 1)
