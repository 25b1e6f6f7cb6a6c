"""`kill -9` at random moments of replays: what comes out equals what an undisturbed one comes to.

Moments are drawn over the time that a run takes from its start, so that cycles, days, looks, reports and the start
itself are hit in proportion to how long they take. Every run has the same keys and one Prefect server that lasts.
"""

import os
import random
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from flows.replay.history import history
from flows.temporary_server import start_temporary_server, wait_until_ready
from infra.state import State
from tests.benchmarks.measure import AIMLOOP, Figure, at_least, environ

KILLS = 100
HOUSEHOLDS = 150
SHORT = ["--from", "2017-06-04", "--to", "2017-08-06", "--every", "28d", "--name", "kills", "--json"]
LONGEST_SECONDS = 60.0
SEED = 20170101


def kills(folder: Path) -> dict[str, Figure]:
    """Replay again and again until so many kills have been survived."""
    variables = settings(folder)
    run_to_the_end(variables | {"AIMLOOP_STATE": str(folder / "undisturbed")})
    expected = history(replayed(folder / "undisturbed"))
    moments, survived, turn = random.Random(SEED), 0, 0
    while survived < KILLS:
        state = folder / f"disturbed-{turn}"
        killed = kill_until_done(variables | {"AIMLOOP_STATE": str(state)}, moments, KILLS - survived)
        if history(replayed(state)) != expected:
            break
        survived, turn = survived + killed, turn + 1
    return {"loop.kills_survived": at_least(survived, KILLS, "kills"), "loop.kills_replays": Figure(turn, "replays")}


def replayed(state: Path) -> Path:
    return state / "replays" / "kills"


def settings(folder: Path) -> dict[str, str]:
    """The same keys for all, a small slice, and experiments that are decided on few customers; one server."""
    home = State(folder / "server").open()
    server: dict[str, str] = {}
    home.set_homes(server)
    os.environ |= server
    start_temporary_server(home.prefect / "server.log")
    wait_until_ready(home.prefect / "server.log")
    lively = {"MIN_CUSTOMERS": "10", "MIN_DAYS": "3", "RAMP_DAYS": "1", "STEP_REQUESTS": "10"}
    return environ(
        folder / "state",
        AIMLOOP_HOUSEHOLDS=str(HOUSEHOLDS),
        AIMLOOP_STORAGE_KEY="0" * 32,
        AIMLOOP_PSEUDONYM_KEY="1" * 32,
        PREFECT_API_URL=os.environ["PREFECT_API_URL"],
        OMP_NUM_THREADS="1",
        **{f"AIMLOOP_EXPERIMENTS__{name}": value for name, value in lively.items()},
    )


def run_to_the_end(variables: Mapping[str, str]) -> None:
    """Raises RuntimeError where the replay fails; with what it said."""
    done = subprocess.run([AIMLOOP, "replay", *SHORT], env=dict(variables), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the replay ended with {done.returncode}:\n{done.stderr}")


def kill_until_done(variables: Mapping[str, str], moments: random.Random, most: int) -> int:
    """Start it, kill it, start it again, until it has ended by itself; how often it was killed."""
    killed = 0
    while killed < most:
        process = subprocess.Popen(
            [AIMLOOP, "replay", *SHORT], env=dict(variables), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            _, told = process.communicate(timeout=moments.uniform(0, LONGEST_SECONDS))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            killed += 1
            continue
        if process.returncode:
            raise RuntimeError(f"the replay ended with {process.returncode}:\n{told.decode()}")
        return killed
    run_to_the_end(variables)
    return killed
