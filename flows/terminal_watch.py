"""How people see what a watch found: a row a judgement, with its reason and what the trigger makes of it."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def show_watch(console: Console, found: dict[str, Any]) -> None:
    """Verdicts of every version in use, the features that moved most, and what was asked for."""
    if not found["models"]:
        console.print("No version is in use yet: `aimloop run` trains the first.", highlight=False)
        return
    for name, outcome in found["models"].items():
        table = Table(title=f"{name}: {outcome['version']}", title_justify="left")
        for heading in ("judgement", "holds", "value", "alarm from"):
            table.add_column(heading, justify="left" if heading in ("judgement", "holds") else "right")
        table.add_column("reason", overflow="fold")
        for check in outcome["checks"]:
            holds = "[green]yes[/]" if check["passed"] else "[red]no[/]"
            figures = f"{check['value']:.3f}", f"{check['threshold']:.3f}"
            reason = escape(f"{check['reason']}\ntrigger: {check['decision']}")
            table.add_row(check["kind"], holds, *figures, reason)
        console.print(table)
        if outcome["report"]:
            console.print(f"  Report: {outcome['report']}", highlight=False, soft_wrap=True)
    for name, asked in found["asked"].items():
        console.print(
            f"Retraining of {name}: {escape(str(asked.get('line', 'asked for')))}", highlight=False, soft_wrap=True
        )
    told = f"\nThe world as of {found['as_of']}: {escape(found['line'])}"
    console.print(told, highlight=False, soft_wrap=True)
