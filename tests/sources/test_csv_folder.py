"""CSV prices as people have them."""

import gzip
import pickle
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SourceError
from pipeline.settings import AssetSettings, DownloadSettings
from pipeline.sources import open_source
from pipeline.sources.csv_folder import CsvSource, implied_dividends
from pipeline.sources.csv_table import CsvTable
from pipeline.types import RAW_COLUMNS

BEGINNING = date(1990, 1, 1)
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
PLAIN = "Date,Open,High,Low,Close,Volume\n2024-05-06,1,3,0.5,2,10\n2024-05-07,2,4,1.5,3,20\n"


def rows_of(
    path: Path, symbol: str = "ABC", start: date = BEGINNING, as_of: datetime = AS_OF
) -> pd.DataFrame:
    return CsvSource(path).download(AssetSettings(symbol=symbol), start, as_of).rows


def read(folder: Path, text: str) -> pd.DataFrame:
    (folder / "ABC.csv").write_text(text, encoding="utf-8", newline="")
    return rows_of(folder)


def days(rows: pd.DataFrame) -> list[str]:
    return rows["session_date"].to_numpy().astype("datetime64[D]").astype(str).tolist()


def first_bar(rows: pd.DataFrame) -> list[float]:
    bars: list[list[float]] = rows[["open", "high", "low", "close", "volume"]].to_numpy().tolist()
    return bars[0]


def test_a_plain_file_gives_raw_columns(tmp_path: Path) -> None:
    rows = read(tmp_path, PLAIN)

    assert tuple(rows.columns) == RAW_COLUMNS
    assert days(rows) == ["2024-05-06", "2024-05-07"]
    assert rows[["open", "high", "low", "close", "volume"]].to_numpy().tolist() == [
        [1.0, 3.0, 0.5, 2.0, 10.0],
        [2.0, 4.0, 1.5, 3.0, 20.0],
    ]
    assert rows[["adj_close", "dividend", "split_ratio"]].isna().all(axis=None)


def test_the_origin_is_the_file(tmp_path: Path) -> None:
    (tmp_path / "ABC.csv").write_text(PLAIN)

    raw = CsvSource(tmp_path).download(AssetSettings(symbol="ABC"), BEGINNING, AS_OF)

    assert (raw.symbol, raw.origin) == ("ABC", str(tmp_path / "ABC.csv"))


def test_a_gzipped_file_reads_the_same(tmp_path: Path) -> None:
    plain = read(tmp_path, PLAIN)
    (tmp_path / "ABC.csv").unlink()
    (tmp_path / "ABC.csv.gz").write_bytes(gzip.compress(PLAIN.encode()))

    pd.testing.assert_frame_equal(rows_of(tmp_path), plain)


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-06",
        " 2024-05-06 ",
        "2024-05-06 00:00:00",
        "2024-05-06T00:00:00Z",
        "2024-05-06 00:00:00+09:00",
        "2024-05-06 00:00:00-04:00",
        "5/6/2024",
        "05/06/2024",
        "5/6/2024 16:00:00",
        "May 6, 2024",
        "May 06, 2024",
        "6-May-24",
        "06-May-2024",
        "2024/05/06",
        "20240506",
    ],
)
def test_a_date_is_read_as_the_local_day(tmp_path: Path, written: str) -> None:
    rows = read(tmp_path, f'Date,Close\n"{written}",1\n')

    assert days(rows) == ["2024-05-06"]
    assert rows["date_text"].tolist() == [written]


def test_a_date_that_cannot_be_read_stays_with_its_text(tmp_path: Path) -> None:
    rows = read(tmp_path, "Date,Close\n2024-05-06,1\nTotal,2\n2024-02-30,3\n")

    assert rows["session_date"].isna().tolist() == [False, True, True]
    assert rows["date_text"].tolist() == ["2024-05-06", "Total", "2024-02-30"]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1234.5", 1234.5),
        ('"1,234.5"', 1234.5),
        ('"$1,234.50 "', 1234.5),
        (" 1234.5 ", 1234.5),
        ("1.2345e3", 1234.5),
        ("-", np.nan),
        (" - ", np.nan),
        ("", np.nan),
        ("null", np.nan),
        ("NaN", np.nan),
        ("n/a", np.nan),
    ],
)
def test_a_number_is_read_through_its_ornaments(tmp_path: Path, written: str, number: float) -> None:
    rows = read(tmp_path, f"Date,Close\n2024-05-06,7\n2024-05-07,{written}\n")

    assert rows["close"].tolist() == pytest.approx([7.0, number], nan_ok=True)


@pytest.mark.parametrize(
    "header",
    [
        "date,open,high,low,close,volume",
        "DATE, Open , High,Low,Close, Volume",
        "Date,Open,High,Low,Close,Volume (BTC)",
        "\ufeffDate,Open,High,Low,Close*,Volume",
    ],
)
def test_column_names_match_whatever_their_dress(tmp_path: Path, header: str) -> None:
    rows = read(tmp_path, f"{header},Weighted Price,Market Cap\n2024-05-06,1,3,0.5,2,10,77,88\n")

    assert first_bar(rows) == [1.0, 3.0, 0.5, 2.0, 10.0]


