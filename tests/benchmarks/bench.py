"""Measure what the project promises: `make bench`, or `make bench ONLY=cycle` for one group.

Writes docs/benchmarks.json and, from it, docs/benchmarks.md. `make bench ONLY=?` lists the groups.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import psutil
from rich.console import Console

from tests.benchmarks import bank, budget, cdnow, imbalance, intake, marts, scoring, training
from tests.benchmarks.loop import alarms, false_promotion, kills, panels, power, replayed
from tests.benchmarks.measure import AIMLOOP, Figure, at_most, environ, measured
from tests.benchmarks.model_figures import model_figures
from tests.benchmarks.serving import fuzz, speed, steadfast
from tests.benchmarks.serving.what_if import what_if

PROJECT = Path(__file__).resolve().parents[2]
JSON, MARKDOWN = PROJECT / "docs" / "benchmarks.json", PROJECT / "docs" / "benchmarks.md"


def cycle(folder: Path) -> dict[str, Figure]:
    """A first run, its repeat, and the models' metrics on later time."""
    first = measured([AIMLOOP, "run", "--json"], environ(folder / "state"))
    repeat = measured([AIMLOOP, "run", "--json"], environ(folder / "state"))
    status = json.loads(first.stdout)
    again = json.loads(repeat.stdout)
    assert again["seconds"] == status["seconds"], "the repeat did work twice"
    return {
        "cycle.seconds": at_most(first.seconds, 120, "s"),
        "cycle.peak_gib": at_most(first.peak_gib, 6, "GiB"),
        "cycle.repeat_seconds": at_most(repeat.seconds, 30, "s"),
        **{f"cycle.{step}_seconds": Figure(seconds, "s") for step, seconds in status["seconds"].items()},
        **model_figures(status["models"]),
    }


def overhead(folder: Path) -> dict[str, Figure]:
    """What Prefect and dbt add: the cycle against a bare script, with a Prefect server already up."""
    from flows.temporary_server import start_temporary_server, wait_until_ready
    from infra.catalogue import project
    from infra.settings import load
    from infra.state import State

    home = State(folder / "server").open()
    home.set_homes(os.environ)
    start_temporary_server(home.prefect / "server.log")
    wait_until_ready(home.prefect / "server.log")
    server = {"PREFECT_API_URL": os.environ["PREFECT_API_URL"]}
    ours = measured([AIMLOOP, "run", "--json"], environ(folder / "ours", **server))
    homes: dict[str, str] = {}
    State(folder / "bare").set_homes(homes)
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(project.compile_project(load({}, folder)).manifest), encoding="utf-8")
    target = folder / "ours" / "dbt" / "target"
    script = [sys.executable, "-m", "tests.benchmarks.bare_cycle", str(manifest), str(target)]
    bare = measured(script, environ(folder / "bare", **homes))
    return {
        "cycle.with_server_seconds": Figure(ours.seconds, "s"),
        "cycle.bare_seconds": Figure(bare.seconds, "s"),
        "cycle.overhead_ratio": at_most(ours.seconds / bare.seconds, 1.3, "×"),
    }


def parity(folder: Path) -> dict[str, Figure]:
    """1,000 impressions logged after a cycle, asked over HTTP, against batch predictions from later history."""
    from tests.benchmarks.parity import largest_difference

    return {"serving.parity": at_most(largest_difference(folder), 1e-6, "probability")}


Group: TypeAlias = Callable[[Path], dict[str, Figure]]

GROUPS: dict[str, Group] = {
    "cycle": cycle,
    "training": training.training,
    "imbalance": imbalance.imbalance,
    "marts": marts.marts,
    "overhead": overhead,
    "scoring": scoring.scoring,
    "serving.speed": speed.speed,
    "serving.failed_answers": steadfast.failed_answers,
    "serving.fuzz": fuzz.fuzz,
    "serving.parity": parity,
    "budget": budget.budget,
    "budget.what_if": what_if,
    "intake": intake.intake,
    "inspect": intake.inspect,
    "cdnow": cdnow.cdnow,
    "bank": bank.bank,
    "loop.false_promotion": false_promotion.false_promotion,
    "loop.power": power.power,
    "loop.panels": panels.panels,
    "loop.false_alarm_rate": alarms.false_alarms,
    "loop.detection_rate": alarms.detection,
    "loop.replay": replayed.replay,
    "loop.kills": kills.kills,
}


def main(only: str | None = None) -> int:
    """Measure one group or all; exit code 1 when a target is missed."""
    console = Console()
    chosen = groups(only)
    if not chosen:
        console.print(f"unknown group '{only}'; known: {', '.join(GROUPS)}")
        return 2
    known = json.loads(JSON.read_text(encoding="utf-8")) if JSON.exists() else {}
    missed = 0
    for figures in _measured(chosen, console):
        for key, figure in figures.items():
            known[key] = {k: v for k, v in asdict(figure).items() if v is not None} | {"commit": commit()}
            known[key].setdefault("target", None)
            missed += figure.reached is False
            console.print(f"  {key} = {figure.value:.6g} {figure.unit} {figure.target or ''}", highlight=False)
    JSON.write_text(json.dumps(dict(sorted(known.items())), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    MARKDOWN.write_text(page(known), encoding="utf-8")
    console.print(f"wrote {JSON.relative_to(PROJECT)} and {MARKDOWN.relative_to(PROJECT)}; {missed} targets missed")
    return 1 if missed else 0


def groups(only: str | None) -> dict[str, Group]:
    """The group of that name, else all that begin like it: `serving`, or the name of any figure."""
    if only is None:
        return GROUPS
    if only in GROUPS:
        return {only: GROUPS[only]}
    return {name: group for name, group in GROUPS.items() if name.split(".")[0] == only.split(".")[0]}


def _measured(groups: Mapping[str, Group], console: Console) -> Iterator[dict[str, Figure]]:
    """Each group in a folder of its own; the cycle's stays, for those who want a published state (they come after)."""
    with tempfile.TemporaryDirectory() as root:
        for name, group in groups.items():
            console.print(f"measuring {name} …")
            folder = Path(root) / name
            folder.mkdir()
            yield group(folder)
            if name != "cycle":
                shutil.rmtree(folder)


def commit() -> str:
    """The commit that was measured, marked when the tree differs from it (the results themselves apart)."""
    git = ["git", "-C", str(PROJECT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "--", ".", ":!docs/benchmarks.*"], capture_output=True, text=True, check=False
    )
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def page(known: dict[str, Any]) -> str:
    """The figures as a table people can read."""
    machine = (
        f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, DuckDB {version('duckdb')}, Prefect {version('prefect')}"
    )
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on: {machine}. Intervals are 95 %, by resampling households.",
        "",
        "| name | value | interval | target | reached | commit |",
        "|---|---:|---|---|---|---|",
    ]
    for name, figure in sorted(known.items()):
        span = "{:.4g} – {:.4g}".format(*figure["interval"]) if "interval" in figure else ""
        reached = {True: "yes", False: "**no**", None: ""}[figure.get("reached")]
        value = f"{figure['value']:,.6g} {figure['unit']}".strip()
        lines.append(f"| {name} | {value} | {span} | {figure['target'] or ''} | {reached} | {figure['commit']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
