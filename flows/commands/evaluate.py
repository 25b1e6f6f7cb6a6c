"""Judge what is tried now: evaluate."""

from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door


@app.command()
def evaluate(as_json: AsJson = False) -> None:
    """Land the log, judge every running experiment and new champion by what is known now, and act on it.

    A Prefect deployment does this every hour (`aimloop ui`). Shares are raised, challengers promoted or ended, and a
    champion on probation goes back where a guardrail breaks. Looking more often costs nothing: the tests hold at all
    times together. While a cycle runs, it waits (experiments.patience_seconds).
    """
    progress = Console(stderr=True)
    with explained(progress), progress.status("reading the log"):
        from flows.evaluate import evaluate_patiently

        done = evaluate_patiently(open_door())
    if as_json:
        print_json(done)
    else:
        from flows.terminal_experiments import show_done

        show_done(Console(), done)
