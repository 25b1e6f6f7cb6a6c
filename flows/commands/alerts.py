"""Who is told when something is wrong: alerts list, add, test, remove."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import Door, now, open_door
from flows.temporary_server import refuse_absent_server, start_temporary_server, wait_until_ready
from infra.errors import AimloopError
from infra.incidents import Incidents

RECENT = timedelta(days=14)

alerts = typer.Typer(
    help="Who is told when something is wrong, and what is: `list` (the default), `add`, `test`, `remove`."
)
app.add_typer(alerts, name="alerts")
add = typer.Typer(
    no_args_is_help=True,
    help="Add a way to tell people: `slack NAME`, `webhook NAME`, `email NAME`. Its secret is kept by Prefect, and is "
    "read from a variable of the environment or asked for: never give it as an argument, where others see it.",
)
alerts.add_typer(add, name="add")

_Name = Annotated[str, typer.Argument(help="What to call it, such as on-call.", show_default=False)]
_Replace = Annotated[bool, typer.Option("--replace", help="Replace the one of that name.")]
_SecretFrom = Annotated[
    str | None,
    typer.Option(
        metavar="VARIABLE",
        help="The variable of the environment that holds the secret; default: it is asked for, or read from standard "
        "input.",
        show_default=False,
    ),
]


@alerts.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that were resolved long ago too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Who is told when something is wrong, and what is."""
    if context.invoked_subcommand is None:
        list_alerts(everything, as_json)


@alerts.command("list")
def list_alerts(
    everything: Annotated[bool, typer.Option("--all", help="Those that were resolved long ago too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is wrong now, what was of late, and whether people could be told."""
    from flows.terminal_alerts import facts, show

    with explained():
        door = open_door()
        since = None if everything else now() - RECENT
        incidents = Incidents(door.ledger)
        found, news = incidents.all(since), incidents.news(since)
    if as_json:
        print_json(facts(door.settings.alerts.blocks, found, news))
    else:
        show(Console(), door.settings.alerts.blocks, found, news, now())


@add.command("slack")
def add_slack(name: _Name, secret_from: _SecretFrom = None, replace: _Replace = False, as_json: AsJson = False) -> None:
    """Tell a channel of Slack. The secret is its incoming webhook: https://hooks.slack.com/services/T…/B…/…

    Make one at https://api.slack.com/apps: Incoming Webhooks, Add New Webhook.
    """
    with explained():
        _refuse_name(name)
        url = _secret(secret_from, "the webhook of Slack")
        if not re.fullmatch(r"https://hooks\.slack(-gov)?\.com/services/\w+/\w+/\w+/?", url):
            raise AimloopError("that is no webhook of Slack", "it begins with https://hooks.slack.com/services/")
        with _prefect(open_door()):
            from flows.notification import save_slack

            block = save_slack(name, url, is_replacement=replace)
    _say_added(block, as_json)


@add.command("webhook")
def add_webhook(
    name: _Name,
    secret_from: _SecretFrom = None,
    token_from: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="The variable that holds a token, sent as `Authorization: Bearer …`."),
    ] = None,
    replace: _Replace = False,
    as_json: AsJson = False,
) -> None:
    """Post to an address of yours: a JSON document with `subject` and `body`. The secret is the address."""
    with explained():
        _refuse_name(name)
        url = _secret(secret_from, "the address")
        if not re.fullmatch(r"https?://[^\s/]+\S*", url):
            raise AimloopError("that is no address to post to", "it begins with https://")
        token = _secret(token_from, "the token") if token_from else None
        with _prefect(open_door()):
            from flows.notification import save_webhook

            block = save_webhook(name, url, token, is_replacement=replace)
    _say_added(block, as_json)


@add.command("email")
def add_email(
    name: _Name,
    host: Annotated[str, typer.Option(help="The mail server.", show_default=False)],
    sender: Annotated[str, typer.Option("--from", help="Whom messages come from.", show_default=False)],
    recipients: Annotated[list[str], typer.Option("--to", help="Whom they go to; several allowed.")],
    user: Annotated[str | None, typer.Option(help="Who signs in; the secret is the password of that user.")] = None,
    security: Annotated[
        Literal["starttls", "tls", "none"], typer.Option(help="How it is encrypted; none: a server on this machine.")
    ] = "starttls",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: 587, with tls 465, with none 25.")
    ] = None,
    secret_from: _SecretFrom = None,
    replace: _Replace = False,
    as_json: AsJson = False,
) -> None:
    """Send mail. Without --user nobody signs in, and there is no secret."""
    with explained():
        _refuse_name(name)
        for address in (sender, *recipients):
            if not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+", address):
                raise AimloopError(f"'{address}' is no address", "write one such as on-call@example.com")
        if user and security == "none":
            raise AimloopError("a password would travel unencrypted", "take --security starttls or tls")
        password = _secret(secret_from, f"the password of {user}") if user else None
        with _prefect(open_door()):
            from flows.email import Email
            from flows.notification import save_email

            email = Email(
                host=host,
                port=port or {"starttls": 587, "tls": 465, "none": 25}[security],
                security=security,
                user=user,
                password=password,
                sender=sender,
                recipients=recipients,
            )
            block = save_email(name, email, is_replacement=replace)
    _say_added(block, as_json)


