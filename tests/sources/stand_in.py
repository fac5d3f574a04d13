"""A stand-in for Yahoo Finance on 127.0.0.1, for the real yfinance to talk to.

It is a proxy that accepts CONNECT for any host, ends TLS with a certificate of its own authority and answers
the cookie, crumb, time-zone and chart addresses from a `Market`. Clients find it by the variables of
`environment`.
"""

import json
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SOCKET_SECONDS = 5.0
MOST_CONNECTIONS = 16
HOSTS = ("yahoo.com", "*.yahoo.com", "*.finance.yahoo.com")


class Fault(Enum):
    """What the chart address does instead of answering."""

    RATE_LIMIT = auto()
    UNAVAILABLE = auto()
    SERVER_ERROR = auto()
    TRUNCATED = auto()
    NO_RESULT = auto()
    ODD_SHAPE = auto()
    RESET = auto()
    SILENCE = auto()


class Question(Enum):
    """The two questions that yfinance puts to the chart address."""

    TIME_ZONE = auto()
    HISTORY = auto()


@dataclass(frozen=True)
class Row:
    """One session as the chart address tells it; None where it has null."""

    day: date
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    adj_close: float | None
    volume: int | None


@dataclass(frozen=True)
class Series:
    """One symbol's rows and events; a row is stamped with its session's opening time."""

    rows: tuple[Row, ...]
    zone: str = "America/New_York"
    opens_at: clock_time = clock_time(9, 30)
    currency: str = "USD"
    dividends: Mapping[date, float] = field(default_factory=dict)
    splits: Mapping[date, tuple[int, int]] = field(default_factory=dict)

    def stamp(self, day: date) -> int:
        return int(datetime.combine(day, self.opens_at, ZoneInfo(self.zone)).timestamp())


class Market:
    """Symbols with their series and programmable faults, and what was asked so far."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.asked: list[tuple[str, Question, dict[str, str]]] = []
        self._faults: dict[tuple[str, Question], deque[Fault]] = defaultdict(deque)

    def fail(
        self, symbol: str, fault: Fault, question: Question = Question.HISTORY, times: int = 100
    ) -> None:
        """Answer the next `times` such questions with `fault`."""
        self._faults[symbol, question].extend([fault] * times)

    def next_fault(self, symbol: str, question: Question) -> Fault | None:
        waiting = self._faults[symbol, question]
        return waiting.popleft() if waiting else None

    def chart(self, symbol: str, query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and body of the chart address."""
        series = self.series.get(symbol)
        if series is None:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, {"chart": {"result": None, "error": error}}
        first, end = int(query.get("period1", 0)), int(query.get("period2", 2**40))
        days = {row.day: row for row in series.rows if first <= series.stamp(row.day) < end}
        result = (
            {"meta": _meta(symbol, series)} | _quotes(series, list(days.values())) | _events(series, days)
        )
        return 200, {"chart": {"result": [result], "error": None}}


def _meta(symbol: str, series: Series) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "currency": series.currency,
        "instrumentType": "EQUITY",
        "exchangeTimezoneName": series.zone,
        "timezone": "LCL",
        "gmtoffset": 0,
        "firstTradeDate": 0,
        "regularMarketTime": series.stamp(series.rows[-1].day),
        "currentTradingPeriod": {
            part: {"timezone": "LCL", "start": 0, "end": 0, "gmtoffset": 0}
            for part in ("pre", "regular", "post")
        },
        "dataGranularity": "1d",
        "priceHint": 2,
        "validRanges": ["1d", "max"],
    }


def _quotes(series: Series, rows: list[Row]) -> dict[str, Any]:
    if not rows:
        return {"indicators": {"quote": [{}], "adjclose": [{}]}}
    names = ("open", "high", "low", "close", "volume")
    return {
        "timestamp": [series.stamp(row.day) for row in rows],
        "indicators": {
            "quote": [{name: [getattr(row, name) for row in rows] for name in names}],
            "adjclose": [{"adjclose": [row.adj_close for row in rows]}],
        },
    }


