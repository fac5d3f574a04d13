"""The price source Yahoo Finance, by yfinance; no other module imports yfinance.

yfinance caches the answers to requests with an end date for the life of the process, failures included.
Therefore no `end` is ever given and its cache is cleared before each request, so that a retry is a new
request.
"""

import json
import logging
import warnings
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yfinance
from curl_cffi.requests import exceptions as transport
from platformdirs import user_cache_path
from yfinance.data import YfData
from yfinance.exceptions import (
    YFException,
    YFPricesMissingError,
    YFRateLimitError,
    YFTickerMissingError,
)

from pipeline.calendars import trading_calendar, utc_moment
from pipeline.checks import writable_folder_check
from pipeline.errors import RateLimitError, SourceError, TransientSourceError
from pipeline.settings import AssetSettings, DownloadSettings
from pipeline.sources.yahoo_session import YahooSession
from pipeline.types import RAW_COLUMNS, CheckResult, RawPrices

ORIGIN = "Yahoo Finance"
PROBE_SYMBOL = "SPY"
"""A symbol that Yahoo always has prices of: if it has none, Yahoo's answers are wrong."""
RECENT_PERIOD = timedelta(days=14)
"""Prices no older than this show that Yahoo answers correctly."""
CLIENT_ERRORS = range(400, 500)
RETRY_LATER = f"Run again later; if the error persists, check {ORIGIN} in a browser."
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


class _Answer(NamedTuple):
    """Prices with Yahoo's metadata; or an empty frame with Yahoo's reason, empty if it gives none."""

    frame: pd.DataFrame
    metadata: Mapping[str, Any]
    reason: str = ""


