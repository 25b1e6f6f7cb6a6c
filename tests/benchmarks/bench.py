"""Measure what the project promises: `make bench`, or `make bench ONLY=cycle` for one group.

Writes docs/benchmarks.json and, from it, docs/benchmarks.md. `make bench ONLY=?` lists the groups.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from tests.benchmarks import cdnow, intake, marts
from tests.benchmarks.measure import Figure, at_least, at_most, environ, measured

PROJECT = Path(__file__).resolve().parents[2]
JSON, MARKDOWN = PROJECT / "docs" / "benchmarks.json", PROJECT / "docs" / "benchmarks.md"
AIMLOOP = str(Path(sys.executable).with_name("aimloop"))


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


def model_figures(models: dict[str, Any]) -> dict[str, Figure]:
    ctr, churn, clv, segments = models["ctr"], models["churn"], models["clv"], models["segmentation"]
    coverage = clv["metrics"]["coverage"]
    ratio = ctr["metrics"]["prediction_ratio"]
    figures = {
        "ctr.auc": at_least(ctr["metrics"]["auc"], 0.93, "", tuple(ctr["intervals"]["auc"])),
        "ctr.baseline_auc": at_least(ctr["metrics"]["baseline_auc"], 0.93, ""),
        "ctr.log_loss_gain": at_least(
            ctr["metrics"]["log_loss_gain"], 0, "nats", tuple(ctr["intervals"]["log_loss_gain"])
        ),
        "ctr.normalised_entropy": Figure(ctr["metrics"]["normalised_entropy"], ""),
        "ctr.prediction_ratio": Figure(ratio, "", "0.9 to 1.1", 0.9 <= ratio <= 1.1),
        "churn.auc": at_least(churn["metrics"]["auc"], 0.85, "", tuple(churn["intervals"]["auc"])),
        "churn.gain_over_recency": at_least(
            churn["metrics"]["gain_over_recency"], 0, "AUC", tuple(churn["intervals"]["gain_over_recency"])
        ),
        "churn.pr_auc": Figure(churn["metrics"]["pr_auc"], ""),
        "churn.top_decile_lift": Figure(churn["metrics"]["top_decile_lift"], "×"),
        "clv.r2": at_least(clv["metrics"]["r2"], 0.77, "", tuple(clv["intervals"]["r2"])),
        **{
            f"clv.{name}": at_least(clv["metrics"][name], 0.05, "", tuple(clv["intervals"][name]))
            for name in ("mae_gain_over_last_period", "mae_gain_over_purchases")
        },
        "clv.coverage": Figure(
            coverage, "", "0.77 to 0.83", 0.77 <= coverage <= 0.83, tuple(clv["intervals"]["coverage"])
        ),
        **{
            f"clv.{name}": Figure(clv["metrics"][name], unit)
            for name, unit in (("mae", "money"), ("baseline_r2", ""), ("purchases_r2", ""), ("bias_ratio", ""))
        },
        "segmentation.eta_squared": Figure(segments["metrics"]["eta_squared"], ""),
        "segmentation.baseline_eta_squared": Figure(segments["metrics"]["baseline_eta_squared"], ""),
    }
    for name, metric in (
        ("ctr", "auc"),
        ("ctr", "prediction_ratio"),
        ("churn", "auc"),
        ("clv", "r2"),
        ("clv", "mae_gain_over_last_period"),
        ("clv", "coverage"),
        ("segmentation", "eta_squared"),
    ):
        for origin, metrics in models[name]["earlier_windows"].items():
            figures[f"{name}.{metric}.origin_{origin}"] = Figure(metrics[metric], "")
    return figures


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


def serving(folder: Path) -> dict[str, Figure]:
    """1,000 impressions logged after a cycle, asked over HTTP, against batch predictions from later history."""
    from tests.benchmarks.parity import largest_difference

    return {"serving.parity": at_most(largest_difference(folder), 1e-6, "probability")}


def budget(folder: Path) -> dict[str, Figure]:
    """The worked example, with both solvers."""
    figures = {}
    for solver in ("highs", "cbc"):
        command = [AIMLOOP, "plan", "--budget", "1130000", "--json"]
        plan = json.loads(measured(command, environ(folder / "state", AIMLOOP_SOLVER=solver)).stdout)
        gain, marginal = plan["expected_return"], plan["marginal_return"]
        figures[f"budget.example_return_{solver}"] = Figure(gain, "", "84125", abs(gain - 84_125) < 1e-6)
        figures[f"budget.example_marginal_{solver}"] = Figure(marginal, "", "0.05625", abs(marginal - 0.05625) < 1e-9)
    return figures


GROUPS: dict[str, Callable[[Path], dict[str, Figure]]] = {
    "cycle": cycle,
    "marts": marts.marts,
    "overhead": overhead,
    "serving": serving,
    "budget": budget,
    "intake": intake.intake,
    "inspect": intake.inspect,
    "cdnow": cdnow.cdnow,
}


def main(only: str | None = None) -> int:
    """Measure one group or all; exit code 1 when a target is missed."""
    console = Console()
    chosen = {name: group for name, group in GROUPS.items() if only is None or only.split(".")[0] == name}
    if not chosen:
        console.print(f"unknown group '{only}'; known: {', '.join(GROUPS)}")
        return 2
    known = json.loads(JSON.read_text(encoding="utf-8")) if JSON.exists() else {}
    missed = 0
    for name, group in chosen.items():
        console.print(f"measuring {name} …")
        with tempfile.TemporaryDirectory() as folder:
            figures = group(Path(folder))
        for key, figure in figures.items():
            known[key] = {k: v for k, v in asdict(figure).items() if v is not None} | {"commit": commit()}
            known[key].setdefault("target", None)
            missed += figure.reached is False
            console.print(f"  {key} = {figure.value:.6g} {figure.unit} {figure.target or ''}", highlight=False)
    JSON.write_text(json.dumps(dict(sorted(known.items())), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    MARKDOWN.write_text(page(known), encoding="utf-8")
    console.print(f"wrote {JSON.relative_to(PROJECT)} and {MARKDOWN.relative_to(PROJECT)}; {missed} targets missed")
    return 1 if missed else 0


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
        span = "{:.4f} – {:.4f}".format(*figure["interval"]) if "interval" in figure else ""
        reached = {True: "yes", False: "**no**", None: ""}[figure.get("reached")]
        value = f"{figure['value']:,.6g} {figure['unit']}".strip()
        lines.append(f"| {name} | {value} | {span} | {figure['target'] or ''} | {reached} | {figure['commit']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