@alerts.command("test")
def try_blocks(
    blocks: Annotated[
        list[str] | None, typer.Argument(metavar="[BLOCK]…", help="Such as slack-webhook/on-call; default: all set.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a message through each block of the settings and say which worked; exit code 1 where one did not."""
    with explained():
        door = open_door()
        names = blocks or list(door.settings.alerts.blocks)
        if not names:
            raise AimloopError("no block is named in the settings", "`aimloop alerts add --help` tells how to make one")
        with _prefect(door):
            from flows.alert import send_test

            came = send_test(names)
    if as_json:
        print_json({"blocks": [{"block": name, "sent": why is None, "failure": why} for name, why in came.items()]})
    else:
        for name, why in came.items():
            word = "[green]sent[/]" if why is None else f"[bold red]failed[/]: {escape(why)}"
            Console().print(f"{name}  {word}", highlight=False, soft_wrap=True)
    if any(came.values()):
        raise typer.Exit(1)


@alerts.command("remove")
def remove(
    block: Annotated[str, typer.Argument(help="Such as slack-webhook/on-call.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Remove a block with its secret."""
    with explained():
        door = open_door()
        with _prefect(door):
            from flows.notification import remove as remove_block

            remove_block(block)
    is_named = block in door.settings.alerts.blocks
    if as_json:
        print_json({"removed": block, "is_in_settings": is_named})
    else:
        rest = "; take it out of [alerts] in aimloop.toml too" if is_named else ""
        Console().print(f"{block} is removed{rest}.", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _prefect(door: Door) -> Iterator[None]:
    """A Prefect server to keep blocks in: the one that is named, or one for as long as this command runs.

    Both use the same database in the state folder, so that `aimloop run` finds what was saved.
    """
    refuse_absent_server()
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    log = door.state.prefect / "alerts.log"
    start_temporary_server(log)
    wait_until_ready(log)
    yield


def _secret(variable: str | None, what: str) -> str:
    """From a variable, from whoever sits there, or from standard input.

    Raises:
        AimloopError: it is not there.
    """
    if variable is not None:
        found = os.environ.get(variable, "")
    elif sys.stdin.isatty():
        found = typer.prompt(what, hide_input=True, err=True)
    else:
        found = sys.stdin.readline()
    if not found.strip():
        where = f"the variable {variable}" if variable else "standard input"
        raise AimloopError(f"{what} is missing: {where} is empty", "give --secret-from VARIABLE, or type it when asked")
    return found.strip()


def _refuse_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise AimloopError(f"'{name}' is no name of a block", "take small letters, digits and hyphens, such as on-call")


def _say_added(block: str, as_json: bool) -> None:
    if as_json:
        print_json({"block": block})
        return
    console = Console()
    line = f"{block} is kept. Name it in aimloop.toml, beside others that are to be told:"
    console.print(line, highlight=False, soft_wrap=True)
    console.print(f'\n[alerts]\nblocks = ["{block}"]\n', highlight=False, markup=False)
    console.print("`aimloop alerts test` then sends a message through each.", highlight=False)
