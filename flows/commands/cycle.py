"""Run a cycle, and look at what cycles came to: run, status."""

import os
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import Door, choose_as_of, data_fingerprint, open_door
from flows.progress import reported_to
from flows.temporary_server import refuse_absent_server, start_temporary_server, wait_until_ready
from infra.intake import raw_zone


@app.command()
def run(
    as_of: Annotated[
        str | None, typer.Option(help="The instant (UTC) the cycle knows the world up to, such as 2017-12-04.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Where raw tables come from, such as complete_journey.")] = None,
    full_refresh: Annotated[
        bool,
        typer.Option("--full-refresh", help="Compute every snapshot anew; the default takes over what still holds."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run one whole cycle: ingest, quality, marts, train, challenge, score, publish, package,
    allocate, watch.

    Safe to repeat and to interrupt: what is finished stays, the next run goes on from there.
    """
    from flows.terminal import TerminalReporter, show_summary

    progress = Console(stderr=True)
    reporter = TerminalReporter(progress)
    with explained(progress), reported_to(reporter):
        door = open_door(as_of=as_of, source=source)
        check_beforehand(door)
        # Flow logs go to the Prefect database; on the terminal the steps speak.
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        log = door.state.prefect / "server.log"
        start_temporary_server(log)
        progress.print(f"aimloop: state in {door.state.root}", highlight=False, soft_wrap=True)
        try:
            reporter.started("start")
            from flows.cycle import cycle

            wait_until_ready(log)
            reporter.close()
            summary = cycle(door.settings.as_of, door.settings.source, full_refresh)
        finally:
            reporter.close()
    if as_json:
        print_json(summary)
    else:
        show_summary(Console(), summary)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the last cycle: rows, models, plan, drift, seconds."""
    from flows.summary import summarise
    from flows.terminal import show_summary

    with explained():
        summary = summarise(open_door())
    if as_json:
        print_json(summary)
    else:
        show_summary(Console(), summary, with_steps=True)


def check_beforehand(door: Door) -> None:
    """What can be refused at once is, before a server is started for nothing."""
    from flows.channels_file import read_channels

    refuse_absent_server()
    if door.settings.channels is not None:
        read_channels(door.settings.channels)
    with door.state.lock():
        if raw_zone.landed(door.state, door.keys, data_fingerprint(door)) is not None:
            choose_as_of(door)
