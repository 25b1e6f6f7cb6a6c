"""Long-running servers that people start: the Bento, and the Prefect UI with a worker."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from flows.context import PROJECT, Door
from flows.temporary_server import wait_until_ready
from infra.errors import AimloopError

POOL = "aimloop"
UI_PORT = 4200


def serve_command(door: Door) -> tuple[str, list[str]]:
    """The last Bento's tag, and the command that serves it on localhost.

    Raises:
        AimloopError: no cycle has built a Bento yet.
    """
    row = door.ledger.cycle()
    step = door.ledger.steps(row.id).get("package") if row else None
    if step is None:
        raise AimloopError("there is no Bento yet", "run a cycle first: `aimloop run`")
    tag = str(step.result["tag"])
    command = [sys.executable, "-m", "bentoml", "serve", tag, "--host", "127.0.0.1"]
    return tag, [*command, "--port", str(door.settings.port)]


def run_ui(door: Door, announce: Callable[[dict[str, Any]], None]) -> None:
    """Serve the Prefect UI on localhost, deploy the flows, work on their runs until interrupted."""
    url = f"http://127.0.0.1:{UI_PORT}"
    os.environ["PREFECT_API_URL"] = f"{url}/api"
    os.environ["AIMLOOP_STATE"] = str(door.state.root)
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    log = door.state.prefect / "server.log"
    with log.open("w", encoding="utf-8") as out:
        server = subprocess.Popen(
            [*prefect, "server", "start", "--host", "127.0.0.1", "--port", str(UI_PORT)],
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_ready(log)
            deployments = deploy(prefect, out)
            announce({"url": url, "deployments": deployments, "pool": POOL})
            subprocess.run([*prefect, "worker", "start", "--pool", POOL], stdout=out, stderr=out, check=False)
            time.sleep(0.2)
        finally:
            server.terminate()
            server.wait(timeout=30)


def deploy(prefect: list[str], out: Any) -> list[str]:
    """Make the work pool and the deployments of ``prefect.yaml``."""
    pool = [*prefect, "work-pool", "create", POOL, "--type", "process", "--overwrite"]
    for command in (pool, [*prefect, "deploy", "--all", "--prefect-file", str(PROJECT / "prefect.yaml")]):
        done = subprocess.run(command, cwd=PROJECT, stdout=out, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise AimloopError(f"`{' '.join(command[3:])}` failed", f"see {out.name}")
    return ["cycle/weekly", "watch/daily"]