def _events(series: Series, days: Mapping[date, Row]) -> dict[str, Any]:
    dividends = {
        str(series.stamp(day)): {"date": series.stamp(day), "amount": amount}
        for day, amount in series.dividends.items()
        if day in days
    }
    splits = {
        str(series.stamp(day)): {"date": series.stamp(day), "numerator": new, "denominator": old}
        for day, (new, old) in series.splits.items()
        if day in days
    }
    events = {"dividends": dividends, "splits": splits}
    return {"events": {kind: found for kind, found in events.items() if found}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, market: Market, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.market = market
        self.tls = tls
        self.places = threading.BoundedSemaphore(MOST_CONNECTIONS)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_SECONDS

    def handle(self) -> None:
        with self.server.places:
            try:
                super().handle()
            except OSError:
                self.close_connection = True

    def finish(self) -> None:
        # Closing a connection that a fault has reset fails, and may.
        try:
            super().finish()
        except OSError:
            pass
        finally:
            self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_CONNECT(self) -> None:
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path.startswith("/v8/finance/chart/"):
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            self._chart(address.path.rpartition("/")[2], query)
        elif address.path == "/v1/test/getcrumb":
            self._reply(200, b"crumb", "text/plain")
        elif address.path == "/":
            self._reply(200, b"", "text/plain", cookie=True)
        elif address.path == "/consent":
            self._reply(200, b"<html></html>", "text/html")
        else:
            self._reply(404, b'{"quoteSummary": {"result": null, "error": {"code": "Not Found"}}}')

    def _chart(self, symbol: str, query: dict[str, str]) -> None:
        question = Question.HISTORY if "period1" in query else Question.TIME_ZONE
        self.server.market.asked.append((symbol, question, query))
        status, answer = self.server.market.chart(symbol, query)
        body = json.dumps(answer).encode()
        match self.server.market.next_fault(symbol, question):
            case None:
                self._reply(status, body)
            case Fault.RATE_LIMIT:
                self._reply(429, b"Edge: Too Many Requests", "text/plain")
            case Fault.UNAVAILABLE:
                self._reply(503, b"<html><body>Service Unavailable</body></html>", "text/html")
            case Fault.SERVER_ERROR:
                self._reply(500, b'{"finance": {"result": null, "error": {"code": "Internal"}}}')
            case Fault.TRUNCATED:
                self._reply(200, body[: len(body) // 2])
            case Fault.NO_RESULT:
                self._reply(200, b'{"chart": {"result": null, "error": null}}')
            case Fault.ODD_SHAPE:
                self._reply(
                    200, b'{"chart": {"result": [{"indicators": {"quote": [{"open": []}]}}], "error": null}}'
                )
            case Fault.RESET:
                self._reset()
            case Fault.SILENCE:
                time.sleep(SOCKET_SECONDS / 5.0)
                self.close_connection = True

    def _reply(self, status: int, body: bytes, kind: str = "application/json", cookie: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if cookie:
            self.send_header("Set-Cookie", "A3=stand-in; Domain=.yahoo.com; Path=/; Max-Age=86400")
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        """Close with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


@dataclass(frozen=True)
class Authority:
    """A certificate authority for one test run, and a server certificate it signed, as files."""

    certificate: Path
    server_chain: Path


def make_authority(folder: Path) -> Authority:
    """Write a new authority and a certificate for HOSTS into `folder`."""
    root_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in authority")])
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    root = (
        _certificate(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    server = (
        _certificate(server_name, root_name, server_key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    authority = Authority(folder / "authority.pem", folder / "server.pem")
    authority.certificate.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority.server_chain.write_bytes(key + server.public_bytes(serialization.Encoding.PEM))
    return authority


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


@contextmanager
def running(market: Market, authority: Authority) -> Iterator[str]:
    """Serve `market` until the block ends; yields the proxy's URL."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.server_chain)
    server = _Server(market, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(SOCKET_SECONDS)


def environment(proxy: str, certificate: Path) -> dict[str, str]:
    """The variables that send an HTTPS client through `proxy` and make it trust `certificate`."""
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), proxy)
    bundles = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), str(certificate))
    return proxies | bundles | {"NO_PROXY": "", "no_proxy": ""}
