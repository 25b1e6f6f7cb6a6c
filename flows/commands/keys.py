"""Keys that applications show to the services: keys issue, keys list, keys revoke."""

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import Door, now, open_door
from infra.api_keys import MEANINGS, ApiKey, ApiKeys

keys = typer.Typer(
    help="Keys of the applications that call the services: `list` (the default), `issue NAME`, `revoke ID`."
)
app.add_typer(keys, name="keys")
_ROLES = ", ".join(f"{role} ({meaning})" for role, meaning in MEANINGS.items())


@keys.callback(invoke_without_command=True)
def default(context: typer.Context, as_json: AsJson = False) -> None:
    """Keys of the applications that call the services."""
    if context.invoked_subcommand is None:
        list_keys(as_json)


@keys.command("issue")
def issue(
    name: Annotated[str, typer.Argument(help="Whose it is, such as shop or newsletter.", show_default=False)],
    role: Annotated[list[str], typer.Option("--role", help=f"What for, several allowed: {_ROLES}.")],
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Valid for so many days; default: until revoked.")
    ] = (None),
    requests_per_second: Annotated[
        float, typer.Option(min=0.1, max=1e6, help="How often each worker answers it; more are refused (429).")
    ] = 100.0,
    as_json: AsJson = False,
) -> None:
    """Issue a key. It is shown once: only a hash of it is kept.

    Applications send it as `Authorization: Bearer <key>`. Services know it within two seconds.
    """
    with explained():
        door = open_door()
        issued_at = now()
        expires_at = issued_at + timedelta(days=days) if days else None
        key, token = ApiKeys(door.ledger).issue(name, role, issued_at, expires_at, requests_per_second)
        _record(door, "key issued", key)
    if as_json:
        print_json({**_facts(key), "key": token})
    else:
        typer.echo(token)
        Console(stderr=True).print("Keep it now: it is not shown again.", highlight=False)


@keys.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List every key, the expired and revoked ones too; never a secret."""
    with explained():
        found = ApiKeys(open_door().ledger).all()
    if as_json:
        print_json({"keys": [_facts(key) for key in found]})
        return
    if not found:
        Console().print("No keys yet: `aimloop keys issue NAME --role score` makes one.", highlight=False)
        return
    table = Table("id", "name", "roles", "standing", "issued", "expires", box=None, pad_edge=False)
    for key in found:
        facts = _facts(key)
        roles, expires = ", ".join(facts["roles"]), (facts["expires_at"] or "never")[:10]
        table.add_row(key.id, key.name, roles, facts["standing"], facts["issued_at"][:10], expires)
    Console().print(table)


@keys.command("revoke")
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `aimloop keys list` shows it.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Revoke a key: services refuse it within two seconds."""
    with explained():
        door = open_door()
        key = ApiKeys(door.ledger).revoke(id_, now())
        _record(door, "key revoked", key)
    if as_json:
        print_json(_facts(key))
    else:
        Console().print(f"{key.id} ({key.name}) is refused from now on.", highlight=False)


def _record(door: Door, action: str, key: ApiKey) -> None:
    door.audit.record(action, {"key": key.id, "name": key.name, "roles": sorted(key.roles)}, now())


def _facts(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "roles": sorted(key.roles),
        "standing": key.standing(now()),
        "requests_per_second": key.requests_per_second,
        "issued_at": key.issued_at.isoformat(timespec="seconds"),
        "expires_at": key.expires_at.isoformat(timespec="seconds") if key.expires_at else None,
        "revoked_at": key.revoked_at.isoformat(timespec="seconds") if key.revoked_at else None,
    }
