"""Replay the loop through the past."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from flows.temporary_server import refuse_absent_server, start_temporary_server, wait_until_ready
from infra.erasing import replays
from infra.state import State


@app.command()
def replay(
    first: Annotated[str, typer.Option("--from", help="As of when the first cycle runs (UTC).")] = "2017-05-07",
    last: Annotated[str, typer.Option("--to", help="Where the replay ends (UTC).")] = "2017-12-24",
    every: Annotated[str, typer.Option(help="How far apart cycles are: 28d, or 4w; 7d at least.")] = "28d",
    inject: Annotated[
        list[str] | None,
        typer.Option(help="Plant a known change: covariate, concept or quality, @ and a date; repeat for more."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it (default: what it replays).")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Drop what there is of it, and begin again.")] = False,
    source: Annotated[str | None, typer.Option(help="Where raw tables come from, such as complete_journey.")] = None,
    as_json: AsJson = False,
) -> None:
    """Walk the whole loop through the past: cycle, serve, drift, experiments, promotions; and what it gained.

    Each cycle knows what was known then. What was really shown after it is asked of the real service, outcomes arrive
    when they arrived, experiments are looked at every evening. It lives in a state folder of its own (replays/ in the
    state folder), and ends with a report. Safe to interrupt: the same command goes on from there.

    For example, a year with a change in the world in August, and how long it takes to notice:

        aimloop replay --from 2017-05-07 --to 2017-12-24 --every 28d --inject concept@2017-08-21
    """
    from flows.replay import nest
    from flows.replay.plan import planned

    progress = Console(stderr=True)
    with explained(progress):
        refuse_absent_server()
        door = open_door(source=source)
        plan = planned(first, last, every, door.settings.source, inject or (), name)
        with replays.held(door.state, "wait for it to end, or end it with Ctrl-C"):
            folder = nest.begin(door, plan, anew=anew)
            nest.enter(door, plan, folder, os.environ)
            document = _run(door.settings, plan, folder, progress)
    if as_json:
        print_json(document)
    else:
        print(document)


def _run(real, plan, folder: Path, progress: Console):
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    log = State(folder).prefect / "server.log"
    start_temporary_server(log)
    from flows.replay import story

    class T:
        def cycle(self, block): progress.print("cycle", block)
        def day(self, block, days, line): progress.print("day", block.number, days, line)
        def done(self, block, line): progress.print("done", block.number, line)
    story.prepare(plan, folder, real)
    wait_until_ready(log)
    return story.replay(plan, folder, T())