def test_the_first_volume_column_counts(tmp_path: Path) -> None:
    rows = read(tmp_path, "Date,Close,Volume (BTC),Volume (Currency)\n2024-05-06,1,5,500\n")

    assert rows["volume"].tolist() == [5.0]


def test_closes_alone_stand_for_all_prices_with_no_volume(tmp_path: Path) -> None:
    rows = read(tmp_path, "Date,Close\n2024-05-06,2\n")

    assert first_bar(rows) == [2.0, 2.0, 2.0, 2.0, 0.0]


def test_the_order_of_the_file_is_kept(tmp_path: Path) -> None:
    assert days(read(tmp_path, "Date,Close\n2024-05-07,2\n2024-05-06,1\n")) == ["2024-05-07", "2024-05-06"]


def test_windows_line_ends_and_a_missing_last_one_do_not_matter(tmp_path: Path) -> None:
    assert read(tmp_path, "Date,Close\r\n2024-05-06,1\r\n2024-05-07,2")["close"].tolist() == [1.0, 2.0]


STACKED = (
    "Price,Close,High,Low,Open,Volume,Close,High,Low,Open,Volume\n"
    "Ticker,ABC,ABC,ABC,ABC,ABC,XYZ,XYZ,XYZ,XYZ,XYZ\n"
    "Date,,,,,,,,,,\n"
    "2024-05-06,2,3,0.5,1,10,20,30,5,10,100\n"
)


@pytest.mark.parametrize(
    ("symbol", "values"),
    [("ABC", [1.0, 3.0, 0.5, 2.0, 10.0]), ("XYZ", [10.0, 30.0, 5.0, 20.0, 100.0])],
)
def test_the_three_header_lines_of_yfinance_are_understood(
    tmp_path: Path, symbol: str, values: list[float]
) -> None:
    path = tmp_path / "saved.csv"
    path.write_text(STACKED)

    rows = rows_of(path, symbol)

    assert first_bar(rows) == values
    assert rows["date_text"].tolist() == ["2024-05-06"]


def test_rows_outside_start_and_as_of_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "ABC.csv").write_text("Date,Close\n2024-05-06,1\n2024-05-07,2\n2024-05-08,3\n2024-05-09,4\n")

    rows = rows_of(tmp_path, start=date(2024, 5, 7), as_of=datetime(2024, 5, 8, 1, tzinfo=UTC))

    assert days(rows) == ["2024-05-07", "2024-05-08"]


@pytest.mark.parametrize("header", ["Name", "symbol", "TICKER"])
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_a_long_file_gives_each_symbol_its_rows(tmp_path: Path, header: str, ending: str) -> None:
    text = f"date,close,{header}\n2024-05-06,1,NA\n2024-05-06,2,600519\n2024-05-07,3,NA\n"
    path = tmp_path / f"long{ending}"
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())

    source = CsvSource(path)

    for symbol, closes in {"NA": [1.0, 3.0], "600519": [2.0]}.items():
        rows = source.download(AssetSettings(symbol=symbol), BEGINNING, AS_OF).rows
        assert rows["close"].tolist() == closes


def test_a_long_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("date,close,Name\n2024-05-06,1,ABC\n2024-05-06,2,XYZ\n")
    source = CsvSource(path)
    source.download(AssetSettings(symbol="ABC"), BEGINNING, AS_OF)
    path.write_text("")

    assert source.download(AssetSettings(symbol="XYZ"), BEGINNING, AS_OF).rows["close"].tolist() == [2.0]


