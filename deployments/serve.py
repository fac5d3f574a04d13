"""`pricecast serve`: a Prefect server on this machine, the schedules of `prefect.yaml` and a worker, in one.

Prefect is imported only after its surroundings are set.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from flows.runners import PREFECT_DEFAULTS, prepare_prefect
from pipeline.errors import PricecastError, UsageError

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment

HOST = "127.0.0.1"
DEFAULT_PORT = 4200
DEFINITIONS = Path(__file__).with_name("prefect.yaml")
DEFAULT_HOME = Path("~/.pricecast/prefect")
START_SECONDS = 120.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.25


def main(port: int | None = None) -> None:
    """Serve the schedules until SIGTERM or Ctrl-C; a run that is under way is told to stop.

    Uses the server of PREFECT_API_URL if that is set. Otherwise starts one on 127.0.0.1 (at `port`, else at
    PREFECT_SERVER_API_PORT, else 4200) and stops it at the end. The schedules stay on.
    """
    prepare_prefect(PREFECT_DEFAULTS)
    signal.signal(signal.SIGTERM, _leave)
    if os.environ.get("PREFECT_API_URL"):
        _serve()
        return
    home = Path(os.environ.get("PREFECT_HOME", DEFAULT_HOME)).expanduser()
    chosen = port or int(os.environ.get("PREFECT_SERVER_API_PORT", DEFAULT_PORT))
    with running_server(chosen, home) as url:
        os.environ["PREFECT_API_URL"] = url
        _serve()


def deployments(definitions: Path = DEFINITIONS) -> list["RunnerDeployment"]:
    """The deployments that `definitions` (a prefect.yaml) describes, for Prefect's `serve`."""
    import yaml  # type: ignore[import-untyped]

    described = yaml.safe_load(definitions.read_text(encoding="utf-8"))["deployments"]
    return [_deployment(one) for one in described]


def _deployment(described: Mapping[str, Any]) -> "RunnerDeployment":
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.deployments.runner import RunnerDeployment

    return RunnerDeployment.from_entrypoint(
        described["entrypoint"],
        name=described["name"],
        description=described["description"],
        parameters=described["parameters"],
        schedules=[CronSchedule(**schedule) for schedule in described["schedules"]],
        concurrency_limit=ConcurrencyLimitConfig(**described["concurrency_limit"]),
    )


def _serve() -> None:
    from prefect import serve

    # A pause would outlive this process; and the store has one writer, so runs take turns.
    serve(*deployments(), pause_on_shutdown=False, limit=1)


@contextmanager
def running_server(port: int, home: Path) -> Iterator[str]:
    """A Prefect server of our own while the block lasts, with its database and log in `home`; yields its API.

    UsageError when the port is taken, PricecastError when the server does not come up in START_SECONDS.
    """
    _require_free(port)
    home.mkdir(parents=True, exist_ok=True)
    log = home / "server.log"
    url = f"http://{HOST}:{port}/api"
    with log.open("ab") as output:
        # In a session of its own, so that Ctrl-C reaches it only by way of us, after the runs.
        server = subprocess.Popen(  # noqa: S603 - our own interpreter, no text from outside
            [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)],
            env={**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_health(server, f"{url}/health", log)
        yield url
    finally:
        _stop(server)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UsageError(
                f"port {port} of {HOST} is in use",
                f"Give another --port, or set PREFECT_API_URL=http://{HOST}:{port}/api to use that server.",
            ) from error


def _await_health(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if _answers(address):
            return
        time.sleep(POLL_SECONDS)
    what = "did not come up" if server.poll() is None else f"ended with code {server.returncode}"
    raise PricecastError(f"the Prefect server {what}", f"See why in {log}.")


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=POLL_SECONDS * 8) as answer:  # noqa: S310 - own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _leave(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
