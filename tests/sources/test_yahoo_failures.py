"""The Yahoo adapter when no prices come: each failure told by its class and its words."""

import io
import json
import pickle
import socket
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.errors import RateLimitError, SourceError, TransientSourceError
from pipeline.settings import AssetSettings, DownloadSettings
from pipeline.sources import yahoo
from pipeline.sources.yahoo import YahooSource
from tests.sources.week import AAPL, AS_OF, PATIENT, START, bar, week
from tests.yahoo.authority import make_authority
from tests.yahoo.client import environment
from tests.yahoo.faults import Fault, Question
from tests.yahoo.market import Market
from tests.yahoo.series import Series

IMPATIENT = PATIENT.model_copy(update={"timeout_seconds": 0.4})
SATURDAY = date(2024, 5, 11)


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
    "every symbol unknown": Case(forget_everything, TransientSourceError, "no prices, not even of SPY"),
    "429 to the question for another": Case(rate_limit_spy, RateLimitError, "slow down"),
    "a window before the listing": Case(
        answering(400, error_of("Data doesn't exist for startDate")), SourceError, "Data doesn't exist"
    ),
    "no session since start": Case(untouched, SourceError, "the market was closed", SATURDAY),
    "no result": Case(failing(Fault.NO_RESULT), TransientSourceError, "neither prices since .* nor a reason"),
    "no result and none due": Case(failing(Fault.NO_RESULT), SourceError, "no prices are due", SATURDAY),
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
        answering(401, error_of("Invalid Crumb"), ("AAPL", "SPY")), TransientSourceError, "seems to be down"
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
    monkeypatch.setattr(YahooSource, "_history", lambda *_: yahoo._no_prices(""))

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
    monkeypatch.setattr(YahooSource, "_history", lambda *_: yahoo._no_prices(""))

    with pytest.raises(SourceError) as caught:
        source.download(AssetSettings(symbol="X", calendar=calendar), start, as_of)

    assert isinstance(caught.value, TransientSourceError) is is_due
    assert ("no prices are due" in str(caught.value)) is not is_due


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
