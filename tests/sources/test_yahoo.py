"""The Yahoo adapter, with the real yfinance talking to a stand-in."""

import io
import json
import pickle
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from curl_cffi.requests import Session

from pipeline.errors import RateLimitError, SourceError, TransientSourceError
from pipeline.settings import AssetSettings, DownloadSettings
from pipeline.sources import open_source, yahoo, yahoo_session
from pipeline.sources.yahoo import YahooSource
from pipeline.sources.yahoo_session import YahooSession
from pipeline.types import RAW_COLUMNS
from tests.yahoo.authority import Authority, make_authority
from tests.yahoo.client import environment, sent_to
from tests.yahoo.distortions import NullRows
from tests.yahoo.faults import Fault, Question
from tests.yahoo.market import Market
from tests.yahoo.series import ROUND_THE_CLOCK, Bar, Hours, Series
from tests.yahoo.server import running

PATIENT = DownloadSettings(timeout_seconds=20.0, seconds_between_requests=0.0)
"""Waits longer than any busy machine takes to answer."""
IMPATIENT = PATIENT.model_copy(update={"timeout_seconds": 0.4})
AAPL = AssetSettings(symbol="AAPL")
START = date(2024, 5, 1)
AS_OF = datetime(2024, 5, 11, tzinfo=UTC)
MONDAY, SATURDAY = date(2024, 5, 6), date(2024, 5, 11)
ELSEWHERE = "https://query1.finance.yahoo.com/v1/test/getcrumb"


def bar(day: date, close: float, volume: int = 1000) -> Bar:
    return Bar(day, close - 0.5, close + 1.0, close - 1.0, close, volume)


def week(**changes: object) -> Series:
    return Series(tuple(bar(MONDAY + timedelta(days=n), 100.0 + n) for n in range(5)), **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def market(authority: Authority) -> Iterator[Market]:
    """A market that serves a week of AAPL, with a yfinance that has never talked to anybody."""
    market = Market(datetime.now(UTC))
    market.series["AAPL"] = week()
    with running(market, authority) as proxy, sent_to(proxy, authority):
        yield market


@pytest.fixture
def source(market: Market, tmp_path: Path) -> YahooSource:
    return YahooSource(PATIENT, tmp_path)


def test_rows_come_as_raw_columns_in_order(source: YahooSource) -> None:
    raw = source.download(AAPL, START, AS_OF)

    assert (raw.symbol, raw.origin) == ("AAPL", "Yahoo Finance")
    assert tuple(raw.rows.columns) == RAW_COLUMNS
    assert raw.rows["date_text"].tolist() == [f"2024-05-{day:02d}" for day in range(6, 11)]
    assert raw.rows["close"].tolist() == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert raw.rows["adj_close"].tolist() == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert raw.rows[["dividend", "split_ratio"]].to_numpy().tolist() == [[0.0, 0.0]] * 5


@pytest.mark.parametrize(
    ("zone", "opens_at"),
    [
        pytest.param("America/New_York", clock_time(9, 30), id="New York"),
        pytest.param("Asia/Seoul", clock_time(9, 0), id="Seoul"),
        pytest.param(
            "Pacific/Auckland", clock_time(10, 0), id="Auckland, whose sessions open a UTC day earlier"
        ),
        pytest.param("UTC", clock_time(0, 0), id="crypto"),
    ],
)
def test_the_session_date_is_the_exchanges_own(
    market: Market, source: YahooSource, zone: str, opens_at: clock_time
) -> None:
    market.series["AAPL"] = week(hours=Hours(zone, opens_at, timedelta(hours=6)))

    dates = source.download(AAPL, START, AS_OF).rows["session_date"].to_numpy()

    assert dates.astype("datetime64[D]").tolist() == [MONDAY + timedelta(days=n) for n in range(5)]


def test_dividends_and_splits_stand_on_their_ex_dates(market: Market, source: YahooSource) -> None:
    tuesday, thursday = MONDAY + timedelta(days=1), MONDAY + timedelta(days=3)
    market.series["AAPL"] = week(dividends={tuesday: 0.25}, splits={thursday: (4, 1)})

    rows = source.download(AAPL, START, AS_OF).rows

    assert rows["dividend"].tolist() == [0.0, 0.25, 0.0, 0.0, 0.0]
    assert rows["split_ratio"].tolist() == [0.0, 0.0, 0.0, 4.0, 0.0]
    assert rows["adj_close"].tolist() == pytest.approx([99.75, 101.0, 102.0, 103.0, 104.0])


def test_a_null_row_stays_as_missing_prices(market: Market, source: YahooSource) -> None:
    market.distort("AAPL", NullRows({MONDAY + timedelta(days=4)}))

    rows = source.download(AAPL, START, AS_OF).rows

    assert len(rows) == 5
    assert rows.loc[4, ["open", "high", "low", "close"]].isna().all()


def test_a_session_that_is_still_open_comes_as_the_last_row(market: Market, source: YahooSource) -> None:
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=n) for n in (2, 1, 0)]
    market.series["BTC-USD"] = Series(tuple(bar(day, 50.0) for day in days), ROUND_THE_CLOCK)

    rows = source.download(AssetSettings(symbol="BTC-USD"), days[0], AS_OF).rows

    assert rows["date_text"].tolist() == [day.isoformat() for day in days]


