"""`pricecast serve` before Prefect has a part in it: which server it uses, and a port that is taken."""

import os
import signal
import socket
from pathlib import Path

import pytest

from deployments import serve
from deployments.serve import HOST, running_server
from pipeline.errors import UsageError


def test_serve_uses_the_server_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(os, "environ", {"PREFECT_API_URL": "http://127.0.0.1:1/api"})
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(serve, "running_server", lambda *_: calls.append("a server of its own"))
    monkeypatch.setattr(serve, "_serve", lambda: calls.append(os.environ["PREFECT_API_URL"]))
    serve.main()
    assert calls == ["http://127.0.0.1:1/api"]


def test_a_taken_port_is_refused_with_the_next_step_before_anything_starts(tmp_path: Path) -> None:
    home = tmp_path / "prefect"
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} .* in use") as caught, running_server(port, home):
            pass
    assert "--port" in caught.value.next_step
    assert f"PREFECT_API_URL=http://{HOST}:{port}/api" in caught.value.next_step
    assert not home.exists()
