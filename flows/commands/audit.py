"""Who did what: audit, audit verify."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from infra.audit import verified
from infra.errors import AimloopError

audit = typer.Typer(help="Who took people's data out or changed who answers: `list` (the default), `verify`.")
app.add_typer(audit, name="audit")


@audit.callback(invoke_without_command=True)
def default(context: typer.Context, as_json: AsJson = False) -> None:
    """Who took people's data out or changed who answers."""
    if context.invoked_subcommand is None:
        list_entries(as_json)


@audit.command("list")
def list_entries(as_json: AsJson = False) -> None:
    """Show who did what, in which role, when and why, and whether an entry was changed."""
    from flows.terminal_audience import show_trail

    with explained():
        entries = open_door().audit.entries()
        broken = [entry.position for entry in entries if not entry.is_intact]
        if as_json:
            print_json({"is_intact": not broken, "entries": [asdict(entry) for entry in entries]})
        else:
            show_trail(Console(), entries)
        if broken:
            raise AimloopError(
                f"the audit trail was changed at entry {broken[0]}",
                "compare ledger.sqlite with a copy from before; every entry from there on is in doubt",
            )


@audit.command("verify")
def verify(
    expect: Annotated[
        str | None,
        typer.Option(help="A last hash noted earlier: where it is gone, the trail was cut short or made anew."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify that no entry was changed, taken out or put in; exit code 1 where one was.

    Note the last hash where nobody who can write here can write. With --expect, the next time, entries that were
    taken off the end show as well, and a whole trail made anew.
    """
    from flows.terminal_audience import show_finding

    with explained():
        finding = verified(open_door().audit.entries(), expect)
    if as_json:
        print_json({"is_intact": finding.is_intact, **asdict(finding)})
    else:
        show_finding(Console(), finding)
    if not finding.is_intact:
        raise typer.Exit(1)
