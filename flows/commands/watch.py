"""Look at the versions in use, now: watch."""

import os
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_cycle
from flows.temporary_server import refuse_absent_server, start_temporary_server, wait_until_ready


@app.command()
def watch(
    reports: Annotated[
        bool, typer.Option(help="Write Evidently's report of every model, which takes some seconds.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Judge every version in use: drift, performance on late labels, migration; say what that leads to.

    As the daily watch does, it lands what is new and looks at that; what it finds is written down and may lead to
    retraining. Nothing is published.
    """
    from flows.terminal_watch import show_watch

    progress = Console(stderr=True)
    with explained(progress):
        cycle = open_cycle()
        refuse_absent_server()
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        log = cycle.door.state.prefect / "server.log"
        start_temporary_server(log)
        from flows.watch import watch as story

        with progress.status("landing what is new, and judging every version in use; a minute or so"):
            wait_until_ready(log)
            found = story(reports="always" if reports else "never")
    if as_json:
        print_json(found)
    else:
        show_watch(Console(), found)