@pytest.mark.parametrize(
    ("currency", "zone"), [("USD", "America/New_York"), ("GBp", "Europe/London"), ("KRW", "Asia/Seoul")]
)
def test_currency_and_time_zone_come_with_the_prices_and_cost_no_request(
    market: Market, source: YahooSource, currency: str, zone: str
) -> None:
    market.series["AAPL"] = week(currency=currency, hours=Hours(zone, clock_time(9, 0), timedelta(hours=6)))

    raw = source.download(AAPL, START, AS_OF)

    assert (raw.currency, raw.time_zone) == (currency, zone)
    assert [question for _, question, _ in market.asked] == [Question.TIME_ZONE, Question.HISTORY]


def test_a_currency_that_yahoo_does_not_say_is_empty(market: Market, source: YahooSource) -> None:
    market.series["AAPL"] = week(currency=None)

    assert source.download(AAPL, START, AS_OF).currency == ""


def test_it_asks_from_the_start_to_now_in_exchange_time(market: Market, source: YahooSource) -> None:
    source.download(AAPL, date(2024, 5, 8), AS_OF)

    symbol, question, query = market.asked[-1]
    assert (symbol, question) == ("AAPL", Question.HISTORY)
    assert int(query["period1"]) == datetime(2024, 5, 8, 4, tzinfo=UTC).timestamp()
    assert int(query["period2"]) == pytest.approx(time.time(), abs=60.0)


def untouched(market: Market) -> None:
    """No fault."""


def forget_aapl(market: Market) -> None:
    market.series = {"SPY": week()}


def forget_everything(market: Market) -> None:
    market.series = {}


def rate_limit_spy(market: Market) -> None:
    forget_aapl(market)
    market.fail("SPY", Fault.RATE_LIMIT)


def failing(fault: Fault, question: Question = Question.HISTORY) -> Callable[[Market], None]:
    return lambda market: market.fail("AAPL", fault, question)


def answering(
    status: int,
    body: dict[str, Any],
    symbols: tuple[str, ...] = ("AAPL",),
    question: Question = Question.HISTORY,
) -> Callable[[Market], None]:
    """The same to each such question about `symbols`."""

    def prepare(market: Market) -> None:
        market.series["SPY"] = week()
        for symbol in symbols:
            market.say(symbol, status, json.dumps(body).encode(), question)

    return prepare


def error_of(description: str) -> dict[str, Any]:
    return {"chart": {"result": None, "error": {"code": "Error", "description": description}}}


UNAUTHORIZED = {
    "finance": {"result": None, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}
}


class Case(NamedTuple):
    prepare: Callable[[Market], None]
    error: type[SourceError]
    words: str
    start: date = START
    settings: DownloadSettings = PATIENT


