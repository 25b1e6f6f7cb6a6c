"""What all commands share: the application, `--json`, and errors that people can mend."""

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from infra.errors import AimloopError
from infra.state import disk_trouble

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="A closed-loop marketing cycle on this machine. Settings: AIMLOOP_* variables or aimloop.toml; "
    "everything written lives in .aimloop/ (AIMLOOP_STATE).",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else there.")]


@contextmanager
def explained(console: Console | None = None) -> Iterator[None]:
    """Errors that people can mend: what and what next, exit code 2. Others: a traceback, exit code 1."""
    console = console or Console(stderr=True)
    try:
        yield
    except KeyboardInterrupt:
        console.print("\nInterrupted. Finished steps are kept: `aimloop run` goes on from there.")
        raise typer.Exit(130) from None
    except BaseException as error:
        if type(error).__name__ == "TerminationSignal":  # Prefect's word for SIGTERM, known once it is imported
            console.print("Terminated. Finished steps are kept: `aimloop run` goes on from there.")
            raise typer.Exit(143) from None
        if not isinstance(error, Exception) or isinstance(error, typer.Exit):
            raise
        known = error if isinstance(error, AimloopError) else disk_trouble(error, Path.cwd())
        if known is None:
            traceback.print_exc(file=sys.stderr)
            raise typer.Exit(1) from None
        console.print(f"[bold red]error:[/] {escape(known.what)}", highlight=False, soft_wrap=True)
        console.print(f"  [bold]→[/] {escape(known.remedy)}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


def print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, indent=2, default=str), flush=True)
