"""Pauses of a run when its price source asks for fewer requests (a rate limit)."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import RateLimitError
from pipeline.settings import DownloadSettings

T = TypeVar("T")
log = logging.getLogger(__name__)


class RateLimitedBatch:
    """One batch of downloads from one source, made one after the other.

    A rate limit pauses the whole batch, each pause twice as long as the last, and then the same asset is
    asked for again. The pauses count for the batch, not for each asset: after `rate_limit_pauses` of them,
    no further asset of the batch is asked for.
    """

    def __init__(
        self, source: str, settings: DownloadSettings, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._source = source
        self._pauses = [settings.rate_limit_seconds * 2.0**n for n in range(settings.rate_limit_pauses)]
        self._sleep = sleep
        self._is_over = False

    def ask(self, symbol: str, download: Callable[[], T]) -> T:
        """Download `symbol`, with as many pauses as needed and left, and give the result.

        Raises what `download` raises; RateLimitError without asking once the batch has used up its pauses.
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
            f"not downloaded: the source {self._source} still limits the rate of requests after all pauses",
            "Run again in about an hour: stored prices stay, and the missing ones are downloaded then.",
        )

    def _pause(self, symbol: str, seconds: float) -> None:
        log.warning(
            "%s limits the rate of requests: %s is downloaded again in %g seconds",
            self._source,
            symbol,
            seconds,
        )
        self._sleep(seconds)