CASES = {
    "unknown symbol": Case(forget_aapl, SourceError, "unknown or delisted: .* has prices of SPY"),
    "every symbol unknown": Case(forget_everything, TransientSourceError, "wrongly: no prices of SPY either"),
    "429 to the question for another": Case(rate_limit_spy, RateLimitError, "slow down"),
    "a window before the listing": Case(
        answering(400, error_of("Data doesn't exist for startDate")), SourceError, "Data doesn't exist"
    ),
    "no session since start": Case(untouched, SourceError, "the market was closed", SATURDAY),
    "no result": Case(failing(Fault.NO_RESULT), TransientSourceError, "neither prices since .* nor a reason"),
    "no result and none due": Case(failing(Fault.NO_RESULT), SourceError, "nothing is missing", SATURDAY),
    "500 with JSON": Case(failing(Fault.SERVER_ERROR), TransientSourceError, "HTTP 500"),
    "500 with JSON when cold": Case(
        failing(Fault.SERVER_ERROR, Question.TIME_ZONE), TransientSourceError, "HTTP 500"
    ),
    "500 with a reason": Case(answering(500, error_of("Try later")), TransientSourceError, "HTTP 500"),
    "401 with JSON": Case(answering(401, UNAUTHORIZED), TransientSourceError, "nor a reason"),
    "401 with JSON when cold": Case(
        answering(401, UNAUTHORIZED, question=Question.TIME_ZONE), TransientSourceError, "cannot be used"
    ),
    "401 with a reason, for all": Case(
        answering(401, error_of("Invalid Crumb"), ("AAPL", "SPY")), TransientSourceError, "wrongly"
    ),
    "429": Case(failing(Fault.RATE_LIMIT), RateLimitError, "slow down"),
    "429 when cold": Case(failing(Fault.RATE_LIMIT, Question.TIME_ZONE), RateLimitError, "slow down"),
    "503 page": Case(failing(Fault.UNAVAILABLE), TransientSourceError, "HTTP 503"),
    "truncated JSON": Case(failing(Fault.TRUNCATED), TransientSourceError, "not JSON"),
    "odd JSON": Case(failing(Fault.ODD_SHAPE), TransientSourceError, "cannot be used"),
    "reset": Case(failing(Fault.RESET), TransientSourceError, "cannot be reached"),
    "silence": Case(failing(Fault.SILENCE), TransientSourceError, "within 0.4 seconds", settings=IMPATIENT),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_failure_has_its_class_and_crosses_processes(market: Market, tmp_path: Path, case: Case) -> None:
    case.prepare(market)

    with pytest.raises(SourceError, match=case.words) as caught:
        YahooSource(case.settings, tmp_path).download(AAPL, case.start, AS_OF)

    assert type(caught.value) is case.error
    assert str(caught.value).startswith("AAPL: ")
    again = pickle.loads(plainly_pickled(caught.value))
    assert (type(again), str(again)) == (case.error, str(caught.value))


def plainly_pickled(error: Exception) -> bytes:
    """As multiprocessing does it, whatever a library has taught `copyreg` about exceptions."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer)
    pickler.dispatch_table = {}
    pickler.dump(error)
    return buffer.getvalue()


def test_an_empty_frame_is_never_success(source: YahooSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(YahooSource, "_history", lambda *_: yahoo._nothing(""))

    with pytest.raises(TransientSourceError, match="neither prices since 2024-05-01 nor a reason"):
        source.download(AAPL, START, AS_OF)


@pytest.mark.parametrize(
    ("calendar", "start", "as_of", "is_due"),
    [
        pytest.param("XNYS", date(2024, 7, 4), datetime(2024, 7, 4, 23, tzinfo=UTC), False, id="a holiday"),
        pytest.param(
            "XNYS", date(2024, 7, 6), datetime(2024, 7, 8, 13, tzinfo=UTC), False, id="not open yet"
        ),
        pytest.param("XNYS", date(2024, 7, 6), datetime(2024, 7, 8, 15, tzinfo=UTC), False, id="still open"),
        pytest.param("XNYS", date(2024, 7, 6), datetime(2024, 7, 8, 20, tzinfo=UTC), True, id="just closed"),
        pytest.param("XNYS", date(2024, 7, 3), datetime(2024, 7, 3, 17, tzinfo=UTC), True, id="a half-day"),
        pytest.param(
            "24/7", date(2024, 7, 6), datetime(2024, 7, 7, tzinfo=UTC), True, id="crypto at weekends"
        ),
        pytest.param("XKRX", date(2024, 7, 8), datetime(2024, 7, 8, 7, tzinfo=UTC), True, id="Seoul"),
        pytest.param("XNYS", date(2024, 7, 9), datetime(2024, 7, 2, tzinfo=UTC), False, id="a later start"),
    ],
)
def test_prices_are_missing_only_after_a_session_has_ended(
    source: YahooSource,
    monkeypatch: pytest.MonkeyPatch,
    calendar: str,
    start: date,
    as_of: datetime,
    is_due: bool,
) -> None:
    monkeypatch.setattr(YahooSource, "_history", lambda *_: yahoo._nothing(""))

    with pytest.raises(SourceError) as caught:
        source.download(AssetSettings(symbol="X", calendar=calendar), start, as_of)

    assert isinstance(caught.value, TransientSourceError) is is_due
    assert ("nothing is missing" in str(caught.value)) is not is_due


def test_a_symbol_downloaded_before_tells_whether_yahoo_is_answering(
    market: Market, source: YahooSource
) -> None:
    market.series["MSFT"] = week()
    source.download(AssetSettings(symbol="MSFT"), START, AS_OF)
    forgotten = market.asked.copy()

    with pytest.raises(SourceError, match="has prices of MSFT"):
        source.download(AssetSettings(symbol="GONE"), START, AS_OF)

    others = [asked for asked in market.asked[len(forgotten) :] if asked[0] != "GONE"]
    ((symbol, question, query),) = others
    assert (symbol, question) == ("MSFT", Question.HISTORY)
    assert int(query["period1"]) == datetime(2024, 4, 27, 4, tzinfo=UTC).timestamp()


def test_a_symbol_whose_prices_have_ended_tells_nothing_of_others(
    market: Market, source: YahooSource
) -> None:
    market.series = {"OLD": week(), "SPY": Series((bar(date(2024, 6, 7), 1.0),))}
    later = datetime(2024, 6, 8, tzinfo=UTC)
    source.download(AssetSettings(symbol="OLD"), START, later)

    with pytest.raises(SourceError, match="has prices of SPY"):
        source.download(AAPL, START, later)


def test_without_a_network_it_says_so(source: YahooSource, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, nowhere)

        with pytest.raises(TransientSourceError, match=r"no network(.|\n)*Check connection"):
            source.download(AAPL, START, AS_OF)


def test_an_untrusted_certificate_is_told_apart_from_no_network(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stranger = make_authority(tmp_path)
    for name, value in environment("", stranger.certificate).items():
        if value:
            monkeypatch.setenv(name, value)

    with pytest.raises(TransientSourceError, match="secure connection"):
        YahooSource(PATIENT, tmp_path).download(AAPL, START, AS_OF)


@pytest.mark.parametrize("question", Question, ids=lambda question: question.name.lower())
def test_asking_again_after_a_bad_answer_works(
    market: Market, source: YahooSource, question: Question
) -> None:
    market.fail("AAPL", Fault.TRUNCATED, question, times=1)
    with pytest.raises(TransientSourceError):
        source.download(AAPL, START, AS_OF)

    assert len(source.download(AAPL, START, AS_OF).rows) == 5


def test_the_same_window_is_asked_for_anew_each_time(market: Market, source: YahooSource) -> None:
    source.download(AAPL, START, AS_OF)
    market.series["AAPL"] = Series(week().bars[:3])

    assert len(source.download(AAPL, START, AS_OF).rows) == 3


def test_a_user_sees_no_deprecations_of_yfinance(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.filterwarnings("default", module="^yfinance")
        YahooSource(PATIENT, tmp_path)
        for module, kind in (("yfinance.utils", DeprecationWarning), ("yfinance.utils", UserWarning)):
            warnings.warn_explicit("old", kind, "utils.py", 1, module=module)

    assert [one.category for one in shown] == [UserWarning]


def test_yfinance_keeps_its_files_in_the_given_folder(source: YahooSource, tmp_path: Path) -> None:
    source.download(AAPL, START, AS_OF)

    assert (tmp_path / "tkr-tz.db").is_file()


def test_requests_keep_their_distance_even_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = 50.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    def refuse(*_: object, **details: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(yahoo_session, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    monkeypatch.setattr(Session, "request", refuse)
    session = YahooSession(DownloadSettings(seconds_between_requests=2.0))

    for _ in range(20):
        with pytest.raises(ConnectionResetError):
            session.get(ELSEWHERE)

    first, *others = slept
    assert first == 0.0
    assert all(2.0 <= pause <= 3.0 for pause in others)
    assert np.ptp(others) > 0.0


def test_every_request_of_a_cold_download_is_bounded(
    market: Market, source: YahooSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: dict[str, object] = {}
    request = Session.request

    def noted(session: Session, method: str, url: str, **details: Any) -> Any:
        limits[url.partition("?")[0]] = details["timeout"]
        return request(session, method, url, **details)

    monkeypatch.setattr(Session, "request", noted)
    market.fail("AAPL", Fault.RATE_LIMIT, Question.TIME_ZONE, times=1)
    source.download(AAPL, START, AS_OF)

    assert {"getcrumb", "fc.yahoo.com", "AAPL"} <= {url.rpartition("/")[2] for url in limits}
    assert set(limits.values()) == {PATIENT.timeout_seconds}


def test_no_more_than_two_requests_are_under_way_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, pair = threading.Lock(), threading.Barrier(2)
    under_way: list[int] = []
    most = 0

    def request(session: Session, method: str, url: str, **details: object) -> SimpleNamespace:
        nonlocal most
        with lock:
            under_way.append(1)
            most = max(most, len(under_way))
        pair.wait(60.0)
        with lock:
            under_way.pop()
        return SimpleNamespace(url=url, status_code=200)

    monkeypatch.setattr(Session, "request", request)
    sessions = [YahooSession(PATIENT), YahooSession(PATIENT)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: sessions[n % 2].get(ELSEWHERE), range(8)))

    assert len(answers) == 8
    assert most == 2


def test_the_registry_knows_it() -> None:
    assert open_source("yahoo", PATIENT).name == "yahoo"
