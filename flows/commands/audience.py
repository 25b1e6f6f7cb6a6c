"""Customers to act on: audience."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from infra.errors import AimloopError


@app.command()
def audience(
    where: Annotated[
        str | None,
        typer.Option(help="Whom to choose: \"segment = 'important win-back' and churn_probability > 0.5\"."),
    ] = None,
    channel: Annotated[
        str | None, typer.Option(help="email, phone or sms: only customers with an address for it; or another.")
    ] = None,
    contact: Annotated[
        bool, typer.Option("--contact", help="Add the contact details the channel needs, if your role may see them.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many customers.")] = None,
    order_by: Annotated[str | None, typer.Option(help='Who comes first, such as "churn_probability desc".')] = None,
    out: Annotated[str | None, typer.Option(help="A .csv or .parquet file to write; - prints CSV.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """List customers to act on, by the company's own ids, with consent applied.

    Without --where: what customers may be chosen by. Without --out: how many there are.
    """
    from flows import audience as story
    from flows.terminal_audience import show_choices, show_summary

    with explained():
        if where is None:
            if out or channel or contact or limit or order_by:
                raise AimloopError("--where is missing", "say whom to choose; --where true chooses everybody")
            generation, choices = story.choices(open_door())
            if as_json:
                print_json({"cycle": generation.name, "columns": [asdict(choice) for choice in choices]})
            else:
                show_choices(Console(), generation.name, choices)
            return
        channel = channel.lower().replace("e-mail", "email") if channel else None
        request = story.Request(where, channel, contact, limit, order_by)
        if out == "-":
            if as_json:
                raise AimloopError("--out - and --json would both print", "choose one of them")
            text, summary = story.printed(open_door(), request)
            typer.echo(text, nl=False)
            show_summary(Console(stderr=True), summary)
            return
        door = open_door()
        summary = story.write(door, request, Path(out), replace=force) if out else story.preview(door, request)
    if as_json:
        print_json(summary)
    else:
        show_summary(Console(), summary)
