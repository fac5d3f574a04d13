"""The stand-in on the wire: each fault is what its name says, and hits the requests it is meant for."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from curl_cffi import requests
from curl_cffi.requests import exceptions

from tests.yahoo.authority import Authority
from tests.yahoo.client import sent_to
from tests.yahoo.faults import Fault, Question
from tests.yahoo.made import coin
from tests.yahoo.market import Market
from tests.yahoo.server import running

PATIENCE = 20.0
"""Seconds, so that an answer from a busy machine is never one too late."""
ADDRESS = "https://query2.finance.yahoo.com/v8/finance/chart/"


@pytest.fixture
def market(authority: Authority) -> Iterator[Market]:
    market = Market(datetime(2025, 1, 10, tzinfo=UTC))
    for seed, symbol in enumerate(("ONE", "TWO")):
        market.series[symbol] = coin(date(2025, 1, 1), date(2025, 1, 31), seed)
    with running(market, authority) as proxy, sent_to(proxy, authority):
        yield market


def ask(symbol: str, question: Question = Question.HISTORY, patience: float = PATIENCE) -> requests.Response:
    query = {"period1": "0"} if question is Question.HISTORY else {"range": "1d"}
    return requests.get(ADDRESS + symbol, params=query, timeout=patience)


def status_of(symbol: str, question: Question = Question.HISTORY) -> int:
    return int(ask(symbol, question).status_code)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.RATE_LIMIT, 429),
        (Fault.SERVER_ERROR, 500),
        (Fault.UNAVAILABLE, 503),
        (Fault.UNAUTHORIZED, 401),
        (Fault.NOT_FOUND, 404),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Fault) else value,
)
def test_an_error_has_its_status(market: Market, fault: Fault, status: int) -> None:
    market.fail("ONE", fault, times=1)

    assert [status_of("ONE"), status_of("ONE")] == [status, 200]


def test_an_answer_may_be_slow_or_never_come(market: Market) -> None:
    market.fail("ONE", Fault.SLOW, times=2)
    market.fail("ONE", Fault.SILENCE, times=1)

    assert status_of("ONE") == 200
    market.faults.slow_seconds = 0.8
    for _ in (Fault.SLOW, Fault.SILENCE):
        with pytest.raises(exceptions.Timeout):
            ask("ONE", patience=0.4)


def test_a_connection_may_break(market: Market) -> None:
    market.fail("ONE", Fault.RESET, times=1)

    with pytest.raises(exceptions.ConnectionError):
        ask("ONE")


def test_an_answer_may_be_cut_or_empty(market: Market) -> None:
    for fault in (Fault.TRUNCATED, Fault.EMPTY, Fault.NO_RESULT, Fault.ODD_SHAPE):
        market.fail("ONE", fault, times=1)
    right = ask("TWO").json()

    with pytest.raises(ValueError, match=r"JSON|delimiter|Expecting|line"):
        ask("ONE").json()
    assert "timestamp" not in ask("ONE").json()["chart"]["result"][0]
    assert ask("ONE").json()["chart"]["result"] is None
    assert "meta" not in ask("ONE").json()["chart"]["result"][0]
    assert ask("ONE").json()["chart"]["result"][0].keys() == right["chart"]["result"][0].keys()


def test_faults_meet_the_questions_they_are_meant_for(market: Market) -> None:
    market.fail("ONE", Fault.UNAVAILABLE, Question.TIME_ZONE, times=1)
    market.fail("TWO", Fault.SERVER_ERROR, Question.EITHER, times=2)

    assert [status_of("ONE", question) for question in Question] == [503, 200]
    assert [status_of("TWO", question) for question in Question] == [500, 500]


def test_the_first_requests_of_all_meet_a_rate_limit(market: Market) -> None:
    market.fail(None, Fault.RATE_LIMIT, Question.EITHER, times=3)

    assert [status_of(symbol) for symbol in ("ONE", "TWO", "ONE", "TWO")] == [429, 429, 429, 200]


def test_a_schedule_counts_the_requests_of_all(market: Market) -> None:
    market.fail_by(lambda number: Fault.UNAVAILABLE if number % 2 else None)

    assert [status_of(symbol) for symbol in ("ONE", "TWO", "ONE", "TWO")] == [200, 503, 200, 503]
    market.heal()
    assert [status_of("ONE"), status_of("TWO")] == [200, 200]
