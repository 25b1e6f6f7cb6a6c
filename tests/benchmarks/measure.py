"""Timing and memory of whole processes."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import psutil

AIMLOOP = str(Path(sys.executable).with_name("aimloop"))
STATE = "AIMLOOP_BENCH_STATE"


@dataclass(frozen=True)
class Measured:
    """What a command took: wall seconds, and the peak of its process tree's resident memory (GiB)."""

    seconds: float
    peak_gib: float
    stdout: str


def environ(state: Path, **more: str) -> dict[str, str]:
    """This process's variables without those that the tools read, and a state folder."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("AIMLOOP_", "PREFECT_", "BENTOML_"))}
    return {**ours, "AIMLOOP_STATE": str(state), **more}


def published_state(folder: Path) -> Path:
    """A state folder with a published cycle, run with settings as they come, unless one that is beside will do.

    That is a copy of the one that ``AIMLOOP_BENCH_STATE`` names, or else the one that `ONLY=cycle` has just left.
    """
    given, beside = os.environ.get(STATE), folder.parent / "cycle" / "state"
    if given:
        return Path(shutil.copytree(given, folder / "state"))
    if beside.exists():
        return beside
    measured([AIMLOOP, "run", "--json"], environ(folder / "state"))
    return folder / "state"


def measured(command: Sequence[str], environ: Mapping[str, str], folder: Path | None = None) -> Measured:
    """Run a command to its end, in ``folder`` or where we are.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    began = time.monotonic()
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=dict(environ), cwd=folder) as run:
        peak = Peak(run.pid)
        stdout, stderr = run.communicate()
        seconds = time.monotonic() - began
        peak.stop()
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {run.returncode}:\n{stderr}")
    return Measured(seconds, peak.gib, stdout)


class Peak:
    """Samples a process tree's resident memory five times a second."""

    def __init__(self, pid: int) -> None:
        self.gib = 0.0
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(0.2):
            self.gib = max(self.gib, _tree_rss(self._process) / 2**30)


def _tree_rss(root: psutil.Process) -> int:
    total = 0
    try:
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended between the two looks
    return total


Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """One measured figure; ``target`` in words, ``reached`` None where there is none."""

    value: float
    unit: str
    target: str | None = None
    reached: bool | None = None
    interval: Interval | None = None


def at_most(value: float, limit: float, unit: str, interval: Interval | None = None) -> Figure:
    return Figure(value, unit, f"≤ {limit:g}", value <= limit, interval)


def at_least(value: float, limit: float, unit: str, interval: Interval | None = None) -> Figure:
    return Figure(value, unit, f"≥ {limit:g}", value >= limit, interval)


def between(value: float, low: float, high: float, unit: str, interval: Interval | None = None) -> Figure:
    return Figure(value, unit, f"{low:g} to {high:g}", low <= value <= high, interval)
