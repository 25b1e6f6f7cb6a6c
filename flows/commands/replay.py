"""Replay the loop through the past."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from flows.progress import reported_to
from flows.temporary_server import refuse_absent_server, start_temporary_server, wait_until_ready
from infra.erasing import replays
from infra.settings import Settings
from infra.state import State

if TYPE_CHECKING:
    from flows.replay.plan import Plan


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
    from flows.terminal_replay import show_replay

    progress = Console(stderr=True)
    with explained(progress):
        refuse_absent_server()
        door = open_door(source=source)
        plan = planned(first, last, every, door.settings.source, inject or (), name)
        with replays.held(door.state, "wait for it to end, or end it with Ctrl-C: it goes on from where it stands"):
            folder = nest.begin(door, plan, anew=anew)
            nest.enter(door, plan, folder, os.environ)
            document = _replayed(plan, folder, door.settings, progress)
    if as_json:
        print_json(document)
    else:
        show_replay(Console(), document)


def _replayed(plan: "Plan", folder: Path, real: Settings, progress: Console) -> dict[str, Any]:
    """Begin or go on, with a Prefect server beside; of one that is finished the report is told at once."""
    from flows.replay.nest import FOLDER
    from flows.replay.pieces import Pieces
    from flows.terminal import TerminalReporter
    from flows.terminal_replay import ReplayTeller

    reporter, teller = TerminalReporter(progress), ReplayTeller(progress, plan)
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    log = State(folder).prefect / "server.log"
    found = Pieces(folder / FOLDER).results_of(len(plan.blocks()))
    if found is not None:
        progress.print(f"aimloop: replay in {folder}", highlight=False, soft_wrap=True)
        progress.print("finished already: this is its report; --anew begins again", highlight=False)
        return found
    start_temporary_server(log)
    progress.print(f"aimloop: replay in {folder}", highlight=False, soft_wrap=True)
    try:
        reporter.started("start")
        from flows.replay import story

        wait_until_ready(log)
        reporter.close()
        with reported_to(reporter):
            story.prepare(plan, folder, real)
            return story.replay(plan, folder, teller)
    finally:
        reporter.close()
        teller.close()