def test_the_symbol_column_of_a_long_file_is_looked_through_for_the_first_symbol_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking through it for each symbol anew is what makes a file of many symbols slow."""
    path = tmp_path / "long.csv"
    path.write_text("date,close,Name\n2024-05-06,1,ABC\n2024-05-06,2,XYZ\n2024-05-07,3,ABC\n")
    source = CsvSource(path)
    source.download(AssetSettings(symbol="ABC"), BEGINNING, AS_OF)
    looks: list[CsvTable] = []

    def symbols(table: CsvTable) -> object:
        looks.append(table)
        return vars(table)["symbols"]

    monkeypatch.setattr(CsvTable, "symbols", property(symbols), raising=False)

    for symbol, closes in {"XYZ": [2.0], "ABC": [1.0, 3.0]}.items():
        rows = source.download(AssetSettings(symbol=symbol), BEGINNING, AS_OF).rows
        assert rows["close"].tolist() == closes
    assert looks == []


def test_a_file_of_its_own_may_name_the_company(tmp_path: Path) -> None:
    assert read(tmp_path, "Date,Close,Name\n2024-05-06,1,Alphabet Inc.\n")["close"].tolist() == [1.0]


def test_given_dividends_and_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    text = "Date,Close,Adj Close,Dividends,Stock Splits\n2024-05-06,100,99,0,0\n2024-05-07,99,99,0.5,2\n"

    rows = read(tmp_path, text)

    assert rows["dividend"].tolist() == [0.0, 0.5]
    assert rows["split_ratio"].tolist() == [0.0, 2.0]


def test_dividends_are_implied_by_adjusted_closes_in_any_order_of_rows(tmp_path: Path) -> None:
    text = "Date,Close,Adj Close\n2024-05-08,99,99\n2024-05-07,null,null\n2024-05-06,100,99\n"

    assert read(tmp_path, text)["dividend"].tolist() == pytest.approx([1.0, 0.0, 0.0])


@given(
    closes=st.lists(st.floats(10.0, 1000.0), min_size=2, max_size=40),
    yields=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.002, 0.02, 0.3]), min_size=40, max_size=40),
)
def test_implied_dividends_are_those_that_adjusted_the_closes(
    closes: list[float], yields: list[float]
) -> None:
    close = np.array(closes)
    paid = np.concatenate(([0.0], close[:-1] * yields[: len(close) - 1]))
    kept = 1.0 - paid[1:] / close[:-1]
    adj_close = close * np.concatenate((np.cumprod(kept[::-1])[::-1], [1.0]))

    assert implied_dividends(close, adj_close * np.pi / 3.0) == pytest.approx(paid, abs=1e-6)


def test_rounded_adjusted_closes_imply_no_dividends() -> None:
    close = np.random.default_rng(3).uniform(5.0, 6.0, 500).round(2)
    adj_close = (close * 0.9).round(2)

    assert not implied_dividends(close, adj_close).any()


def test_a_faulty_adjustment_is_no_dividend() -> None:
    close, adj_close = np.array([100.0, 100.0]), np.array([5.000001234, 100.0])

    assert implied_dividends(close, adj_close).tolist() == [0.0, 0.0]


BROKEN = {
    "empty": (b"", "contains no rows"),
    "blank": (b"\n\n", "contains no rows"),
    "header only": (b"Date,Close\n", "contains no rows"),
    "no close": (b"Date,Open,Price\n2024-05-06,1,2\n", "no Close column .it has 'Date', 'Open', 'Price'"),
    "no date": (b"Day,Close\n2024-05-06,1\n", "no Date column .it has 'Day', 'Close'"),
    "no readable date": (b"Date,Close\nyesterday,1\ntoday,2\n", "no readable date, e.g. 'yesterday'"),
    "day before month": (b"Date,Close\n1/5/2024,1\n31/5/2024,2\n", "day before the month, e.g. '31/5/2024'"),
    "not UTF-8": ("Date,Close,Note\n2024-05-06,1,café\n".encode("latin-1"), "not UTF-8"),
    "ragged": (b"Date,Close\n2024-05-06,1\n2024-05-07,1,2,3,4\n", "not a readable CSV file"),
    "several symbols": (b"Date,Close,Ticker\n2024-05-06,1,X\n2024-05-06,1,Y\n", "no rows of ABC .there is"),
    "all too new": (b"Date,Close\n2030-01-02,1\n", "it covers 2030-01-02 to 2030-01-02"),
}


@pytest.mark.parametrize(("content", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_an_error_that_names_it(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "ABC.csv"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=words) as caught:
        rows_of(tmp_path)

    assert str(caught.value).startswith(f"ABC: {path} ")
    assert caught.value.next_step
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    "content", [b"not gzip", gzip.compress(PLAIN.encode())[:-12]], ids=["plain", "cut off"]
)
def test_a_broken_archive_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ABC.csv.gz").write_bytes(content)

    with pytest.raises(SourceError, match=r"ABC\.csv\.gz cannot be read"):
        rows_of(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere does not exist"):
        rows_of(tmp_path / "nowhere")


def test_a_missing_file_is_an_error_that_lists_near_ones(tmp_path: Path) -> None:
    for name in ("ABD.csv", "ABCD.csv.gz", "notes.txt", *(f"{number}.csv" for number in range(9))):
        (tmp_path / name).write_text(PLAIN)

    with pytest.raises(SourceError, match=r"has no ABC\.csv \(there is ABD\.csv, ABCD\.csv\.gz") as caught:
        rows_of(tmp_path)

    assert caught.value.what.count(".csv") == 6
    assert "notes.txt" not in caught.value.what


def test_a_long_file_without_the_symbol_is_an_error_that_lists_near_ones(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("date,close,Name\n2024-05-06,1,ABCD\n")

    with pytest.raises(SourceError, match=r"long\.csv has no rows of ABC \(there is ABCD\)"):
        rows_of(path)


def test_a_symbol_without_one_readable_date_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("date,close,Name\n2024-05-06,1,XYZ\nTotal,2,ABC\n")

    with pytest.raises(
        SourceError, match=r"long\.csv has no readable date in the rows of the symbol, e\.g\. 'Total'"
    ):
        rows_of(path)


def test_a_single_file_without_symbols_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(PLAIN)

    with pytest.raises(SourceError, match="no symbol column"):
        rows_of(path)


def test_the_registry_knows_it(tmp_path: Path) -> None:
    assert open_source(f"csv:{tmp_path}", DownloadSettings()).name == f"csv:{tmp_path}"
