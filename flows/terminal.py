"""How people see a cycle in a terminal: steps while it runs, tables when it is done."""

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from flows.terminal_models import measured_row
from flows.terminal_plan import show_cycles_plan


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


def show_summary(console: Console, summary: dict[str, Any], *, with_steps: bool = False) -> None:
    """Rows, models against their baselines, plan, drift, and what to do next; the steps, if they were not seen."""
    cycle = summary["cycle"]
    state = "finished" if cycle["finished_at"] else "not finished: `aimloop run` goes on from the last finished step"
    console.print(f"\nCycle [bold]{cycle['id']}[/], as of {cycle['as_of']} UTC, {state}", highlight=False)
    if with_steps:
        for step, seconds in summary["seconds"].items():
            line = summary["lines"][step]
            console.print(f"  {step:<9} {seconds:6.1f} s  {line}", highlight=False, soft_wrap=True)
    console.print(_rows(summary))
    for rule in summary["rules"]:
        column = f"{rule['table_name']}.{rule['column_name']}"
        console.print(f"  {column} was read as {rule['rule']} in {rule['rows']:,} rows", highlight=False)
    for name, rows in summary["after_as_of"].items():
        console.print(f"  {name}: {rows:,} rows are later than as_of, this cycle does not know them", highlight=False)
    if absent := [name for name, counts in summary["rows"].items() if not counts["read"]]:
        console.print(f"  not brought: {', '.join(absent)}", highlight=False)
    if summary["quality"]:
        _show_quality(console, summary["quality"])
    if summary["models"]:
        console.print(_models(summary))
    if summary["plan"]:
        show_cycles_plan(console, summary["plan"])
    if summary["drift"]:
        verdict = "[green]all hold[/]" if summary["drift"]["passed"] else "[red]alarms[/]"
        console.print(f"Checks of the versions in use: {verdict} (`aimloop watch` shows them)", highlight=False)
        for reason in summary["drift"]["reason"].split("; "):
            console.print(f"  {reason}", highlight=False)
        console.print(f"Reports: {summary['drift']['report']}", highlight=False, soft_wrap=True)
    if cycle["finished_at"] and not cycle.get("published", True):
        console.print(
            "\nThis cycle looks back, or another has been published since: services answer with that one's versions. "
            "[bold]aimloop status --json[/] gives all figures.",
            highlight=False,
        )
        return
    console.print(
        "\nNext: [bold]make serve[/] answers requests with these models; [bold]make ui[/] schedules cycles; "
        "[bold]aimloop status --json[/] gives all figures.",
        highlight=False,
    )


def _show_quality(console: Console, quality: dict[str, Any]) -> None:
    """How many judgements hold, and each that does not."""
    failed = [verdict for verdict in quality["verdicts"] if not verdict["passed"]]
    mark = "[red]stopped the cycle[/]" if quality["stopped"] else "[yellow]warning[/]" if failed else "[green]passed[/]"
    total = len(quality["verdicts"])
    console.print(f"Data quality: {mark}, {total - len(failed)} of {total} judgements hold", highlight=False)
    for verdict in failed:
        console.print(f"  {verdict['name']}: {verdict['reason']}", highlight=False, soft_wrap=True)


def _rows(summary: dict[str, Any]) -> Table:
    table = Table(title="Rows: read = accepted + quarantined + suppressed", title_justify="left")
    table.add_column("table")
    for heading in ("read", "accepted", "quarantined", "suppressed"):
        table.add_column(heading, justify="right")
    table.add_column("notes")
    reasons: dict[str, list[str]] = {}
    for row in summary["quarantine"]:
        reasons.setdefault(row["table_name"], []).append(f"{row['reason']} ({row['rows']:,})")
    for name, counts in summary["rows"].items():
        if not counts["read"]:
            continue
        synthetic = summary["synthetic"].get(name)
        notes = [f"synthetic: {', '.join(synthetic)}"] if synthetic else []
        first, *further = reasons.get(name, [""])
        notes += [first + (f" and {len(further)} more" if further else "")] if first else []
        figures = (f"{counts[k]:,}" for k in ("read", "accepted", "quarantined", "suppressed"))
        table.add_row(name, *figures, "; ".join(notes))
    return table


def _models(summary: dict[str, Any]) -> Table:
    """A part a model, headed by its name and standing; ``baseline_<metric>`` stands beside its metric."""
    table = Table(title="Models, evaluated on later time than training", title_justify="left")
    table.add_column("metric", overflow="fold")
    for heading in ("value", "95 % interval", "baseline"):
        table.add_column(heading, justify="right", overflow="fold")
    for name, model in summary["models"].items():
        if model["tag"] is None:
            table.add_row(f"[bold]{name}[/]: {escape(model['line'])}", end_section=True)
            continue
        table.add_row(f"[bold]{name}[/], {'champion' if model['is_champion'] else 'candidate'}")
        for metric in model["metrics"]:
            if not metric.startswith("baseline_"):
                table.add_row(*measured_row(model["metrics"], model["intervals"], metric, f"baseline_{metric}"))
        table.add_section()
    return table
