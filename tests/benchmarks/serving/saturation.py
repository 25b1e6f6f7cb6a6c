"""How many requests a server answers when it is always asked: wrk, one thread, four connections."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from infra.errors import AimloopError
from tests.benchmarks.serving.servers import Server

CONNECTIONS = 4
SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Round:
    """What wrk counted."""

    per_second: float
    p50_ms: float
    p99_ms: float


def saturate(server: Server, seconds: int) -> Round:
    """Ask a server's requests over and over.

    Raises:
        AimloopError: wrk is not installed.
        RuntimeError: a request failed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise AimloopError("wrk is not installed", "install it (Debian, Ubuntu: apt-get install wrk; brew install wrk)")
    load = [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT), server.url]
    told = [str(server.bodies), *([server.authorization] if server.authorization else [])]
    done = subprocess.run([*load, "--", *told], capture_output=True, text=True, check=True)
    counted = json.loads(done.stdout.splitlines()[-1])
    if counted["failed"] or not counted["requests"]:
        raise RuntimeError(f"{server.name}: {counted['failed']} of {counted['requests']} requests failed")
    per_second = counted["requests"] / counted["microseconds"] * 1e6
    return Round(per_second, counted["p50"] / 1000, counted["p99"] / 1000)
