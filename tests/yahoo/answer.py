"""The words of the chart address: a feed, or the lack of one, as v8 JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from tests.yahoo.feed import Feed, Row

RATE_LIMITED = b"Edge: Too Many Requests"
UNAVAILABLE = b"<html><body>Service Unavailable</body></html>"
UNAUTHORIZED = (
    b'{"finance": {"result": null, "error": '
    b'{"code": "Unauthorized", "description": "User is unable to access this feature"}}}'
)
SERVER_ERROR = b'{"finance": {"result": null, "error": {"code": "Internal"}}}'
NOT_FOUND = (
    b'{"chart": {"result": null, "error": '
    b'{"code": "Not Found", "description": "No data found, symbol may be delisted"}}}'
)
NO_RESULT = b'{"chart": {"result": null, "error": null}}'
ODD_SHAPE = b'{"chart": {"result": [{"indicators": {"quote": [{"open": []}]}}], "error": null}}'
COLUMNS = ("open", "high", "low", "close", "volume")


def chart_json(symbol: str, feed: Feed, first: int, end: int, now: datetime) -> bytes:
    """The answer that tells the rows and events of `feed` whose stamp is from `first` to before `end`."""
    rows = [row for row in feed.rows if first <= feed.stamp(row) < end]
    result = {"meta": _meta(symbol, feed, now), **_events(feed, first, end), **_quotes(feed, rows)}
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def _meta(symbol: str, feed: Feed, now: datetime) -> dict[str, Any]:
    offset = now.astimezone(feed.hours.opening(now.date()).tzinfo).utcoffset()
    known = {"timezone": "LCL", "gmtoffset": int(offset.total_seconds()) if offset else 0}
    period = {"start": 0, "end": 0, **known}
    return {
        "symbol": symbol,
        "currency": feed.currency,
        "instrumentType": "EQUITY",
        "exchangeTimezoneName": feed.zone,
        **known,
        "firstTradeDate": feed.stamp(feed.rows[0]) if feed.rows else None,
        "regularMarketTime": int(now.timestamp()),
        "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), period),
        "dataGranularity": "1d",
        "priceHint": 2,
        "validRanges": ["1d", "max"],
    }


def _quotes(feed: Feed, rows: Sequence[Row]) -> dict[str, Any]:
    if not rows:
        return {"indicators": {"quote": [{}], "adjclose": [{}]}}
    return {
        "timestamp": [feed.stamp(row) for row in rows],
        "indicators": {
            "quote": [{name: [getattr(row, name) for row in rows] for name in COLUMNS}],
            "adjclose": [{"adjclose": [row.adj_close for row in rows]}],
        },
    }


def _events(feed: Feed, first: int, end: int) -> dict[str, Any]:
    kinds: dict[str, dict[date, dict[str, Any]]] = {
        "dividends": {day: {"amount": amount} for day, amount in feed.dividends.items()},
        "splits": {
            day: {"numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
            for day, (new, old) in feed.splits.items()
        },
    }
    found = {kind: _by_stamp(feed, events, first, end) for kind, events in kinds.items()}
    told = {kind: events for kind, events in found.items() if events}
    return {"events": told} if told else {}


def _by_stamp(
    feed: Feed, events: Mapping[date, Mapping[str, Any]], first: int, end: int
) -> dict[str, dict[str, Any]]:
    stamps = {int(feed.hours.opening(day).timestamp()): event for day, event in events.items()}
    return {str(at): {"date": at, **event} for at, event in stamps.items() if first <= at < end}
