"""How Yahoo is called on: requests keep their distance, are few at once, and each has an end."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from curl_cffi.requests import Session

from pipeline.settings import DownloadSettings
from pipeline.sources import yahoo_session
from pipeline.sources.yahoo import YahooSource
from pipeline.sources.yahoo_session import YahooSession
from tests.sources.week import AAPL, AS_OF, PATIENT, START
from tests.yahoo.faults import Fault, Question
from tests.yahoo.market import Market

ELSEWHERE = "https://query1.finance.yahoo.com/v1/test/getcrumb"


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
