"""Long-running servers that people start: a Bento, and the Prefect UI with a worker."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import yaml
from pydantic import SecretStr

from flows import children
from flows.context import PROJECT, Door
from flows.temporary_server import wait_until_ready
from infra import warehouse
from infra.errors import AimloopError, did_you_mean

POOL = "aimloop"


@dataclass(frozen=True)
class Packaged:
    """A Bento of the published cycle; ``entry`` is the name of the service that it starts."""

    tag: str
    entry: str


def packaged(door: Door, service: str | None = None) -> Packaged:
    """The Bento of one service, or of the front door.

    Raises:
        AimloopError: no cycle has built it yet, or there is no such service.
    """
    published = warehouse.published(door.state)
    step = door.ledger.steps(published.name).get("package") if published else None
    if step is None:
        raise AimloopError("there is no Bento yet", "run a cycle first: `aimloop run`")
    bentos: dict[str, dict[str, str]] = step.result.get("bentos", {})
    front_door = str(step.result["tag"]).partition(":")[0]
    name = front_door if service is None else f"{front_door}-{service}"
    if name not in bentos:
        services = [bento.removeprefix(f"{front_door}-") for bento in bentos if bento != front_door]
        known = f"services: {', '.join(services)}" if services else "run a cycle first: `aimloop run`"
        raise AimloopError(
            f"there is no Bento of {service or 'all services'}", did_you_mean(service or "", services) + known
        )
    return Packaged(**bentos[name])


def serve_command(bento: Packaged, host: str, port: int) -> list[str]:
    """The command that serves a Bento."""
    return [sys.executable, "-m", "bentoml", "serve", bento.tag, "--host", host, "--port", str(port)]


def serve_environ(bento: Packaged, door: Door, environ: Mapping[str, str]) -> dict[str, str]:
    """What the server must be told: it runs in the Bento's folder, where no ``aimloop.toml`` lies.

    BentoML takes the number of workers by the name of the service; of options that say the same the last counts.
    """
    services = {name: value for name, value in door.settings.services if value is not None}
    told = {f"AIMLOOP_SERVICES__{k.upper()}": str(v) for k, v in services.items() if not isinstance(v, SecretStr)}
    options = f"{environ.get('BENTOML_CONFIG_OPTIONS', '')} services.{bento.entry}.workers={services['workers']}"
    return {**environ, **told, "AIMLOOP_STATE": str(door.state.root), "BENTOML_CONFIG_OPTIONS": options.strip()}


def refuse_taken(host: str, port: int) -> None:
    """Raises:
    AimloopError: something else listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just ended there does not count
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AimloopError(
                f"{host} port {port} cannot be listened on: {error.strerror}", "choose another with --port"
            ) from None


def is_this_machine(host: str) -> bool:
    """Whether whoever listens there hears this machine alone.

    Raises:
        AimloopError: not an address.
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        raise AimloopError(f"'{host}' is no IP address", "0.0.0.0 is every address of this machine") from None


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
