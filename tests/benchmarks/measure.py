"""Timing and memory of whole processes."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import psutil


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


def at_most(value: float, limit: float, unit: str) -> Figure:
    return Figure(value, unit, f"≤ {limit:g}", value <= limit)


def at_least(value: float, limit: float, unit: str, interval: tuple[float, float] | None = None) -> Figure:
    return Figure(value, unit, f"≥ {limit:g}", value >= limit, interval)
