"""Bring one's own data: init writes aimloop.toml, inspect looks at what it would land."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json


@app.command()
def init(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders or databases: export.csv, exports/, shop.sqlite, postgres://reader@host/shop.",
            show_default=False,
        ),
    ],
    force: Annotated[bool, typer.Option(help="Replace an aimloop.toml that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at your files and write aimloop.toml: which of your columns is which of ours.

    Orders alone are enough (customer, time, amount). What is guessed stands in the file, with what was
    not found; `aimloop inspect` then shows what would land.
    """
    from flows.data import write_configuration
    from flows.data_view import show_written

    with explained():
        result = write_configuration(paths, Path.cwd(), os.environ, force=force)
    if as_json:
        print_json(result.document())
    else:
        show_written(Console(), result)
    if not result.is_complete:
        raise typer.Exit(2)


@app.command()
def inspect(
    source: Annotated[str | None, typer.Option(help="Where raw tables come from, such as complete_journey.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the sources without writing: rows, times, conversions, what would be set aside and why.

    Says at the end which parts of the loop these data can feed.
    """
    from flows.data import look
    from flows.data_view import show_inspection

    with explained():
        seen = look(os.environ, Path.cwd(), source)
    if as_json:
        print_json(seen.document())
    else:
        show_inspection(Console(), seen)
    if any(table.problem for table in seen.tables):
        raise typer.Exit(2)
