"""A Prefect server for the time of one run: started early, gone when its parent is.

Prefect starts such a server by itself, but late (when the first flow is called) and so that it
outlives a killed parent. This one starts while the rest is still being imported.
"""

import atexit
import os
import socket
import sys
import time
import urllib.request
from pathlib import Path

from flows import children
from infra.errors import AimloopError

START_SECONDS = 120  # a first start makes the database; on a slow disk that takes its time
ANSWER_SECONDS = 5  # a server that somebody else runs should be there

_started: list[str] = []  # addresses of this process's own servers


def start_temporary_server(log: Path) -> None:
    """Start a server for this process, unless ``PREFECT_API_URL`` names one already; it ends with the process.

    Call it before Prefect is imported: handlers at exit run in reverse order, so Prefect still finds the
    server when it sends its last logs, and the server is stopped after that.
    """
    if os.environ.get("PREFECT_API_URL"):
        return
    port = free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--no-services", "--host", "127.0.0.1"]
    quiet = {"PREFECT_UI_ENABLED": "false", "PREFECT_SERVER_UI_ENABLED": "false"}
    with log.open("w", encoding="utf-8") as out:
        server = children.start([*command, "--port", str(port)], out, os.environ | quiet)
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    atexit.register(children.stop, server)
    _started.append(os.environ["PREFECT_API_URL"])


def somebody_watches() -> bool:
    """Whether the server is one that lasts: the temporary one has no pages to look at."""
    return os.environ.get("PREFECT_API_URL") not in _started


def refuse_absent_server() -> None:
    """Say so at once when ``PREFECT_API_URL`` names a server that is not there.

    Raises:
        AimloopError: it does not answer within ``ANSWER_SECONDS``.
    """
    if (url := os.environ.get("PREFECT_API_URL")) and not _answers(url, ANSWER_SECONDS):
        raise AimloopError(
            f"no Prefect server answers at {url}", "start it, or unset PREFECT_API_URL to let aimloop start one"
        )


def wait_until_ready(log: Path) -> None:
    """Return when the server that was started, and writes to ``log``, answers.

    Raises:
        AimloopError: it did not within ``START_SECONDS``.
    """
    url = os.environ["PREFECT_API_URL"]
    if not _answers(url, START_SECONDS):
        raise AimloopError(f"the Prefect server at {url} did not answer within {START_SECONDS} s", f"see {log}")


def _answers(url: str, patience_seconds: float) -> bool:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return True
        except OSError:
            time.sleep(0.1)
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
