"""Who is champion: promote, rollback."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from infra.promotions import Change

Because = Annotated[
    str, typer.Option("--because", help="Why; kept in the ledger and the audit trail.", show_default=False)
]
_InsteadOf = Annotated[
    str | None,
    typer.Option(
        "--instead-of", help="Only if this is still the champion; default: whichever is as the command starts."
    ),
]


@app.command()
def promote(
    tag: Annotated[
        str,
        typer.Argument(help="Such as churn:20180102t000000-0292d00f; `aimloop models` lists them.", show_default=False),
    ],
    because: Because,
    instead_of: _InsteadOf = None,
    as_json: AsJson = False,
) -> None:
    """Make a version champion: services answer everybody with it within seconds, without a restart.

    A running experiment of its model ends. `aimloop rollback MODEL` takes it back. Refused: a version that cannot be
    loaded, and one that learned from someone erased from whom the champion did not learn.
    """
    from flows import promote as story

    with explained():
        change = story.promote(open_door(), tag, because, instead_of)
    _say(change, as_json)


@app.command()
def rollback(
    model: Annotated[str, typer.Argument(help="Such as churn or ctr.", show_default=False)],
    because: Because,
    instead_of: _InsteadOf = None,
    as_json: AsJson = False,
) -> None:
    """Make the champion before the present one champion again: services answer with it within seconds.

    Twice goes back two versions, never to one that was rolled back from; to go forth again, promote it.
    A running experiment of the model ends.
    """
    from flows import promote as story

    with explained():
        change = story.roll_back(open_door(), model, because, instead_of)
    _say(change, as_json)


def _say(change: Change, as_json: bool) -> None:
    if as_json:
        print_json(asdict(change))
        return
    ended = f" Experiment {change.ended_experiment} ended with it." if change.ended_experiment else ""
    Console().print(
        f"{escape(change.champion)} is champion of {change.model}, instead of {escape(str(change.instead_of))}.{ended}",
        highlight=False,
        soft_wrap=True,
    )
