"""The marts of a first cycle, and of a second one 28 days later that finds the first one's.

Each builds in a process of its own, as in ``aimloop run``, on data that have landed; the first finds no earlier
generation and no project that dbt has parsed. Three pairs, for one is at the mercy of whoever shares the machine.
"""

import json
import shutil
import statistics
import sys
import time
from pathlib import Path

from infra.state import State
from tests.benchmarks.measure import Figure, at_most, environ, measured

FIRST, SECOND = "2017-11-06", "2017-12-04"
PAIRS = 3


def marts(folder: Path) -> dict[str, Figure]:
    variables = environ(folder / "state")
    built("", variables)  # lands the data, so that no pair does
    pairs = []
    for _ in range(PAIRS):
        state = State(folder / "state")
        for left in (state.warehouse, state.dbt):
            shutil.rmtree(left)
        state.open()
        first, second = (built(as_of, variables) for as_of in (FIRST, SECOND))
        assert "taken over" not in first["line"]
        assert "taken over" in second["line"]
        pairs.append((first["seconds"], second["seconds"]))
    return {
        "marts.first_seconds": Figure(statistics.median(first for first, _ in pairs), "s"),
        "marts.second_seconds": Figure(statistics.median(second for _, second in pairs), "s"),
        "marts.incremental_ratio": at_most(statistics.median(second / first for first, second in pairs), 0.4, "×"),
    }


def built(as_of: str, variables: dict[str, str]) -> dict:  # type: ignore[type-arg]
    """Seconds and line of the marts of a cycle at ``as_of``; without one, only land."""
    command = [sys.executable, "-m", "tests.benchmarks.marts", as_of]
    found: dict = json.loads(measured(command, variables).stdout.splitlines()[-1])  # type: ignore[type-arg]
    return found


def main(as_of: str) -> None:
    from flows.context import begin_cycle, open_door
    from flows.temporary_server import start_temporary_server, wait_until_ready

    door = open_door(as_of=as_of or None)
    log = door.state.prefect / "server.log"
    start_temporary_server(log)
    from flows.ingest import land
    from flows.marts import marts as build

    wait_until_ready(log)
    land(door)
    if not as_of:
        print(json.dumps({}))
        return
    cycle = begin_cycle(door)
    began = time.monotonic()
    line = build(cycle.id)["line"]
    print(json.dumps({"seconds": time.monotonic() - began, "line": line}))


if __name__ == "__main__":
    main(sys.argv[1])
