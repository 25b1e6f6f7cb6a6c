"""`aimloop`: a thin front to the flows."""

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from flows.context import Door, choose_as_of, data_fingerprint, open_door
from flows.progress import reported_to
from flows.temporary_server import refuse_absent_server, start_temporary_server, wait_until_ready
from infra import raw_zone
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


@app.command()
def run(
    as_of: Annotated[
        str | None, typer.Option(help="The instant (UTC) the cycle knows the world up to, such as 2017-12-04.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Where raw tables come from, such as complete_journey.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run one whole cycle: ingest, marts, train, score, publish, package, allocate, watch.

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
            summary = cycle(as_of=door.settings.as_of, source=door.settings.source)
        finally:
            reporter.close()
    if as_json:
        _print_json(summary)
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
        _print_json(summary)
    else:
        show_summary(Console(), summary, with_steps=True)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List every trained version with its metrics; the champion of each model is what services answer with."""
    from flows.summary import metrics_and_intervals
    from flows.terminal import show_versions

    with explained():
        versions = [
            {
                "model": version.model,
                "tag": version.tag,
                "standing": "champion" if version.is_champion else "candidate",
                "registered_at": version.registered_at.isoformat(timespec="seconds"),
                **metrics_and_intervals(version.report["metrics"]),
                "comparison": version.comparison,
            }
            for version in open_door().ledger.versions()
        ]
    if as_json:
        _print_json({"models": versions})
    else:
        show_versions(Console(), versions)


@app.command()
def plan(
    budget: Annotated[float | None, typer.Option(help="Budget, in the unit of the channels' costs.")] = None,
    channels: Annotated[
        Path | None,
        typer.Option(help="CSV with channel,unit_cost,unit_return,max_units,min_units; default: the last cycle's."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plan a budget: which channels to buy, and what one more unit of budget would return."""
    from flows.planning import what_if
    from flows.terminal import show_plan

    with explained():
        result = asdict(what_if(open_door(budget=budget), channels))
    if as_json:
        _print_json(result)
    else:
        show_plan(Console(), result, is_assumed=channels is None)


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="Port to listen on (this machine only).")] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the last Bento on localhost: POST /segment, /ctr, /churn; the page / documents them.

    There is no authentication yet: the services listen on this machine alone.
    """
    from flows.serving import serve_command

    with explained():
        door = open_door(port=port)
        tag, command = serve_command(door)
    url = f"http://127.0.0.1:{door.settings.port}"
    if as_json:
        _print_json({"bento": tag, "url": url})
    else:
        Console().print(f"{tag} on {url} (no authentication: this machine only); Ctrl-C ends it", highlight=False)
    _become(command, door)


@app.command()
def ui(as_json: AsJson = False) -> None:
    """Start a Prefect server with its UI and a worker, and deploy the flows: schedule and run cycles there."""
    from flows.serving import run_ui

    with explained():
        door = open_door()
        run_ui(door, announce=lambda facts: _print_json(facts) if as_json else _announce_ui(facts))


def check_beforehand(door: Door) -> None:
    """What can be refused at once is, before a server is started for nothing."""
    refuse_absent_server()
    with door.state.lock():
        if raw_zone.landed(door.state, door.keys, data_fingerprint(door)) is not None:
            choose_as_of(door)


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
        console.print(f"[bold red]error:[/] {known.what}", highlight=False, soft_wrap=True)
        console.print(f"  [bold]→[/] {known.remedy}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


def _become(command: list[str], door: Door) -> None:
    """Let the server take this process's place; its log goes to standard error."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.execvpe(command[0], command, os.environ | {"AIMLOOP_STATE": str(door.state.root)})


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, indent=2, default=str), flush=True)


def _announce_ui(facts: dict[str, Any]) -> None:
    Console().print(
        f"Prefect UI on {facts['url']}, deployments {', '.join(facts['deployments'])}; Ctrl-C ends it", highlight=False
    )


if __name__ == "__main__":
    app()
