"""Long-running servers that people start: the Bento, and the Prefect UI with a worker."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import yaml

from flows import children
from flows.context import PROJECT, Door
from flows.temporary_server import wait_until_ready
from infra import warehouse
from infra.errors import AimloopError

POOL = "aimloop"


def serve_command(door: Door) -> tuple[str, list[str]]:
    """The published cycle's Bento, and the command that serves it on localhost.

    Raises:
        AimloopError: no cycle has built a Bento yet.
    """
    published = warehouse.published(door.state)
    step = door.ledger.steps(published.name).get("package") if published else None
    if step is None:
        raise AimloopError("there is no Bento yet", "run a cycle first: `aimloop run`")
    tag = str(step.result["tag"])
    command = [sys.executable, "-m", "bentoml", "serve", tag, "--host", "127.0.0.1"]
    return tag, [*command, "--port", str(door.settings.port)]


def run_ui(door: Door, announce: Callable[[dict[str, Any]], None]) -> None:
    """Serve the Prefect UI on localhost, deploy the flows, work on their runs until interrupted."""
    url = f"http://127.0.0.1:{door.settings.ui_port}"
    os.environ["PREFECT_API_URL"] = f"{url}/api"
    os.environ["AIMLOOP_STATE"] = str(door.state.root)
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    serve = [*prefect, "server", "start", "--host", "127.0.0.1", "--port", str(door.settings.ui_port)]
    log = door.state.prefect / "server.log"
    with log.open("w", encoding="utf-8") as out, ExitStack() as stack:
        stack.callback(children.stop, children.start(serve, out, os.environ))
        wait_until_ready(log)
        deployments = deploy(prefect, out)
        worker = children.start([*prefect, "worker", "start", "--pool", POOL], out, os.environ)
        stack.callback(children.stop, worker)
        announce({"url": url, "deployments": deployments, "pool": POOL})
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.pause()


def deploy(prefect: list[str], out: Any) -> list[str]:
    """Make the work pool and the deployments of ``prefect.yaml``."""
    pool = [*prefect, "work-pool", "create", POOL, "--type", "process", "--overwrite"]
    for command in (pool, [*prefect, "deploy", "--all", "--prefect-file", str(PROJECT / "prefect.yaml")]):
        done = subprocess.run(command, cwd=PROJECT, stdout=out, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise AimloopError(f"`{' '.join(command[3:])}` failed", f"see {out.name}")
    deployments = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    return [f"{deployment['entrypoint'].rsplit('.', 1)[1]}/{deployment['name']}" for deployment in deployments]
