"""What was trained: models list, models show."""

from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door

models = typer.Typer(help="Every trained version, and the card of each: `list` (the default), `show TAG`.")
app.add_typer(models, name="models")


@models.callback(invoke_without_command=True)
def default(context: typer.Context, as_json: AsJson = False) -> None:
    """Every trained version, and the card of each."""
    if context.invoked_subcommand is None:
        list_versions(as_json)


@models.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """List every trained version with its metrics; the champion of each model is what services answer with."""
    from flows.terminal_models import show_list
    from flows.versions import all_versions

    with explained():
        versions = all_versions(open_door())
    if as_json:
        print_json({"models": versions})
    else:
        show_list(Console(), versions)


@models.command("show")
def show(
    tag: Annotated[str, typer.Argument(help="Such as churn:20180102t000000-0292d00f; churn alone is its champion.")],
    as_json: AsJson = False,
) -> None:
    """Show a version: metrics against baselines, what moves it, for whom it does worse, where its card lies."""
    from flows.terminal_models import show_version
    from flows.versions import described, find

    with explained():
        door = open_door()
        version = described(door, find(door, tag))
    if as_json:
        print_json(version)
    else:
        show_version(Console(), version)
