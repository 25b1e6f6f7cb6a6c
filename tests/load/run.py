"""`make load`: a mixed realistic load on `aimloop serve`, and what became of it, endpoint by endpoint.

Customers and ads come from the state folder that the settings name. A service is started on it, with a key that is
revoked afterwards, unless there is one already.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from flows.commands.app import explained
from flows.context import PROJECT, open_door
from models import catalog
from tests.load.traffic import Shown, drawn
from tests.services import AIMLOOP, free_port, issued_key, started

ROWS = 20_000


@dataclass(frozen=True)
class Plan:
    """What locust's users are told."""

    url: str
    key: str
    models: list[str]
    shown: list[Shown]


@dataclass(frozen=True)
class Found:
    """By kind of question: how long each request took, and what was wrong with those that failed."""

    seconds: float
    milliseconds: Mapping[str, list[float]]
    faults: Mapping[str, list[str]]

    @property
    def failed(self) -> int:
        return sum(map(len, self.faults.values()))


def play(plan: Plan, users: int, seconds: int) -> Found:
    """Let locust's users ask for so long.

    Raises:
        RuntimeError: locust itself failed; with what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "load.plan"
        file.touch(mode=0o600)  # it holds customers and a key
        file.write_text(json.dumps(asdict(plan)), encoding="utf-8")
        locust = [sys.executable, "-m", "locust", "-f", str(PROJECT / "tests" / "load" / "locustfile.py")]
        told = ["--headless", "--only-summary", "-u", str(users), "-r", str(users), "-t", f"{seconds}s"]
        environ = os.environ | {"AIMLOOP_LOAD_PLAN": str(file), "PYTHONPATH": str(PROJECT)}
        done = subprocess.run([*locust, *told], env=environ, capture_output=True, text=True, check=False)
        found = file.with_suffix(".found")
        if done.returncode or not found.exists():
            raise RuntimeError(f"locust ended with {done.returncode}:\n{done.stderr}")
        return Found(seconds, **json.loads(found.read_text(encoding="utf-8")))


def table(found: Found) -> Table:
    """A line an endpoint; latencies in milliseconds."""
    shown = Table("asked", "requests", "a second", "p50 ms", "p95 ms", "p99 ms", "max ms", "failed", box=None)
    for column in shown.columns[1:]:
        column.justify, column.no_wrap = "right", True
    everything = [taken for of_kind in found.milliseconds.values() for taken in of_kind]
    for kind, taken in [*sorted(found.milliseconds.items()), ("all", everything)]:
        points = np.percentile(taken, [50, 95, 99, 100]) if taken else []
        failed = found.failed if kind == "all" else len(found.faults.get(kind, []))
        counts = (f"{len(taken):,}", f"{len(taken) / found.seconds:,.1f}")
        shown.add_row(kind, *counts, *(f"{point:,.1f}" for point in points), f"{failed:,}")
    return shown


@contextmanager
def service(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """URL and key of `aimloop serve`, until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with issued_key(environ, f"make load, port {port}") as key, tempfile.TemporaryDirectory() as folder:
        command = [AIMLOOP, "serve", "--port", str(port)]
        with started(command, environ, f"{url}/readyz", Path(folder) / "serve.log"):
            yield url, key


def main(
    users: Annotated[int, typer.Option(min=1, help="How many ask side by side.")] = 16,
    seconds: Annotated[int, typer.Option(min=1, help="For how long.")] = 60,
    url: Annotated[str, typer.Option(help="A service that is up; its key in the variable KEY.")] = "",
    key: Annotated[str, typer.Option(envvar="KEY", hidden=True)] = "",
) -> None:
    """Ask, and print a table; exit code 1 when anything failed."""
    console = Console()
    with explained():
        door = open_door()
        champions = [name for name in catalog.MODELS if door.ledger.champion(name)]
        shown = drawn(door, ROWS)
    environ = os.environ | {"AIMLOOP_STATE": str(door.state.root)}
    with nullcontext((url.rstrip("/"), key)) if url else service(environ) as (where, token):
        console.print(f"{users} users for {seconds} s on {where}", highlight=False)
        found = play(Plan(where, token, champions, shown), users, seconds)
    console.print(table(found))
    for kind, faults in found.faults.items():
        for fault, times in Counter(faults).most_common():
            console.print(f"[red]{kind}[/]: {fault}, {times:,} times", highlight=False)
    if found.failed or not found.milliseconds:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
