"""What a run does when its price source asks it to slow down: pause, go on, and in the end leave it alone."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import RateLimitError
from pipeline.settings import DownloadSettings

T = TypeVar("T")
log = logging.getLogger(__name__)


class RateLimitedBatch:
    """One batch of downloads from one source, asked for one after the other.

    A rate limit pauses the whole batch, each pause twice as long as the one before, and the same asset is
    asked for again. The pauses are the batch's, not the asset's: once `rate_limit_pauses` of them have not
    helped, nothing of the batch is asked for any more.
    """

    def __init__(
        self, source: str, settings: DownloadSettings, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._source = source
        self._pauses = [settings.rate_limit_seconds * 2.0**n for n in range(settings.rate_limit_pauses)]
        self._sleep = sleep
        self._is_over = False

    def ask(self, symbol: str, download: Callable[[], T]) -> T:
        """What `download` gives for `symbol`, after as many pauses as it takes and the batch still has.

        Raises what `download` raises; RateLimitError without asking when the batch is over.
        """
        while not self._is_over:
            try:
                return download()
            except RateLimitError:
                if not self._pauses:
                    self._is_over = True
                    raise
                self._pause(symbol, self._pauses.pop(0))
        raise RateLimitError(
            symbol,
            f"not asked: the source {self._source} went on asking us to slow down",
            "Run again in an hour or so: what is stored stays, and the rest is made up for.",
        )

    def _pause(self, symbol: str, seconds: float) -> None:
        log.warning("%s asks us to slow down: going on with %s in %g seconds", self._source, symbol, seconds)
        self._sleep(seconds)
