"""Yahoo Finance through yfinance: the one module that knows either.

yfinance keeps the answers of finished windows for the life of the process, failures included. Hence no `end`
is ever given, and its answer cache is cleared before each download: asking again really asks.
"""

import json
import logging
import random
import time
from datetime import date, datetime
from pathlib import Path
from typing import NoReturn

import pandas as pd
import yfinance
from curl_cffi.requests import exceptions as transport
from platformdirs import user_cache_path
from yfinance.data import YfData
from yfinance.exceptions import YFException, YFRateLimitError, YFTickerMissingError

from pipeline.errors import RateLimitError, SourceError, TransientSourceError
from pipeline.settings import AssetSettings, DownloadSettings
from pipeline.types import RAW_COLUMNS, RawPrices

ORIGIN = "Yahoo Finance"
JITTER = 0.5
"""A pause is stretched by up to this fraction, so that requests do not come in a beat."""
CLIENT_ERRORS = range(400, 500)
COLUMNS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
    "Dividends": "dividend",
    "Stock Splits": "split_ratio",
}


class YahooSource:
    """Daily bars of one symbol a request, at a polite pace.

    Prices are split-adjusted; `adj_close` is also dividend-adjusted. `dividend` and `split_ratio` are 0 on
    days without one. Sessions without data are rows of NaN prices with volume 0. The last row may be a
    session that is still open. Between two downloads at least `seconds_between_requests` pass.

    yfinance's cookies and time zones are kept in `cache_folder`, by default the user's cache folder.
    One object for a run: the pace is kept per object, and it is not meant for several threads.
    """

    name = "yahoo"

    def __init__(self, settings: DownloadSettings, cache_folder: Path | None = None) -> None:
        self._settings = settings
        self._free_at = 0.0
        # What it logs beside raising would be told twice.
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        yfinance.set_tz_cache_location(str(cache_folder or user_cache_path("pricecast") / "yfinance"))

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        """As `PriceSource.download`; `as_of` is not used: an end in the past would serve stale answers."""
        self._wait_for_turn()
        try:
            frame = self._history(asset.symbol, start)
        except (YFException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            self._raise_translated(error, asset.symbol, start)
        finally:
            pause = self._settings.seconds_between_requests
            self._free_at = time.monotonic() + pause * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311 - a pause, no secret
        if frame.empty:
            raise _no_prices(asset.symbol, start, "the answer is empty")
        return RawPrices(asset.symbol, ORIGIN, _raw_rows(frame), start)

    def _wait_for_turn(self) -> None:
        time.sleep(max(0.0, self._free_at - time.monotonic()))

    def _history(self, symbol: str, start: date) -> pd.DataFrame:
        yfinance.config.debug.hide_exceptions = False
        YfData.cache_get.cache_clear()
        frame: pd.DataFrame = yfinance.Ticker(symbol).history(
            start=start.isoformat(),
            auto_adjust=False,
            actions=True,
            keepna=True,
            repair=False,
            timeout=self._settings.timeout_seconds,
        )
        return frame

    def _raise_translated(self, error: Exception, symbol: str, start: date) -> NoReturn:
        match error:
            case YFRateLimitError():
                raise RateLimitError(
                    symbol,
                    f"{ORIGIN} asks us to slow down (HTTP 429)",
                    "Run again in an hour or so, or raise download.seconds_between_requests.",
                ) from error
            case YFTickerMissingError():
                raise _no_prices(symbol, start, str(error.rationale)) from error
            case transport.HTTPError() if getattr(error.response, "status_code", 0) in CLIENT_ERRORS:
                # Raised only by yfinance's second question, after Yahoo knew no time zone of the symbol.
                raise _no_prices(symbol, start, str(error)) from error
            case _:
                what, next_step = self._trouble(error)
                raise TransientSourceError(symbol, what, next_step) from error

    def _trouble(self, error: Exception) -> tuple[str, str]:
        """What went wrong on the way, and what to do next."""
        # curl ends its messages with a link for programmers.
        detail = str(error).partition(" See https://curl.se")[0]
        again = f"Run again later; if it stays so, look at {ORIGIN} in a browser."
        match error:
            case json.JSONDecodeError():
                return f"{ORIGIN} answered with something that is not JSON: it is down or was cut off", again
            case transport.Timeout():
                limit = f"{self._settings.timeout_seconds:g} seconds"
                return (
                    f"{ORIGIN} did not answer within {limit}",
                    "Run again, or raise download.timeout_seconds.",
                )
            case transport.SSLError():
                what = f"the secure connection to {ORIGIN} failed: {detail}"
                return what, "Behind a proxy that opens TLS, point REQUESTS_CA_BUNDLE to its certificate."
            case transport.ConnectionError() | transport.ProxyError():
                what = f"{ORIGIN} cannot be reached: no network, or the connection broke ({detail})"
                return what, "Check connection, DNS and HTTPS_PROXY, then run again; csv:PATH works offline."
            case _:
                return f"the answer of {ORIGIN} cannot be used ({type(error).__name__}: {detail})", again


def _no_prices(symbol: str, start: date, detail: str) -> SourceError:
    return SourceError(
        symbol,
        f"{ORIGIN} has no prices since {start}: {detail}",
        "Either the symbol is unknown or delisted, or there was no session since then: "
        f"check it at https://finance.yahoo.com/quote/{symbol} and the start date.",
    )


def _raw_rows(frame: pd.DataFrame) -> pd.DataFrame:
    # Dropping the zone keeps the exchange's own date; going through UTC would shift it by a day in Asia.
    session_dates = pd.DatetimeIndex(frame.index).tz_localize(None).normalize()
    rows = frame.reindex(columns=list(COLUMNS)).rename(columns=COLUMNS).astype("float64")
    rows = rows.reset_index(drop=True)
    rows["session_date"] = session_dates.to_numpy().astype("datetime64[s]")
    rows["date_text"] = session_dates.strftime("%Y-%m-%d")
    return rows[list(RAW_COLUMNS)]
