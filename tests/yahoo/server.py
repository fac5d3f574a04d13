"""The stand-in itself: a proxy on 127.0.0.1 that accepts CONNECT for any host and answers as Yahoo does.

It ends TLS with a certificate of its own authority, and knows the cookie, crumb, time-zone and chart
addresses. `client.environment` sends clients to it.
"""

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.yahoo import answer
from tests.yahoo.authority import Authority
from tests.yahoo.faults import Fault
from tests.yahoo.market import Answer, Market

SOCKET_SECONDS = 5.0
LOOK_SECONDS = 0.02
MOST_CONNECTIONS = 64
CHART = "/v8/finance/chart/"
JSON, TEXT, PAGE = "application/json", "text/plain", "text/html"

ERRORS = {
    Fault.RATE_LIMIT: (429, answer.RATE_LIMITED, TEXT),
    Fault.SERVER_ERROR: (500, answer.SERVER_ERROR, JSON),
    Fault.UNAVAILABLE: (503, answer.UNAVAILABLE, PAGE),
    Fault.UNAUTHORIZED: (401, answer.UNAUTHORIZED, JSON),
    Fault.NOT_FOUND: (404, answer.NOT_FOUND, JSON),
    Fault.NO_RESULT: (200, answer.NO_RESULT, JSON),
    Fault.ODD_SHAPE: (200, answer.ODD_SHAPE, JSON),
}
"""The faults that are an answer like any other: status, body and kind."""


@contextmanager
def running(market: Market, authority: Authority) -> Iterator[str]:
    """Serve `market` until the block ends; yields the proxy's URL."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.server_chain)
    server = _Server(market, tls)
    thread = threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(SOCKET_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, market: Market, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.market = market
        self.tls = tls
        self.places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.stopping = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_SECONDS
    # Head and body are sent apart; otherwise the body would wait for the client's delayed acknowledgement.
    disable_nagle_algorithm = True

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
        if address.path.startswith(CHART):
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            self._chart(self.server.market.answer(address.path.removeprefix(CHART), query))
        elif address.path == "/v1/test/getcrumb":
            self._reply(200, b"crumb", TEXT)
        elif address.path == "/":
            self._reply(200, b"", TEXT, cookie=True)
        elif address.path == "/consent":
            self._reply(200, b"<html></html>", PAGE)
        else:
            self._reply(404, b'{"quoteSummary": {"result": null, "error": {"code": "Not Found"}}}')

    def _chart(self, said: Answer) -> None:
        match said.fault:
            case None | Fault.EMPTY:
                self._reply(said.status, said.body)
            case Fault.SLOW:
                time.sleep(self.server.market.faults.slow_seconds)
                self._reply(said.status, said.body)
            case Fault.TRUNCATED:
                self._reply(200, said.body[: len(said.body) // 2])
            case Fault.RESET:
                self._reset()
            case Fault.SILENCE:
                self._stay_silent()
            case _:
                self._reply(*ERRORS[said.fault])

    def _reply(self, status: int, body: bytes, kind: str = JSON, *, cookie: bool = False) -> None:
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

    def _stay_silent(self) -> None:
        """Until the client gives up, or the server stops."""
        while not self.server.stopping.is_set():
            has_gone, _, _ = select.select([self.connection], [], [], LOOK_SECONDS)
            if has_gone:
                break
        self.close_connection = True
