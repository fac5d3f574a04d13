"""The Prefect server that the tests share, and questions to a server over its API."""

import json
import random
import socket
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.error import HTTPError

import pytest

from deployments.serve import HOST, running_server

T = TypeVar("T")
ANSWER_SECONDS, LOOK_SECONDS = 60.0, 0.25
QUIET_PORTS = range(20_000, 32_000)
"""Systems hand out higher ones by themselves, so nobody takes such a port before its server has started."""


@dataclass(frozen=True)
class Server:
    """The server whose API is at `url`."""

    url: str

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the server answers to a POST of `body`, or to a GET without one.

        It is asked again when its database is busy (503), as Prefect's own clients do.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}", data=data, headers={"Content-Type": "application/json"}
        )
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                    return json.load(answer)
            except HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
            time.sleep(LOOK_SECONDS)

    def deployments(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.ask("deployments/filter", {})}

    def scheduled_runs(self, deployment_id: str) -> list[dict[str, Any]]:
        chosen = {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"any_": [deployment_id]}}
        runs: list[dict[str, Any]] = self.ask("flow_runs/filter", {"flow_runs": chosen})
        return runs


SHARED = pytest.StashKey[Server]()


def shared_server(config: pytest.Config, folders: pytest.TempPathFactory) -> Server:
    """One real server for all tests of this process: begun for the first who asks, ended after the last."""
    if SHARED not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        url = stack.enter_context(running_server(free_port(), folders.mktemp("prefect")))
        config.stash[SHARED] = Server(url)
    return config.stash[SHARED]


def free_port() -> int:
    for port in random.sample(QUIET_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
    raise AssertionError("a hundred ports are taken")


def eventually(question: Callable[[], T | None], seconds: float = 120.0) -> T:
    """The first answer that holds, asked for until the time is up, also of a server too busy to answer."""
    deadline = time.monotonic() + seconds
    failure: OSError | None = None
    while time.monotonic() < deadline:
        try:
            if answer := question():
                return answer
        except OSError as error:
            failure = error
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"nothing within {seconds} seconds") from failure
