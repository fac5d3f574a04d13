"""The HTTP session for Yahoo: requests are spaced in time, few run at once, and each has a timeout."""

import random
import time
from threading import BoundedSemaphore, Lock
from typing import Any

from curl_cffi.requests import Response, Session

from pipeline.settings import DownloadSettings

JITTER = 0.5
"""Largest random extension of a pause, as a share of it, so that requests do not come at equal intervals."""
REQUEST_SLOTS = BoundedSemaphore(2)
"""Limits the requests under way in the process, whatever the number of sessions and threads."""
CHARTS = "/v8/finance/chart/"
SERVER_ERRORS = 500


class Pace:
    """A rate limiter: turns are at least `seconds` apart, for any number of threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._free_at = 0.0
        self._lock = Lock()

    def wait_for_turn(self) -> None:
        """Block until this thread's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._free_at)
            self._free_at = turn + self._seconds * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311 - not cryptographic
        time.sleep(turn - now)


class YahooSession(Session):  # type: ignore[misc]
    """The session that yfinance sends all its requests through: cookies, crumbs, time zones and charts.

    Two requests of a session are `seconds_between_requests` apart, at most two requests are under way in the
    process (REQUEST_SLOTS), and each times out after `timeout_seconds`, whatever timeout yfinance sets. A
    server error in answer to a chart request is raised as HTTPError, because yfinance would report it as an
    unknown symbol.
    """

    def __init__(self, settings: DownloadSettings) -> None:
        super().__init__(impersonate="chrome")
        self._pace = Pace(settings.seconds_between_requests)
        self._limit = settings.timeout_seconds

    def request(self, *arguments: Any, **details: Any) -> Response:
        """Send one request at the session's rate, with its timeout."""
        self._pace.wait_for_turn()
        with REQUEST_SLOTS:
            answer: Response = super().request(*arguments, **{**details, "timeout": self._limit})
        if CHARTS in answer.url and answer.status_code >= SERVER_ERRORS:
            answer.raise_for_status()
        return answer
