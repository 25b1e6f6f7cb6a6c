"""Answers while things change: ten minutes of all kinds of questions, with an experiment, a promotion, a rollback and
new profiles in the middle, by the commands that people use. Each answer is checked, and who gave it.
"""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flows.context import Door
from infra.keys import open_keys
from infra.ledger import Ledger
from infra.settings import load
from infra.state import State
from tests.benchmarks.measure import AIMLOOP, Figure, at_most, environ, published_state
from tests.benchmarks.serving import servers
from tests.benchmarks.serving.checked import TAKEN_UP_WITHIN, Found, ask_while
from tests.benchmarks.serving.witness import Witness
from tests.services import issued_key

SECONDS = 600.0
WARM_AFTER = 0.2  # of the time: from then on memory may not grow

Happening = tuple[float, Callable[[], object]]


def failed_answers(folder: Path, seconds: float = SECONDS) -> dict[str, Figure]:
    """How many answers were wrong, and whether memory stayed flat."""
    state = published_state(folder)
    variables = environ(state)
    prepared = servers.prepared(folder / "prepared", variables)
    with issued_key(variables, "benchmark") as key, servers.ours(prepared, variables, key) as server:
        url = server.url.removesuffix("/ctr")
        found, grown_mib = watched(opened(variables), variables, url, key, seconds, lambda: server.worker_mib)
    for wrong, times in found.faults.most_common():
        print(f"  {wrong}: {times:,} times")
    return {
        "serving.failed_answers": at_most(found.faults.total(), 0, ""),
        "serving.checked_answers": Figure(found.answers, ""),
        "serving.longest_lag_seconds": at_most(found.longest_lag, TAKEN_UP_WITHIN, "s"),
        "serving.memory_growth_mib": at_most(grown_mib, 20, "MiB"),
    }


def watched(
    door: Door,
    variables: Mapping[str, str],
    url: str,
    key: str,
    seconds: float,
    memory_mib: Callable[[], float],
    within: float = TAKEN_UP_WITHIN,
) -> tuple[Found, float]:
    """Ask while things change; what became of it, and how many MiB more there are at the end than once it was warm.
    Every change must be known ``within`` seconds.

    Raises:
        RuntimeError: a change failed.
    """
    second = second_version(variables)
    memory: list[float] = []
    happenings = [*changes(second, variables), (WARM_AFTER, lambda: memory.append(memory_mib()))]
    failed: list[Exception] = []
    with Witness(door) as witness:
        clock = threading.Thread(target=_happen, args=(sorted(happenings, key=lambda each: each[0]), seconds, failed))
        clock.start()
        found = asyncio.run(ask_while(clock.is_alive, url, key, door, witness, within))
        clock.join()
    if failed:
        raise RuntimeError("what should have happened meanwhile did not") from failed[0]
    return found, memory_mib() - memory[0]


def second_version(variables: Mapping[str, str]) -> str:
    """Register a copy of the champion of the ctr model; its tag."""
    return _said(_step("second-version", "ctr"), variables).strip()


def changes(second: str, variables: Mapping[str, str]) -> list[Happening]:
    """What happens, and after which part of the time; ``second`` is another version of the ctr model."""

    def command(*words: str) -> Callable[[], object]:
        return lambda: _said([AIMLOOP, *words, "--because", "a benchmark of the services"], variables)

    def profiles(hours: int) -> Callable[[], object]:
        return lambda: _said(_step("republish", str(hours)), variables)

    return [
        (0.25, command("experiments", "start", second, "--share", "0.3")),
        (0.35, profiles(1)),
        (0.45, command("experiments", "share", "ctr", "0.6")),
        (0.55, command("promote", second)),
        (0.65, command("rollback", "ctr")),
        (0.75, profiles(2)),
    ]


def opened(variables: Mapping[str, str]) -> Door:
    """What the services see, seen from here."""
    settings = load(variables, Path(variables["AIMLOOP_STATE"]))
    state = State(settings.state)
    return Door(settings, state, open_keys(settings, state), Ledger(state.ledger))


def _happen(happenings: Sequence[Happening], seconds: float, failed: list[Exception]) -> None:
    began = time.monotonic()
    for part, happen in happenings:
        time.sleep(max(0.0, began + part * seconds - time.monotonic()))
        try:
            happen()
        except Exception as error:  # raised where the thread is waited for
            failed.append(error)
            return
    time.sleep(max(TAKEN_UP_WITHIN, began + seconds - time.monotonic()))


def _step(*words: str) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.serving.steps", *words]


def _said(command: Sequence[str], variables: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, env=dict(variables), cwd=servers.PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout
