"""What people see of experiments on the terminal."""

import math
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.evaluations import Evaluation
from infra.experiments import Experiment
from monitoring.promotion import Schedule, Standing, outlook

_VERBS = {
    "stay": "goes on",
    "raise": "raised to {share}",
    "promote": "promoted",
    "end": "ended",
    "overtaken": "overtaken",
    "failed": "[red]not judged[/]",
    "stays": "stays champion",
    "rolled back": "[red]rolled back[/]",
    "cannot go back": "[red]cannot go back[/]",
}


def show_done(console: Console, done: dict[str, Any]) -> None:
    """A row an experiment and a champion on probation: what was found, what was done, why; then what did not count."""
    rows = [*done["experiments"], *done["probation"]]
    if not rows:
        console.print(done["line"].capitalize() + ".", highlight=False, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "action", "found", "why"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        share = f"{row.get('share') or 0:g}"
        found = "\n".join(f"{name} {in_words(e)}" for name, e in row.get("estimates", {}).items())
        action = _VERBS[row["action"]].format(share=share)
        table.add_row(row["model"], action, escape(found), escape(row["reason"]))
    console.print(table)
    for row in done["experiments"]:
        for note in row["notes"]:
            console.print(f"[dim]{row['model']}: {escape(note)}[/]", highlight=False, soft_wrap=True)
    for turn in done["waited"]:
        console.print(
            f"{turn['model']}: {escape(turn['line'])} ({escape(turn['reason'])})", highlight=False, soft_wrap=True
        )


def show_experiment(
    console: Console, experiment: Experiment, last: Evaluation | None, rules: tuple[Schedule, Standing]
) -> None:
    """Who challenged whom, with which shares, from when until when, and why; what was last found, and what follows."""
    shares = " → ".join(f"{step.share:g}" if step.share else "shadow" for step in experiment.steps)
    ended = experiment.ended_at
    until = f"until {ended:%Y-%m-%d %H:%M} UTC" if ended else "[bold]runs[/]"
    reasons = "; ended: ".join(filter(None, (experiment.reason, experiment.end_reason)))
    lines = [
        f"{experiment.id:>4}  [bold]{escape(experiment.challenger)}[/] beside {escape(experiment.champion)}",
        f"      share {shares}; from {experiment.started_at:%Y-%m-%d %H:%M} {until}",
        f"      [dim]{escape(reasons)}[/]",
    ]
    if last is not None:
        lines.append(f"      looked at {last.at:%Y-%m-%d %H:%M} UTC: {escape(last.reason)}")
        lines += [f"      {name} {escape(in_words(found))}" for name, found in last.estimates.items()]
        failed = [verdict["reason"] for verdict in last.verdicts if not verdict["passed"]]
        lines += [f"      [red]{escape(reason)}[/]" for reason in failed]
    if not ended:
        lines.append(f"      next: {escape(outlook(rules[1], rules[0]))}")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def in_words(estimate: dict[str, Any]) -> str:
    """As ``+8.2 % (+0.0003 to +0.0079 on 0.0501; 812 + 203 customers)``."""
    relative = estimate["relative"]
    share = f"{relative:+.1%} " if relative is not None and math.isfinite(relative) else ""
    champion, challenger = estimate["customers"]
    return (
        f"{share}({estimate['low']:+.3g} to {estimate['high']:+.3g} on {estimate['champion']:.3g}; "
        f"{champion:,} + {challenger:,} customers)"
    )
