"""How Yahoo is called on: one request after the other, never many at once, none without an end."""

import random
import time
from threading import BoundedSemaphore, Lock
from typing import Any

from curl_cffi.requests import Response, Session

from pipeline.settings import DownloadSettings

JITTER = 0.5
"""A pause is stretched by up to this fraction, so that requests do not come in a beat."""
AT_ONCE = BoundedSemaphore(2)
"""Whoever sends a request holds one of these, whatever the number of sessions and threads."""
CHARTS = "/v8/finance/chart/"
SERVER_ERRORS = 500


class Pace:
    """Turns that are at least `seconds` apart, for any number of threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._free_at = 0.0
        self._lock = Lock()

    def wait_for_turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._free_at)
            self._free_at = turn + self._seconds * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311 - a pause, no secret
        time.sleep(turn - now)


class YahooSession(Session):  # type: ignore[misc]
    """The session that yfinance sends all its requests through: cookies, crumbs, time zones and charts.

    `seconds_between_requests` pass between two requests of a session, at most AT_ONCE requests are under way
    in the process, and each ends after `timeout_seconds`, whatever yfinance allows it. A chart that is a
    server's error is raised as HTTPError: yfinance would make an unknown symbol of it.
    """

    def __init__(self, settings: DownloadSettings) -> None:
        super().__init__(impersonate="chrome")
        self._pace = Pace(settings.seconds_between_requests)
        self._limit = settings.timeout_seconds

    def request(self, *arguments: Any, **details: Any) -> Response:
        self._pace.wait_for_turn()
        with AT_ONCE:
            answer: Response = super().request(*arguments, **{**details, "timeout": self._limit})
        if CHARTS in answer.url and answer.status_code >= SERVER_ERRORS:
            answer.raise_for_status()
        return answer
