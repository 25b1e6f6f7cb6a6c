"""How people see a cycle in a terminal: steps while it runs, tables when it is done."""

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table


class TerminalReporter:
    """One line a step, with a spinner and the elapsed time while it runs. Implements ``Reporter``."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def started(self, step: str) -> None:
        if not self._console.is_terminal:
            return
        began = time.monotonic()

        class Running(Spinner):
            def render(self, at: float) -> Any:
                self.update(text=f"{step:<9} {time.monotonic() - began:6.1f} s")
                return super().render(at)

        self._live = Live(Running("dots"), console=self._console, transient=True, refresh_per_second=8)
        self._live.start()

    def finished(self, step: str, seconds: float, line: str) -> None:
        self._stop()
        self._console.print(f"[green]✓[/] {step:<9} {seconds:6.1f} s  {line}", highlight=False, soft_wrap=True)

    def skipped(self, step: str, line: str) -> None:
        self._console.print(f"[dim]✓ {step:<9}    done  {line}[/]", highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def show_summary(console: Console, summary: dict[str, Any]) -> None:
    """Rows, models against their baselines, plan, drift, and what to do next."""
    cycle = summary["cycle"]
    state = "finished" if cycle["finished_at"] else "not finished: `aimloop run` goes on from the last finished step"
    console.print(f"\nCycle [bold]{cycle['id']}[/], as of {cycle['as_of']} UTC, {state}", highlight=False)
    console.print(_rows(summary))
    if summary["models"]:
        console.print(_models(summary))
    if summary["plan"]:
        show_plan(console, summary["plan"])
    if summary["drift"]:
        verdict = "[green]passed[/]" if summary["drift"]["passed"] else "[red]drifted[/]"
        console.print(f"Drift: {verdict}. {summary['drift']['reason']}", highlight=False)
        console.print(f"Reports: {summary['drift']['report']}", highlight=False, soft_wrap=True)
    console.print(
        "\nNext: [bold]make serve[/] answers requests with these models; [bold]make ui[/] schedules cycles; "
        "[bold]aimloop status --json[/] gives all figures.",
        highlight=False,
    )


def show_plan(console: Console, plan: dict[str, Any]) -> None:
    """The budget plan, its channels' costs marked as assumed."""
    title = f"Budget plan: return {plan['expected_return']:,.0f} for {plan['cost']:,.0f} of {plan['budget']:,.0f}"
    table = Table(title=title, title_justify="left")
    for heading in ("channel", "units", "cost (assumed)", "return (assumed)", "binds"):
        table.add_column(heading, justify="left" if heading in ("channel", "binds") else "right")
    for p in plan["allocation"]:
        units, cost, gain = (f"{p[k]:,.0f}" for k in ("units", "cost", "expected_return"))
        table.add_row(p["channel"], units, cost, gain, p["binds"] or "")
    console.print(table)
    console.print(f"One more unit of budget returns {plan['marginal_return']:+.5f}.", highlight=False)


def show_versions(console: Console, versions: list[dict[str, Any]]) -> None:
    """Every trained version with its standing."""
    table = Table(title="Model versions", title_justify="left")
    for heading in ("model", "tag", "standing", "registered", "metrics on later time"):
        table.add_column(heading, overflow="fold")
    for v in versions:
        metrics = ", ".join(f"{k} {m:.4f}" for k, m in v["metrics"].items() if k != "rows")
        table.add_row(v["model"], v["tag"], v["standing"], v["registered_at"], metrics)
    console.print(table)


def _rows(summary: dict[str, Any]) -> Table:
    table = Table(title="Rows: read = accepted + quarantined + suppressed", title_justify="left")
    table.add_column("table")
    for heading in ("read", "accepted", "quarantined", "suppressed"):
        table.add_column(heading, justify="right")
    table.add_column("notes")
    reasons = {row["table_name"]: row["reason"] for row in reversed(summary["quarantine"])}
    for name, counts in summary["rows"].items():
        synthetic = summary["synthetic"].get(name)
        notes = [f"synthetic: {', '.join(synthetic)}"] if synthetic else []
        notes += [reasons[name]] if name in reasons else []
        figures = (f"{counts[k]:,}" for k in ("read", "accepted", "quarantined", "suppressed"))
        table.add_row(name, *figures, "; ".join(notes))
    return table


def _models(summary: dict[str, Any]) -> Table:
    table = Table(title="Models, evaluated on later time than training", title_justify="left")
    for heading in ("model", "result", "metrics"):
        table.add_column(heading, overflow="fold")
    for name, model in summary["models"].items():
        metrics = ", ".join(
            f"{k} {v:.4f}"
            + (f" [{model['intervals'][k][0]:.4f}, {model['intervals'][k][1]:.4f}]" if k in model["intervals"] else "")
            for k, v in model["metrics"].items()
            if k != "rows"
        )
        table.add_row(name, model["line"], metrics)
    return table
