"""What concerns single people and their pseudonyms: forget, rotate-key."""

from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from infra.keys import PARTS


@app.command()
def forget(
    customer_ids: Annotated[list[str], typer.Argument(help="The company's own customer ids.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    even_if_unknown: Annotated[
        bool, typer.Option("--even-if-unknown", help="Keep out who is not known yet but may come with a later export.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Erase people from everything below the state folder, for good, and write a certificate each.

    They do not return with the next export. Safe to interrupt: repeating it, or the next run, finishes it.
    """
    from flows.forget import forget as erase

    progress = Console(stderr=True)
    with explained(progress):
        door = open_door()
        count = "this person" if len(customer_ids) == 1 else f"these {len(customer_ids)} people"
        if not yes and not _confirmed(f"Erase {count} from {door.state.root}? There is no way back"):
            progress.print("Nobody has been erased. In scripts: --yes")
            raise typer.Exit(1)
        with door.state.lock():
            certificates = erase(door, customer_ids, even_if_unknown=even_if_unknown)
    if as_json:
        print_json({"certificates": certificates})
        return
    for certificate in certificates:
        rows, files = sum(certificate["rows_removed"].values()), len(certificate["files"])
        Console().print(
            f"Erased {certificate['tombstone'][:12]}…: {rows:,} rows removed, {files} files rewritten or removed, "
            f"{len(certificate['models'])} model versions still carry influence: the next `aimloop run` puts others "
            "in their place.\n"
            f"Certificate: {certificate['file']}",
            highlight=False,
            soft_wrap=True,
        )


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # there is nobody to answer
        return False


@app.command("rotate-key")
def rotate_key(
    storage: Annotated[bool, typer.Option("--storage", help="The key of the raw zone only.")] = False,
    pseudonym: Annotated[bool, typer.Option("--pseudonym", help="The key of pseudonyms only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything that depends on the keys anew under new ones; without options, both keys.

    Safe to interrupt at any moment; services go on answering. Models and champions stay; the next run
    lands the data anew. A key from the environment needs its successor there: AIMLOOP_NEW_STORAGE_KEY,
    AIMLOOP_NEW_PSEUDONYM_KEY.
    """
    from flows.rotate import rotate

    chosen = [part for part, is_chosen in zip(PARTS, (storage, pseudonym), strict=True) if is_chosen]
    with explained():
        door = open_door()
        with door.state.lock():
            done = rotate(door, chosen or PARTS)
    if as_json:
        print_json(done)
        return
    console = Console()
    console.print(f"New {' and '.join(done['rotated'])} key; models, champions and scores stay.", highlight=False)
    for line in done["next"]:
        console.print(f"  [bold]→[/] {line}", highlight=False, soft_wrap=True)
