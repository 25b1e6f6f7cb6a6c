"""How people see audiences and the audit trail in a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.audiences import ADDRESS, Choice
from infra.audit import BEGINNING, Entry, Finding

_KINDS = {"VARCHAR": "text", "BOOLEAN": "true or false", "DATE": "date", "TIMESTAMP": "time"}


def show_choices(console: Console, cycle: str, choices: Sequence[Choice]) -> None:
    """The columns of a condition, with values as they are written there."""
    table = Table(title=f"Customers of cycle {cycle} may be chosen by", title_justify="left")
    for heading in ("column", "kind", "values (customers), or least · median · greatest"):
        table.add_column(heading, overflow="fold")
    for choice in choices:
        is_counted = choice.type in ("VARCHAR", "BOOLEAN")
        values = (", " if is_counted else " · ").join(choice.values)
        further = f", … {choice.further_values:,} more" if choice.further_values else ""
        table.add_row(choice.column, _KINDS.get(choice.type, "number"), escape(values + further) or "[dim]none[/]")
    console.print(table)
    example = "segment = 'loyal' and churn_probability > 0.5"
    segments = next((choice.values for choice in choices if choice.column == "segment"), ())
    if segments:
        example = f"segment = {segments[0].rpartition(' ')[0]} and churn_probability > 0.5"
    console.print(
        f'\nNext: aimloop audience --where "{escape(example)}" --channel email --out list.csv',
        highlight=False,
        soft_wrap=True,
    )


def show_summary(console: Console, summary: dict[str, Any]) -> None:
    """What became of everyone who matched."""
    console.print(
        f"Audience of cycle [bold]{summary['cycle']}[/], as of {summary['as_of'].replace('T', ' ')} UTC",
        highlight=False,
    )
    address = ADDRESS.get(summary["channel"] or "")
    lines = [
        ("matched", "matched", True),
        ("without consent", "without_consent", True),
        (f"without {'an e-mail' if address == 'email' else 'a phone'}", "without_address", address is not None),
        ("no longer known", "not_known", summary["not_known"] > 0),
        ("beyond the limit", "beyond_limit", summary["limit"] is not None),
    ]
    for label, count, is_shown in lines:
        if is_shown:
            console.print(f"  {label:<18} {summary[count]:>9,}", highlight=False)
    is_written = "sha256" in summary
    label = "written" if is_written else "would be written"
    console.print(f"  [bold]{label:<18} {summary['chosen']:>9,}[/]", highlight=False)
    if "file" in summary:
        console.print(
            f"{escape(summary['file'])}, for you alone (SHA-256 {summary['sha256']})", highlight=False, soft_wrap=True
        )
    if summary["channel"] and address is None:
        known = ", ".join(ADDRESS)
        console.print(f"  [dim]no address is known for '{escape(summary['channel'])}'; for these one is: {known}[/]")
    if not summary["matched"]:
        console.print("Nobody fits. What customers may be chosen by, and which values there are: `aimloop audience`")
    elif not is_written:
        console.print("Next: the same with [bold]--out list.csv[/]", highlight=False)


def show_trail(console: Console, entries: Sequence[Entry]) -> None:
    """Every entry, a mark at those that are not what was written, and the last hash."""
    for entry in entries:
        mark = "[green]✓[/]" if entry.is_intact else "[red]✗[/]"
        when = entry.recorded_at.isoformat(" ", "seconds") if entry.recorded_at else "an unreadable time,"
        who = escape(f"{entry.user} ({entry.role})")
        console.print(f"{mark} {entry.position:>4}  {when} UTC  {who}  [bold]{entry.action}[/]", highlight=False)
        said = (f"{name} {value}" for name, value in entry.details.items() if value is not None and value is not False)
        console.print(f"        {escape(', '.join(said))}", highlight=False, soft_wrap=True, style="dim")
    last = entries[-1].digest if entries else BEGINNING
    if all(entry.is_intact for entry in entries):
        console.print(f"{len(entries):,} entries, none changed; last hash {last}", highlight=False, soft_wrap=True)


def show_finding(console: Console, finding: Finding) -> None:
    """Intact, with what to note elsewhere; or the first entry that does not fit, or the hash that is not there."""
    changed = finding.first_changed
    if changed is not None:
        when = f" of {changed.recorded_at.isoformat(' ', 'seconds')} UTC" if changed.recorded_at else ""
        who = escape(f"{changed.user} ({changed.role})")
        console.print(
            f"[bold red]changed:[/] entry {changed.position}{when}, {who}, {escape(changed.action)}, is not what was "
            "written there, or one before it is missing; every entry from there on is in doubt",
            highlight=False,
            soft_wrap=True,
        )
    if not finding.is_expected_there:
        console.print(
            "[bold red]changed:[/] no entry has the expected hash: entries were taken off the end, or the trail was "
            "made anew",
            highlight=False,
            soft_wrap=True,
        )
    if finding.is_intact:
        since = f" ({finding.since_expected:,} since the expected one)" if finding.since_expected is not None else ""
        console.print(f"intact: {finding.entries:,} entries{since}; last hash, to note elsewhere:", highlight=False)
        console.print(finding.last_hash, highlight=False, soft_wrap=True)
    else:
        console.print("  [bold]→[/] compare ledger.sqlite with a copy from before", highlight=False, soft_wrap=True)
