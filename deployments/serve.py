"""`pricecast serve`: run a local Prefect server, the schedules of `prefect.yaml` and a worker together.

Prefect is imported only after its environment variables are set.
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
"""How long to wait for the server to start."""
STOP_SECONDS = 20.0
"""How long to wait for the server to stop before it is killed."""
POLL_SECONDS = 0.25


def main(port: int | None = None) -> None:
    """Serve the schedules until SIGTERM or Ctrl-C, and then stop the flow runs that are still running.

    Uses the server of PREFECT_API_URL if that is set. Otherwise starts a server on 127.0.0.1 (at `port`, else
    at PREFECT_SERVER_API_PORT, else 4200) and stops it at the end. The schedules are not paused at the end.
    """
    prepare_prefect(PREFECT_DEFAULTS)
    signal.signal(signal.SIGTERM, _exit_on_signal)
    if os.environ.get("PREFECT_API_URL"):
        _serve()
        return
    home = Path(os.environ.get("PREFECT_HOME", DEFAULT_HOME)).expanduser()
    chosen = port or int(os.environ.get("PREFECT_SERVER_API_PORT", DEFAULT_PORT))
    with running_server(chosen, home) as url:
        os.environ["PREFECT_API_URL"] = url
        _serve()


def deployments(definitions: Path = DEFINITIONS) -> list["RunnerDeployment"]:
    """Read the deployments that `definitions` (a prefect.yaml) describes, for Prefect's `serve`."""
    import yaml  # type: ignore[import-untyped]

    described = yaml.safe_load(definitions.read_text(encoding="utf-8"))["deployments"]
    return [_deployment(each) for each in described]


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

    # The server would keep the schedules paused after a restart. SQLite has one writer, so runs take turns.
    serve(*deployments(), pause_on_shutdown=False, limit=1)


@contextmanager
def running_server(port: int, home: Path) -> Iterator[str]:
    """Run a Prefect server during the block, with its database and log in `home`, and yield its API URL.

    UsageError when the port is in use, PricecastError when the server does not start within START_SECONDS.
    """
    _require_free(port)
    home.mkdir(parents=True, exist_ok=True)
    log = home / "server.log"
    url = f"http://{HOST}:{port}/api"
    with log.open("ab") as output:
        # In a session of its own: Ctrl-C must stop the runs first, and `_stop` the server last.
        server = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
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
        if _is_healthy(address):
            return
        time.sleep(POLL_SECONDS)
    what = "did not start in time" if server.poll() is None else f"ended with exit code {server.returncode}"
    raise PricecastError(f"the Prefect server {what}", f"Read the reason in its log {log}.")


def _is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=POLL_SECONDS * 8) as response:  # noqa: S310 - own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _exit_on_signal(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
