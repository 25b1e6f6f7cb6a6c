"""A challenger beside the champion: experiments list, start, share, end."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from flows.commands.app import AsJson, app, explained, print_json
from flows.commands.promotion import Because
from flows.context import now, open_door
from infra.errors import AimloopError
from infra.evaluations import Evaluations
from infra.experiments import Experiment, Experiments

experiments = typer.Typer(
    help="Challengers beside champions: `list` (the default), `start TAG`, `share MODEL SHARE`, `end MODEL`."
)
app.add_typer(experiments, name="experiments")
_Model = Annotated[str, typer.Argument(help="Whose experiment runs, such as ctr.", show_default=False)]


@experiments.callback(invoke_without_command=True)
def default(context: typer.Context, as_json: AsJson = False) -> None:
    """Challengers beside champions."""
    if context.invoked_subcommand is None:
        list_experiments(as_json)


@experiments.command("list")
def list_experiments(as_json: AsJson = False) -> None:
    """List every experiment with its shares and what was last found of it, the ended ones too."""
    from flows.decision import schedule_of, standing_of
    from flows.terminal_experiments import show_experiment

    with explained():
        door = open_door()
        found, looks = Experiments(door.ledger).all(), Evaluations(door.ledger).last()
        at = now()
    if as_json:
        last = {number: asdict(look) for number, look in looks.items()}
        print_json({"experiments": [_facts(each) | {"last_evaluation": last.get(each.id)} for each in found]})
        return
    if not found:
        line = (
            "No experiments yet. A cycle tries by itself what passes its gate beside the champion; by hand: "
            "`aimloop experiments start TAG --shadow --because …` (`aimloop models` lists candidates)."
        )
        Console().print(line, highlight=False)
        return
    for each in found:
        look = looks.get(each.id)
        rules = schedule_of(door.settings, each.model), standing_of(each, 0, at)
        show_experiment(Console(), each, look, rules)


@experiments.command("start")
def start(
    tag: Annotated[
        str, typer.Argument(help="The challenger, such as ctr:20180102t000000-0292d00f.", show_default=False)
    ],
    because: Because,
    share: Annotated[
        float | None,
        typer.Option(
            help="The part of the customers whom it answers, such as 0.1; churn and clv have --shadow only.",
            show_default=False,
        ),
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Ask it for everybody and log what it says, but answer nobody with it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start an experiment: a version answers a share of the customers, the same ones every time.

    Of churn and clv both versions score everybody in the shadow, and what comes of it decides: they have no share.
    Of each model one runs at a time. `aimloop experiments share` raises its share, `aimloop promote TAG` gives it all
    customers, `aimloop experiments end` gives them back to the champion.
    """
    from flows import promote as story

    with explained():
        if (share is not None) == shadow:
            raise AimloopError("an experiment has a share or runs in the shadow", "give --share 0.1, or --shadow")
        experiment = story.start_experiment(open_door(), tag, share, because)
    _say(experiment, as_json)


@experiments.command("share")
def share(
    model: _Model,
    share: Annotated[float, typer.Argument(help="Above the present one, below 1.", show_default=False)],
    because: Annotated[str | None, typer.Option("--because", help="Why; kept in the audit trail.")] = None,
    as_json: AsJson = False,
) -> None:
    """Raise the share of the running experiment of a model, also out of the shadow; churn and clv stay there.

    Whoever had the challenger keeps it, so a share is never lowered: end the experiment and start another for that.
    """
    from flows import promote as story

    with explained():
        experiment = story.raise_share(open_door(), model, share, because)
    _say(experiment, as_json)


@experiments.command("end")
def end(model: _Model, because: Because, as_json: AsJson = False) -> None:
    """End the running experiment of a model: the champion answers everybody within seconds.

    A candidate that waited for its place is not tried by itself then; the next cycle's is, unless the settings say
    that people start experiments.
    """
    from flows.challenge import after_an_end_by_hand

    with explained():
        door = open_door()
        experiment = Experiments(door.ledger).end(model, because, now(), door.audit)
        follows = after_an_end_by_hand(door, model)
    if as_json:
        print_json(_facts(experiment) | {"follows": follows})
        return
    _say(experiment, as_json)
    for line in follows:
        Console().print(f"Next: {escape(line)}.", highlight=False, soft_wrap=True)


def _say(experiment: Experiment, as_json: bool) -> None:
    if as_json:
        print_json(_facts(experiment))
        return
    challenger = escape(experiment.challenger)
    if experiment.ended_at is not None:
        line = f"ended: {escape(experiment.champion)} answers everybody"
    elif experiment.is_shadow:
        line = f"{challenger} is asked for everybody and answers nobody (shadow)"
    else:
        line = f"{challenger} answers {experiment.share:g} of the customers"
    Console().print(f"Experiment {experiment.id} of {experiment.model}: {line}.", highlight=False, soft_wrap=True)


def _facts(experiment: Experiment) -> dict[str, Any]:
    return asdict(experiment) | {"steps": [step._asdict() for step in experiment.steps]}
