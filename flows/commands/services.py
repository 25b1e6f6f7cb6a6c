"""Services: serve and ui stay up until they are ended, export puts one into a folder for an image."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from infra.api_keys import ApiKeys
from infra.errors import AimloopError

LOCALHOST = "127.0.0.1"


Service = Annotated[
    str | None, typer.Option("--service", help="One service alone, such as churn (default: all on one port).")
]


@app.command()
def serve(
    service: Service = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (default: 3000, or the setting).")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0: whoever reaches this machine.")] = LOCALHOST,
    workers: Annotated[int | None, typer.Option(help="Processes that answer, side by side.")] = None,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="For development: answer everybody on this machine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve the published cycle's Bento on localhost; the page / documents every endpoint.

    Applications need a key: `aimloop keys issue NAME --role score`.
    """
    from flows.serving import is_this_machine, packaged, refuse_taken, serve_command, serve_environ

    given = {"api_keys": "off" if without_keys else None, "workers": workers}
    with explained():
        door = open_door(port=port, services={name: value for name, value in given.items() if value is not None})
        is_open = not is_this_machine(host)
        if is_open and door.settings.services.api_keys == "off":
            raise AimloopError(
                f"without keys, {host} is not listened on: whoever reaches it would be answered",
                "leave out --without-keys, or --host",
            )
        bento = packaged(door, service)
        refuse_taken(host, door.settings.port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{door.settings.port}"
    if as_json:
        print_json({"bento": bento.tag, "url": url})
    else:
        Console().print(f"{bento.tag} on {url}; Ctrl-C ends it", highlight=False)
        if door.settings.services.api_keys == "off":
            Console().print("[bold red]WITHOUT KEYS:[/] whoever is on this machine may ask for everything")
        elif not ApiKeys(door.ledger).all():
            Console().print("nobody has a key yet: `aimloop keys issue NAME --role score`", highlight=False)
    if is_open:
        Console(stderr=True).print(
            f"[bold red]OPEN TO THE NETWORK:[/] whoever reaches {host} may knock, and keys travel unencrypted: "
            "put TLS in front",
            highlight=False,
        )
    _become(
        serve_command(bento, host, door.settings.port),
        serve_environ(bento, door, os.environ),
    )


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Made new.")],
    service: Service = None,
    as_json: AsJson = False,
) -> None:
    """Put the published cycle's Bento with its models into a folder, ready for `docker build FOLDER`."""
    from flows.export import export as export_to
    from flows.serving import packaged

    with explained():
        door = open_door()
        bento = packaged(door, service)
        export_to(door.state, bento.tag, folder)
    if as_json:
        print_json({"bento": bento.tag, "folder": str(folder)})
    else:
        Console().print(f"{bento.tag} in {folder}: docker build --tag {bento.tag} {folder}", highlight=False)


@app.command()
def ui(as_json: AsJson = False) -> None:
    """Start a Prefect server with its UI and a worker, and deploy the flows: schedule and run cycles there."""
    from flows.serving import run_ui

    with explained():
        door = open_door()
        run_ui(door, announce=lambda facts: print_json(facts) if as_json else _announce_ui(facts))


def _become(command: list[str], environ: dict[str, str]) -> None:
    """Let the server take this process's place; its log goes to standard error."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.execvpe(command[0], command, environ)


def _announce_ui(facts: dict[str, Any]) -> None:
    Console().print(
        f"Prefect UI on {facts['url']}, deployments {', '.join(facts['deployments'])}; Ctrl-C ends it", highlight=False
    )
