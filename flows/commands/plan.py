"""Plan a budget: `aimloop plan`."""

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from infra.errors import AimloopError

EXAMPLE = """
channel,unit_cost,unit_return,max_units,min_units,current_units,max_share
feed,50,3.2,10000,2000,10000,
search,80,4.5,6000,1500,6000,0.4
short video,30,2.8,15000,3000,5000,
"""
HELP = f"""Plan a budget: which channels to buy, for whom, and why; what one more unit of budget would return.

channels.csv, for example:

\b{EXAMPLE}
channel, unit_cost, unit_return, max_units and min_units are needed. An empty unit_return is taken from the results of
that channel in the last cycle's data; with response_value (money a response brings) beside it, what you give is where
results start from. Further columns, each may be left out:

\b
segment, offer, period       several rows for a channel, one for each
current_units                what is bought today: the plan is never worse
fixed_units                  frozen: exactly so many
batch_units                  sold in batches of so many
min_share, max_share         share of all money spent, 0 to 1
min_return                   the channel must return at least this
unit_return_low, …_high      how sure unit_return is (95 %)
currency                     one for all rows

Without a plan that keeps all limits it says which must give, and by how much, and ends with 2.
"""


@app.command(help=HELP)
def plan(
    budget: Annotated[float | None, typer.Option(help="Budget, in the unit of the channels' costs.")] = None,
    channels: Annotated[
        Path | None, typer.Option(help="CSV of channels, see above; default: the setting, or the last cycle's.")
    ] = None,
    current: Annotated[
        Path | None, typer.Option(help="CSV with channel,units (and segment, offer, period): what is bought today.")
    ] = None,
    max_share: Annotated[
        list[str] | None, typer.Option(help="search=0.4: at most 40 % of the money on search; may be repeated.")
    ] = None,
    periods: Annotated[
        list[str] | None,
        typer.Option(help="spring=400000: budget of a period of the column 'period'; may be repeated."),
    ] = None,
    min_roi: Annotated[
        float | None,
        typer.Option(help="At least so much (return − cost) / cost; both must be in the same money."),
    ] = None,
    solver: Annotated[str | None, typer.Option(help="highs or cbc; default: the setting.")] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so long with the best plan found, which is then marked.", min=0.001)
    ] = None,
    as_json: AsJson = False,
) -> None:
    from flows.planning import Question, what_if
    from flows.terminal_plan import show_plan

    with explained():
        asked = Question(
            channels=channels,
            current=current,
            max_shares=_pairs("--max-share", max_share),
            periods=_pairs("--periods", periods),
            min_roi=min_roi,
            seconds=seconds,
        )
        result = what_if(open_door(budget=budget, solver=solver), asked)
    if as_json:
        print_json(result)
    else:
        show_plan(Console(), result)


def _pairs(option: str, given: list[str] | None) -> dict[str, float]:
    """``name=number`` as written behind an option."""
    found: dict[str, float] = {}
    for text in given or []:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise AimloopError(f"{option} {text}: '{number}' is no number", f"write {option} search=0.4") from None
        if not isfinite(value):
            raise AimloopError(f"{option} {text}: '{number}' is no finite number", f"write {option} search=0.4")
        if not name.strip():
            raise AimloopError(f"{option} {text}: there is no name", f"write {option} search=0.4")
        found[name.strip()] = value
    return found
