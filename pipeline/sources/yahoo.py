"""Yahoo Finance through yfinance: the one module that knows yfinance.

yfinance keeps the answers of finished windows for the life of the process, failures included. Hence no `end`
is ever given, and its answer cache is cleared before each question: asking again really asks.
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
BEYOND_DOUBT = "SPY"
"""Yahoo has prices of this symbol, or its answers are wrong."""
RECENT = timedelta(days=14)
CLIENT_ERRORS = range(400, 500)
AGAIN = f"Run again later; if it stays so, look at {ORIGIN} in a browser."
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
    """Prices with what Yahoo says of them; or none, and the reason it gives, empty where it gives none."""

    frame: pd.DataFrame
    metadata: Mapping[str, Any]
    reason: str = ""


class YahooSource:
    """Daily bars of one symbol a request, at the pace of `YahooSession`.

    Prices are split-adjusted; `adj_close` is also dividend-adjusted. `dividend` and `split_ratio` are 0 on
    days without one. Sessions without data are rows of NaN prices with volume 0. The last row may be a
    session that is still open.

    yfinance's cookies and time zones are kept in `cache_folder`, by default the user's cache folder.
    One object for a run: the pace is kept per object.
    """

    name = "yahoo"

    def __init__(self, settings: DownloadSettings, cache_folder: Path | None = None) -> None:
        self._settings = settings
        self._session = YahooSession(settings)
        self._answered: dict[str, None] = {}
        # What it logs beside raising would be told twice.
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        # It turns on the deprecations of what it uses itself, for every user of a program to see.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="yfinance")
        self._cache = cache_folder or user_cache_path("pricecast") / "yfinance"
        yfinance.set_tz_cache_location(str(self._cache))

    def download(self, asset: AssetSettings, start: date, as_of: datetime) -> RawPrices:
        """As `PriceSource.download`, up to now whatever `as_of`: an end in the past serves stale answers.

        Without prices, `as_of` tells whether any were due: where no session has ended since `start`, the
        error says so. A symbol is called unknown only while Yahoo has prices of another one.
        """
        answer = self._ask(asset.symbol, start)
        if answer.frame.empty:
            raise self._missing(asset, start, as_of, answer.reason)
        if _is_recent(answer.frame, as_of):
            self._answered[asset.symbol] = None
        return RawPrices(
            asset.symbol,
            ORIGIN,
            _raw_rows(answer.frame),
            start,
            currency=answer.metadata.get("currency") or "",
            time_zone=answer.metadata.get("exchangeTimezoneName") or "",
        )

    def check(self, symbols: Collection[str]) -> CheckResult:
        """As `PriceSource.check`: the folder of cookies and time zones can be written."""
        return writable_folder_check("source", self._cache / "any", "yahoo; --online asks it for prices")

    def _ask(self, symbol: str, start: date) -> _Answer:
        """Prices, or the word that there are none; whatever else happens is raised as our own."""
        try:
            return self._history(symbol, start)
        except YFRateLimitError as error:
            raise RateLimitError(
                symbol,
                f"{ORIGIN} asks us to slow down (HTTP 429)",
                "Run again in an hour or so, or raise download.seconds_between_requests.",
            ) from error
        except YFPricesMissingError as error:
            return _nothing(error.yahoo_reason or "")
        except YFTickerMissingError as error:
            return _nothing(str(error.rationale))
        except (YFException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            if _status(error) in CLIENT_ERRORS:
                # Raised only by yfinance's second question, after Yahoo knew no time zone of the symbol.
                return _nothing(_words(error))
            what, next_step = self._trouble(error)
            raise TransientSourceError(symbol, what, next_step) from error

    def _history(self, symbol: str, start: date) -> _Answer:
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
        """Why there are no prices: none were due, there is no such symbol, or Yahoo answers wrongly."""
        if not _was_open(asset.calendar, start, as_of):
            return SourceError(
                asset.symbol,
                f"nothing is missing: no session of {asset.calendar} ended between {start} and "
                f"{as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC, the market was closed or still is open",
                "Run again after the next session, or ask for an earlier start.",
            )
        if not reason:
            return TransientSourceError(
                asset.symbol, f"{ORIGIN} gave neither prices since {start} nor a reason", AGAIN
            )
        other = self._known_beside(asset.symbol)
        if not self._has_prices(other, asset.symbol, as_of):
            return TransientSourceError(
                asset.symbol,
                f"{ORIGIN} is answering wrongly: no prices of {other} either ({reason})",
                AGAIN,
            )
        return SourceError(
            asset.symbol,
            f"unknown or delisted: {ORIGIN} has prices of {other}, but none of this since {start} ({reason})",
            f"Check it at https://finance.yahoo.com/quote/{asset.symbol} "
            "and correct the symbol, or take it out of the assets.",
        )

    def _known_beside(self, symbol: str) -> str:
        return next((known for known in self._answered if known != symbol), BEYOND_DOUBT)

    def _has_prices(self, known: str, symbol: str, as_of: datetime) -> bool:
        """Is Yahoo answering, for `known` at least? Asked once, on behalf of `symbol`."""
        try:
            return _is_recent(self._ask(known, (as_of - RECENT).date()).frame, as_of)
        except RateLimitError as error:
            raise RateLimitError(symbol, error.what, error.next_step) from error
        except TransientSourceError:
            return False

    def _trouble(self, error: Exception) -> tuple[str, str]:
        """What went wrong on the way, and what to do next."""
        match error:
            case json.JSONDecodeError():
                return f"{ORIGIN} answered with something that is not JSON: it is down or was cut off", AGAIN
            case transport.HTTPError() if _status(error):
                return f"{ORIGIN} is in trouble (HTTP {_status(error)})", AGAIN
            case transport.Timeout():
                limit = f"{self._settings.timeout_seconds:g} seconds"
                return (
                    f"{ORIGIN} did not answer within {limit}",
                    "Run again, or raise download.timeout_seconds.",
                )
            case transport.SSLError():
                what = f"the secure connection to {ORIGIN} failed: {_words(error)}"
                return what, "Behind a proxy that opens TLS, point REQUESTS_CA_BUNDLE to its certificate."
            case transport.ConnectionError() | transport.ProxyError():
                what = f"{ORIGIN} cannot be reached: no network, or the connection broke ({_words(error)})"
                return what, "Check connection, DNS and HTTPS_PROXY, then run again; csv:PATH works offline."
            case _:
                what = f"the answer of {ORIGIN} cannot be used ({type(error).__name__}: {_words(error)})"
                return what, AGAIN


def _nothing(reason: str) -> _Answer:
    return _Answer(pd.DataFrame(), {}, reason)


def _status(error: Exception) -> int:
    """The HTTP status that an error is about, 0 where it is about none."""
    response = getattr(error, "response", None)
    return int(getattr(response, "status_code", 0))


def _words(error: Exception) -> str:
    """Without the link for programmers that curl ends its messages with."""
    return str(error).partition(" See https://curl.se")[0]


def _is_recent(frame: pd.DataFrame, as_of: datetime) -> bool:
    """Are there rows, and is the newest of them no older than RECENT?"""
    return not frame.empty and frame.index[-1].date() >= (as_of - RECENT).date()


def _was_open(calendar_name: str, start: date, as_of: datetime) -> bool:
    """Has a session from `start` on ended by `as_of`?"""
    calendar, moment = trading_calendar(calendar_name, 0), utc_moment(as_of)
    sessions = calendar.sessions(np.datetime64(start, "D"), moment.astype("datetime64[D]"))
    return bool((calendar.settled_at(sessions) <= moment).any())


def _raw_rows(frame: pd.DataFrame) -> pd.DataFrame:
    # Dropping the zone keeps the exchange's own date; going through UTC would shift it by a day in Asia.
    session_dates = pd.DatetimeIndex(frame.index).tz_localize(None).normalize()
    rows = frame.reindex(columns=list(COLUMNS)).rename(columns=COLUMNS).astype("float64")
    rows = rows.reset_index(drop=True)
    rows["session_date"] = session_dates.to_numpy().astype("datetime64[s]")
    rows["date_text"] = session_dates.strftime("%Y-%m-%d")
    return rows[list(RAW_COLUMNS)]
