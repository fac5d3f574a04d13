"""Questions to a Prefect server, over its API."""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """The server whose API is at `url`."""

    url: str

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the server answers to a POST of `body`, or to a GET without one."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/{path}", data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def deployments(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.ask("deployments/filter", {})}

    def scheduled_runs(self, deployment_id: str) -> list[dict[str, Any]]:
        chosen = {"state": {"type": {"any_": ["SCHEDULED"]}}, "deployment_id": {"any_": [deployment_id]}}
        runs: list[dict[str, Any]] = self.ask("flow_runs/filter", {"flow_runs": chosen})
        return runs


def eventually(question: Callable[[], T | None], seconds: float = 60.0) -> T:
    """The first answer that holds, asking until the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.25)
    raise AssertionError(f"nothing within {seconds} seconds")