class YahooSource:
    """A price source that requests the daily bars of one symbol at a time, rate-limited by `YahooSession`.

    Prices are split-adjusted; `adj_close` is also dividend-adjusted. `dividend` and `split_ratio` are 0 on
    dates without one. Sessions without data are rows of NaN prices with volume 0. The last row may be a
    session that is still open.

    yfinance stores cookies and time zones in `cache_folder`, by default the user's cache folder. Create one
    object per run: the rate limit applies per object.
    """

    name = "yahoo"

    def __init__(self, settings: DownloadSettings, cache_folder: Path | None = None) -> None:
        self._settings = settings
        self._session = YahooSession(settings)
        self._answering_symbols: dict[str, None] = {}
        # yfinance logs the errors that it raises, and would report them twice.
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        # yfinance enables the deprecation warnings of its own dependencies, which users cannot act on.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="yfinance")
        self._cache = cache_folder or user_cache_path("pricecast") / "yfinance"
        yfinance.set_tz_cache_location(str(self._cache))

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        """Download the rows as `PriceSource.download`, up to now whatever `as_of` is.

        An end date in the past would be answered from a stale cache. If there are no prices and no session
        has ended between `start` and `as_of`, the error says so. A symbol is reported as unknown only if
        Yahoo has prices of another symbol at the same time.
        """
        answer = self._request(asset.symbol, start)
        if answer.frame.empty:
            raise self._missing(asset, start, as_of, answer.reason)
        if _is_recent(answer.frame, as_of):
            self._answering_symbols[asset.symbol] = None
        return RawPrices(
            asset.symbol,
            ORIGIN,
            _raw_rows(answer.frame),
            start,
            currency=answer.metadata.get("currency") or "",
            time_zone=answer.metadata.get("exchangeTimezoneName") or "",
        )

    def check(self, symbols: Collection[str]) -> CheckResult:
        """Check that the folder of cookies and time zones is writable."""
        return writable_folder_check("source", self._cache / "any", "yahoo; add --online to test a download")

    def _request(self, symbol: str, start: date) -> _Answer:
        """Request prices; an empty answer if Yahoo has none, a SourceError for any other failure."""
        try:
            return self._history(symbol, start)
        except YFRateLimitError as error:
            raise RateLimitError(
                symbol,
                f"{ORIGIN} asks us to slow down (HTTP 429)",
                "Run again in an hour, or raise download.seconds_between_requests.",
            ) from error
        except YFPricesMissingError as error:
            return _no_prices(error.yahoo_reason or "")
        except YFTickerMissingError as error:
            return _no_prices(str(error.rationale))
        except (YFException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            if _status(error) in CLIENT_ERRORS:
                # Raised only by yfinance's second request, after Yahoo has found no time zone of the symbol.
                return _no_prices(_message(error))
            what, next_step = self._explain(error)
            raise TransientSourceError(symbol, what, next_step) from error

    def _history(self, symbol: str, start: date) -> _Answer:
        """Request prices from `start` on by yfinance, which raises its own errors."""
        yfinance.config.debug.hide_exceptions = False
        YfData.cache_get.cache_clear()
        ticker = yfinance.Ticker(symbol, session=self._session)
        frame: pd.DataFrame = ticker.history(
            start=start.isoformat(),
            auto_adjust=False,
            actions=True,
            keepna=True,
            repair=False,
            timeout=self._settings.timeout_seconds,
        )
        return _Answer(frame, ticker.history_metadata)

    def _missing(self, asset: AssetSettings, start: date, as_of: datetime, reason: str) -> SourceError:
        """Build the error for missing prices: none were due, the symbol is unknown, or Yahoo fails."""
        if not _was_open(asset.calendar, start, as_of):
            return SourceError(
                asset.symbol,
                f"no prices are due: no session of {asset.calendar} ended between {start} and "
                f"{as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC, the market was closed or is still open",
                "Run again after the next session, or ask for an earlier start.",
            )
        if not reason:
            return TransientSourceError(
                asset.symbol, f"{ORIGIN} returned neither prices since {start} nor a reason", RETRY_LATER
            )
        other = self._probe_symbol(asset.symbol)
        if not self._has_prices(other, asset.symbol, as_of):
            return TransientSourceError(
                asset.symbol,
                f"{ORIGIN} returns no prices, not even of {other}: it seems to be down ({reason})",
                RETRY_LATER,
            )
        return SourceError(
            asset.symbol,
            f"unknown or delisted: {ORIGIN} has prices of {other}, but none of this symbol since {start} "
            f"({reason})",
            f"Check it at https://finance.yahoo.com/quote/{asset.symbol} "
            "and correct the symbol, or remove it from the assets.",
        )

    def _probe_symbol(self, symbol: str) -> str:
        """Choose another symbol that Yahoo must have prices of, one already downloaded if possible."""
        return next((known for known in self._answering_symbols if known != symbol), PROBE_SYMBOL)

    def _has_prices(self, known: str, symbol: str, as_of: datetime) -> bool:
        """Request prices of `known` once and check that they are recent; errors are raised for `symbol`."""
        try:
            return _is_recent(self._request(known, (as_of - RECENT_PERIOD).date()).frame, as_of)
        except RateLimitError as error:
            raise RateLimitError(symbol, error.what, error.next_step) from error
        except TransientSourceError:
            return False

    def _explain(self, error: Exception) -> tuple[str, str]:
        """Describe a failed request and the next step."""
        match error:
            case json.JSONDecodeError():
                return (
                    f"the answer of {ORIGIN} is not JSON: the site is down, or the answer was truncated",
                    RETRY_LATER,
                )
            case transport.HTTPError() if _status(error):
                return f"{ORIGIN} has a server error (HTTP {_status(error)})", RETRY_LATER
            case transport.Timeout():
                limit = f"{self._settings.timeout_seconds:g} seconds"
                return (
                    f"{ORIGIN} did not answer within {limit}",
                    "Run again, or raise download.timeout_seconds.",
                )
            case transport.SSLError():
                what = f"the secure connection to {ORIGIN} failed: {_message(error)}"
                return what, "Behind a proxy that intercepts TLS, set REQUESTS_CA_BUNDLE to its certificate."
            case transport.ConnectionError() | transport.ProxyError():
                what = f"{ORIGIN} cannot be reached: no network, or a broken connection ({_message(error)})"
                return (
                    what,
                    "Check connection, DNS and HTTPS_PROXY, then run again; csv:PATH works offline.",
                )
            case _:
                what = f"the answer of {ORIGIN} cannot be used ({type(error).__name__}: {_message(error)})"
                return what, RETRY_LATER


def _no_prices(reason: str) -> _Answer:
    """Build an empty answer with Yahoo's reason."""
    return _Answer(pd.DataFrame(), {}, reason)


def _status(error: Exception) -> int:
    """Read the HTTP status of an error; 0 if it has none."""
    response = getattr(error, "response", None)
    return int(getattr(response, "status_code", 0))


def _message(error: Exception) -> str:
    """Format an error's message without the link that curl appends."""
    return str(error).partition(" See https://curl.se")[0]


def _is_recent(frame: pd.DataFrame, as_of: datetime) -> bool:
    """Check that there are rows and that the newest is no older than RECENT_PERIOD."""
    return not frame.empty and frame.index[-1].date() >= (as_of - RECENT_PERIOD).date()


def _was_open(calendar_name: str, start: date, as_of: datetime) -> bool:
    """Check whether a session dated `start` or later has ended by `as_of`."""
    calendar, moment = trading_calendar(calendar_name, 0), utc_moment(as_of)
    sessions = calendar.sessions(np.datetime64(start, "D"), moment.astype("datetime64[D]"))
    return bool((calendar.settled_at(sessions) <= moment).any())


def _raw_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Convert yfinance's frame to the columns RAW_COLUMNS."""
    # Dropping the time zone keeps the exchange's own date; a conversion to UTC would shift it in Asia.
    session_dates = pd.DatetimeIndex(frame.index).tz_localize(None).normalize()
    rows = frame.reindex(columns=list(COLUMNS)).rename(columns=COLUMNS).astype("float64")
    rows = rows.reset_index(drop=True)
    rows["session_date"] = session_dates.to_numpy().astype("datetime64[s]")
    rows["date_text"] = session_dates.strftime("%Y-%m-%d")
    return rows[list(RAW_COLUMNS)]
