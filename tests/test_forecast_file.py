"""Files of forecasts made elsewhere: what is judged of them, what is left out, and how that is said."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PricecastError, UsageError
from pipeline.forecast_file import ForecastFileError, ForecastSeries, UnusableSeries, read_forecast_file
from pipeline.lag import judge_alone
from pipeline.types import Evidence, Verdict
from tests.made import made_dates
from tests.made_forecasts import COLUMNS, made_cells, noisy_cells, with_cell, without_rows, written
from tests.properties import examples

SORTED = "rows are not in order of origin_date: sorted"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forecasts")


def read(folder: Path, cells: pd.DataFrame, horizon: int = 1) -> ForecastSeries:
    """The only series of a file, which can be judged."""
    (series,) = read_forecast_file(written(folder, cells), horizon)
    assert isinstance(series, ForecastSeries)
    return series


def refusal(folder: Path, cells: pd.DataFrame, horizon: int = 1) -> UnusableSeries:
    """The only series of a file, which cannot be judged."""
    (series,) = read_forecast_file(written(folder, cells), horizon)
    assert isinstance(series, UnusableSeries)
    return series


def evidence(series: ForecastSeries) -> Evidence:
    (judgement,) = judge_alone([series.trial])
    return judgement.evidence


def same_trial(one: ForecastSeries, other: ForecastSeries) -> bool:
    return same_numbers(one, other) and np.array_equal(one.target_dates, other.target_dates)


def same_numbers(one: ForecastSeries, other: ForecastSeries) -> bool:
    return np.array_equal(one.trial.log_prices, other.trial.log_prices) and np.array_equal(
        one.trial.log_forecasts, other.trial.log_forecasts
    )


@pytest.mark.parametrize("horizon", [1, 5])
def test_the_first_21_rows_are_history_and_the_last_actuals_end_the_prices(
    folder: Path, horizon: int
) -> None:
    cells = noisy_cells(60, horizon=horizon)
    last, forecast, actual = (cells[name].astype(float).to_numpy() for name in COLUMNS[2:])
    series = read(folder, cells, horizon)
    assert (series.symbol, series.model, series.notes) == ("", "", ())
    assert (len(series.trial), series.trial.horizon) == (39, horizon)
    np.testing.assert_array_equal(series.trial.log_prices[:60], np.log(last))
    np.testing.assert_array_equal(series.trial.log_prices[60:], np.log(actual[60 - horizon :]))
    np.testing.assert_array_equal(series.trial.log_forecasts, np.log(forecast[21:]))
    np.testing.assert_array_equal(series.target_dates, made_dates(60 + horizon)[21 + horizon :])


@pytest.mark.parametrize("age", [0, 2])
def test_the_price_of_some_sessions_before_is_an_echo_of_that_age(folder: Path, age: int) -> None:
    (judgement,) = judge_alone([read(folder, made_cells(age=age)).trial])
    assert judgement.verdict is Verdict.ECHO
    assert judgement.evidence.mean_lag_sessions == pytest.approx(age, abs=1e-6)


@examples(15)
@given(order=st.permutations(range(55)))
def test_the_order_of_the_rows_changes_nothing_but_the_note(folder: Path, order: list[int]) -> None:
    cells = noisy_cells(55)
    shuffled = read(folder, cells.iloc[order])
    assert same_trial(shuffled, read(folder, cells))
    assert shuffled.notes == (() if order == sorted(order) else (SORTED,))


@examples(10)
@given(unit=st.floats(1e-3, 1e6), horizon=st.sampled_from([1, 3]))
def test_another_currency_unit_changes_no_number(folder: Path, unit: float, horizon: int) -> None:
    cells = noisy_cells(130, horizon=horizon)
    changed = cells.assign(**{name: cells[name].astype(float) * unit for name in COLUMNS[2:]})
    before, after = (evidence(read(folder, table, horizon)) for table in (cells, changed))
    assert before.nearest_naive == after.nearest_naive
    names = [name for name, value in vars(before).items() if not isinstance(value, str)]
    for name in names:
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-6, abs=1e-9), name


@examples(15)
@given(row=st.integers(2, 121), column=st.sampled_from(COLUMNS), text=st.sampled_from(["abc", "-", "1,5"]))
def test_whatever_cannot_be_read_is_named_with_its_row_and_text(
    folder: Path, row: int, column: str, text: str
) -> None:
    series = read(folder, with_cell(noisy_cells(), row, column, text))
    wanted = "date like 2024-12-31" if column.endswith("date") else "positive number"
    assert series.notes[0] == f"{column} is no {wanted} in row {row} ('{text}'): left out"
    assert len(series.trial) + 21 == (119 if row in {2, 121} else max(row - 2, 121 - row))


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "0", "-3", "1e999", "1_000", "$5"])
def test_a_price_is_a_positive_finite_number(folder: Path, text: str) -> None:
    series = read(folder, with_cell(made_cells(), 2, "forecast", text))
    assert series.notes == (f"forecast is no positive number in row 2 ('{text}'): left out",)


def test_an_empty_cell_is_called_empty_and_a_long_one_is_cut(folder: Path) -> None:
    cells = with_cell(with_cell(made_cells(), 2, "last_close", " "), 3, "last_close", "long\n" * 20)
    (note,) = read(folder, cells).notes
    assert note == (
        "last_close is no positive number in row 2 (empty),"
        " row 3 ('long long long long long long long lo...'): left out"
    )


def test_the_first_three_rows_of_a_kind_are_named_and_the_rest_counted(folder: Path) -> None:
    cells = made_cells()
    for row in range(2, 7):
        cells = with_cell(cells, row, "actual", "?")
    (note,) = read(folder, cells).notes
    assert note == (
        "actual is no positive number in row 2 ('?'), row 3 ('?'), row 4 ('?') and 2 more: left out"
    )


@pytest.mark.parametrize(
    "written_as", ["%Y/%m/%d", "%Y%m%d", "%Y-%m-%d 16:00:00-05:00", "%Y-%m-%dT00:00:00Z"]
)
def test_a_date_puts_the_year_first_and_may_have_a_time(folder: Path, written_as: str) -> None:
    cells = made_cells()
    dates = {name: pd.to_datetime(cells[name]).dt.strftime(written_as) for name in COLUMNS[:2]}
    assert same_trial(read(folder, cells.assign(**dates)), read(folder, cells))


@pytest.mark.parametrize("day", ["31/12/2024", "2024-02-30", "45658", "", "today"])
def test_any_other_date_is_refused(folder: Path, day: str) -> None:
    series = read(folder, with_cell(made_cells(), 121, "target_date", day))
    shown = f"'{day}'" if day else "empty"
    assert series.notes == (f"target_date is no date like 2024-12-31 in row 121 ({shown}): left out",)


def test_forecasts_that_have_not_come_true_are_left_out(folder: Path) -> None:
    cells = made_cells()
    open_ = with_cell(with_cell(cells, 120, "actual", ""), 121, "actual", "")
    series = read(folder, open_)
    assert same_trial(series, read(folder, cells.iloc[:-2]))
    assert series.notes == ("no actual yet in row 120 (2024-04-28), row 121 (2024-04-29): left out",)


def test_a_row_said_twice_counts_once(folder: Path) -> None:
    cells = noisy_cells()
    doubled = pd.concat([cells, cells.iloc[[9]]])
    assert same_trial(read(folder, doubled), read(folder, cells))
    assert read(folder, doubled).notes == (SORTED, "row 122 repeats row 11: left out")


def test_two_rows_that_say_different_things_of_one_origin_are_an_error(folder: Path) -> None:
    cells = noisy_cells()
    error = refusal(folder, pd.concat([cells, cells.iloc[[9]].assign(forecast="1")])).error
    assert error.what == "rows 11 and 122 both have origin_date 2024-01-10, and differ"
    assert "one row for each origin_date" in error.next_step


def test_moments_of_one_day_are_no_sessions(folder: Path) -> None:
    cells = noisy_cells()
    moments = [f"2024-01-{1 + row // 24:02d} {row % 24:02d}:00:00" for row in range(121)]
    error = refusal(folder, cells.assign(origin_date=moments[:-1], target_date=moments[1:])).error
    assert error.what == "rows 2 and 3 both have origin_date 2024-01-01, and differ"
    assert error.next_step == "Keep one row for each day: only daily sessions are judged."


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_target_that_is_not_the_origin_so_many_rows_on_is_told(folder: Path, horizon: int) -> None:
    cells = noisy_cells(horizon=horizon)
    series = read(folder, with_cell(cells, 60, "target_date", "2024-03-31"), horizon)
    assert same_numbers(series, read(folder, cells, horizon))
    rows = "1 row" if horizon == 1 else "3 rows"
    assert series.notes == (
        f"target_date is not the origin_date {rows} further on in row 60 (2024-03-31): judged in the order of"
        " the rows, as their prices agree",
    )


def test_blank_lines_are_no_rows_and_yet_are_counted(folder: Path) -> None:
    file = written(folder, with_cell(made_cells(), 2, "forecast", "x"), "blank.csv")
    header, rest = file.read_text(encoding="utf-8").split("\n", 1)
    file.write_text(f"{header}\n\n,,,,\n{rest}", encoding="utf-8")
    (series,) = read_forecast_file(file, 1)
    assert series.notes == ("forecast is no positive number in row 4 ('x'): left out",)


def test_missing_sessions_are_named_and_the_longest_stretch_is_judged(folder: Path) -> None:
    cells = noisy_cells()
    series = read(folder, without_rows(cells, 40, 41))
    assert same_trial(series, read(folder, cells.iloc[40:]))
    assert series.notes == (
        "sessions are missing between row 39 (2024-02-07) and row 40 (2024-02-10)",
        "judged is the longest stretch, 80 rows from row 40 (2024-02-10) to row 119 (2024-04-29);"
        " 38 rows left out",
    )


def test_one_gap_is_told_once_however_many_forecasts_reach_over_it(folder: Path) -> None:
    cells = noisy_cells(200, horizon=5)
    series = read(folder, without_rows(cells, 80), 5)
    assert same_trial(series, read(folder, cells.iloc[79:], 5))
    assert series.notes[0] == "sessions are missing between row 75 (2024-03-14) and row 80 (2024-03-20)"


@examples(15)
@given(row=st.integers(3, 141), horizon=st.integers(1, 8))
def test_no_stretch_that_is_judged_reaches_over_a_missing_session(
    folder: Path, row: int, horizon: int
) -> None:
    cells = noisy_cells(141, horizon=horizon)
    series = read(folder, without_rows(cells, row), horizon)
    longer = cells.iloc[: row - 2] if row - 2 > 140 - (row - 2) else cells.iloc[row - 1 :]
    if len(longer) > 70:  # two halves alike leave a choice
        assert same_trial(series, read(folder, longer, horizon))


def test_prices_of_one_session_that_differ_are_asked_about(folder: Path) -> None:
    cells = made_cells()
    split = cells.copy()
    for name in COLUMNS[2:]:
        split.loc[50:, name] = [str(float(text) / 2) for text in cells.loc[50:, name]]
    series = read(folder, split)
    actual, last_close = float(split["actual"][49]), float(split["last_close"][50])
    assert same_trial(series, read(folder, split.iloc[50:]))
    assert series.notes[0] == (
        f"last_close {last_close:.10g} of row 52 contradicts actual {actual:.10g} of row 51"
        " for the same session 2024-02-20: are they on one price basis?"
    )


@pytest.mark.parametrize(("change", "n"), [(0.5e-6, 99), (2e-6, 79)], ids=["rounding", "contradiction"])
def test_what_rounding_changes_is_no_contradiction(folder: Path, change: float, n: int) -> None:
    cells = made_cells()
    changed = str(float(cells["last_close"][20]) * (1.0 + change))
    assert len(read(folder, with_cell(cells, 22, "last_close", changed)).trial) == n


def test_too_few_rows_say_how_many_are_needed(folder: Path) -> None:
    assert len(read(folder, made_cells(51)).trial) == 30
    error = refusal(folder, made_cells(50)).error
    assert error.what == "50 rows of 50 can be used; 51 are needed, 21 of history and 30 forecasts"


def test_too_few_rows_because_of_gaps_say_so(folder: Path) -> None:
    error = refusal(folder, without_rows(made_cells(99), 50)).error
    assert error.what == (
        "because of gaps only 50 of 98 rows can be judged together; 51 are needed, 21 of history and"
        " 30 forecasts: sessions are missing between row 49 (2024-02-17) and row 50 (2024-02-19)"
    )


def test_rows_left_out_are_told_even_when_the_rest_is_too_little(folder: Path) -> None:
    failed = refusal(folder, with_cell(made_cells(51), 51, "last_close", "?"))
    assert failed.notes == ("last_close is no positive number in row 51 ('?'): left out",)
    assert failed.error.what.startswith("50 rows of 51 can be used")


@pytest.mark.parametrize(("true", "given_"), [(5, 1), (1, 5), (1, 500), (60, 1)])
def test_the_wrong_horizon_is_recognised(folder: Path, true: int, given_: int) -> None:
    error = refusal(folder, made_cells(120, horizon=true), given_).error
    assert error.what.endswith(f"further on, not {given_}")
    assert error.next_step == f"Give --horizon {true}."


def test_a_stretch_is_longer_than_its_horizon(folder: Path) -> None:
    error = refusal(folder, made_cells(60, horizon=60), 60).error
    assert "61 are needed, 21 of history and 40 forecasts" in error.what
    assert len(read(folder, made_cells(61, horizon=60), 60).trial) == 40


def test_each_symbol_and_model_is_a_series_in_order_of_first_appearance(folder: Path) -> None:
    one = noisy_cells().assign(Symbol="NA", model="b")
    others = [noisy_cells(seed=6).assign(Symbol="A", model=model) for model in ("b", "a")]
    together = pd.concat([one.iloc[:1], others[0], one.iloc[1:], others[1].iloc[:9]])
    first, second, third = read_forecast_file(written(folder, together), 1)
    names = [(series.symbol, series.model) for series in (first, second, third)]
    assert names == [("NA", "b"), ("A", "b"), ("A", "a")]
    assert isinstance(first, ForecastSeries)
    assert same_trial(first, read(folder, one))
    assert isinstance(third, UnusableSeries)


def test_headers_may_be_in_capitals_and_spaced_and_other_columns_are_ignored(folder: Path) -> None:
    cells = noisy_cells()
    odd = cells.assign(comment='a "b"\nc').iloc[:, ::-1].rename(columns=lambda name: f" {name.upper()} ")
    assert same_trial(read(folder, odd), read(folder, cells))


def test_a_file_may_be_gzipped_and_start_with_a_byte_order_mark(folder: Path) -> None:
    cells = noisy_cells()
    plain = written(folder, cells, "plain.csv")
    (folder / "packed.csv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + plain.read_bytes()))
    (series,) = read_forecast_file(folder / "packed.csv.gz", 1)
    assert isinstance(series, ForecastSeries)
    assert same_trial(series, read(folder, cells))


@pytest.mark.parametrize(
    ("content", "what", "next_step"),
    [
        (b"", "is empty", "must name the columns origin_date, target_date, last_close, forecast, actual"),
        (b"origin_date,actual\n1,2\n", "has no column target_date, last_close, forecast", "must name"),
        (b"origin_date;target_date;last_close;forecast;actual\n", "has no column", "separated by commas"),
        (",".join(COLUMNS).encode(), "has no rows below its header", "Put the forecasts"),
        ((",".join([*COLUMNS, "Actual"]) + "\n1,2,3,4,5,6\n").encode(), "has two columns actual", "Keep"),
        ((",".join(COLUMNS) + "\n1,2,3,4,5,6\n").encode(), "is not a readable CSV file", "at that place"),
        ("origin_date,ä\n".encode("latin-1"), "is not UTF-8 text", "in UTF-8"),
        ("origin_date\n".encode("utf-16"), "is not UTF-8 text", "in UTF-8"),
    ],
    ids=["empty", "columns", "semicolons", "header only", "twice", "ragged", "latin", "utf-16"],
)
def test_a_file_that_holds_no_forecasts_is_an_error_that_names_it(
    folder: Path, content: bytes, what: str, next_step: str
) -> None:
    file = folder / "odd.csv"
    file.write_bytes(content)
    with pytest.raises(ForecastFileError) as caught:
        read_forecast_file(file, 1)
    assert f"{file} {what}" in caught.value.what
    assert next_step in caught.value.next_step
    assert str(caught.value).count("\n") == 1


def test_damaged_gzip_is_an_error(folder: Path) -> None:
    packed = gzip.compress(written(folder, made_cells()).read_bytes())
    for name, content in (("cut.csv.gz", packed[:200]), ("plain.csv.gz", b"origin_date\n")):
        (folder / name).write_bytes(content)
        with pytest.raises(PricecastError, match="cannot be read"):
            read_forecast_file(folder / name, 1)


@pytest.mark.parametrize(("name", "what"), [("absent.csv", "does not exist"), (".", "is a folder")])
def test_what_is_no_file_is_wrong_usage(folder: Path, name: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        read_forecast_file(folder / name, 1)
