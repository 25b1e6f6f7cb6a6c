"""What stays up until it is ended: serve, ui."""

import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import Door, open_door
from infra.api_keys import ApiKeys


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="Port to listen on (this machine only).")] = None,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="For development: answer everybody on this machine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve the last Bento on localhost: POST /segment, /ctr, /churn, /clv; the page / documents them.

    Applications need a key: `aimloop keys issue NAME --role score`.
    """
    from flows.serving import serve_command

    with explained():
        door = open_door(port=port, services={"api_keys": "off"} if without_keys else None)
        tag, command = serve_command(door)
    url = f"http://127.0.0.1:{door.settings.port}"
    if as_json:
        print_json({"bento": tag, "url": url})
    else:
        Console().print(f"{tag} on {url}; Ctrl-C ends it", highlight=False)
        if door.settings.services.api_keys == "off":
            Console().print("[bold red]WITHOUT KEYS:[/] whoever is on this machine may ask for everything")
        elif not ApiKeys(door.ledger).all():
            Console().print("nobody has a key yet: `aimloop keys issue NAME --role score`", highlight=False)
    _become(command, door)


@app.command()
def ui(as_json: AsJson = False) -> None:
    """Start a Prefect server with its UI and a worker, and deploy the flows: schedule and run cycles there."""
    from flows.serving import run_ui

    with explained():
        door = open_door()
        run_ui(door, announce=lambda facts: print_json(facts) if as_json else _announce_ui(facts))


def _become(command: list[str], door: Door) -> None:
    """Let the server take this process's place; its log goes to standard error."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    told = {"AIMLOOP_STATE": str(door.state.root), "AIMLOOP_SERVICES__API_KEYS": door.settings.services.api_keys}
    os.execvpe(command[0], command, os.environ | told)


def _announce_ui(facts: dict[str, Any]) -> None:
    Console().print(
        f"Prefect UI on {facts['url']}, deployments {', '.join(facts['deployments'])}; Ctrl-C ends it", highlight=False
    )
