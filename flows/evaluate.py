"""Evaluate: every running experiment judged by what is known now, and acted on; new champions on probation too."""

import logging
from dataclasses import asdict
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.alert import announce
from flows.challenge import start_waiting
from flows.context import Door, now, open_door
from flows.decision import Evidence as Evidence
from flows.decision import decide as decide
from flows.evidence import evidence_of
from flows.ingest import land_log
from flows.probation import watch_over
from infra.errors import reason_of
from infra.evaluations import Challenge
from infra.experiments import Experiment, Experiments
from infra.state import Busy
from models import catalog
from monitoring.alerts import Condition


@flow(name="evaluate")
def evaluate() -> dict[str, Any]:
    """Land what services logged and applications reported, judge, and act; every hour."""
    done = evaluate_patiently(open_door())
    create_markdown_artifact(key="experiments", markdown=markdown(done), description=done["line"])
    return done


def evaluate_patiently(door: Door) -> dict[str, Any]:
    """Wait for a cycle that is running, for as long as the settings say; then leave it to the next hour."""
    try:
        with door.state.lock(door.settings.experiments.patience_seconds):
            return evaluate_all(door)
    except Busy as busy:
        line = f"not evaluated: {busy.what}; the next hour's turn does it"
        return {"line": line, "experiments": [], "probation": [], "waited": []}


def evaluate_all(door: Door) -> dict[str, Any]:
    """The same at once, for who holds the state's lock."""
    log, of_log = _landed(door)
    running = sorted(Experiments(door.ledger).running().items())
    results = [_evaluated(door, experiment) for _, experiment in running]
    probation, conditions = watch_over(door)
    started = start_waiting(door)
    announce(door, conditions=[of_log, *conditions, *_conditions(results)])
    lines = [result["line"] for result in (*results, *probation)]
    lines += [f"{found.model}: {turn_of(found)}" for found in started]
    lines += [] if of_log.is_well else [f"{of_log.headline} ({'; '.join(of_log.reasons)})"]
    return {
        "line": "; ".join(lines) or "no experiment is running, no champion is on probation",
        "experiments": results,
        "probation": probation,
        "waited": [{"model": found.model, "line": turn_of(found), "reason": found.reason} for found in started],
        "log": log,
    }


def _landed(door: Door) -> tuple[dict[str, Any], Condition]:
    """What landed of the log; where that fails, harm is still found in what had landed before."""
    remedy = "`aimloop evaluate` tries again; until then experiments are judged by what had landed"
    try:
        log = {name: asdict(landed) for name, landed in land_log(door, open_too=True).items()}
    except Exception as error:
        logging.getLogger(__name__).exception("the log of predictions cannot be landed")
        headline = "The log of predictions cannot be landed"
        return {}, Condition("log.landing", False, "warning", headline, (reason_of(error),), remedy=remedy)
    return log, Condition("log.landing", True, "warning", "the log of predictions is landed")


def turn_of(found: Challenge) -> str:
    """What became of a candidate that had waited, in words."""
    if found.experiment_id is None:
        return f"{found.tag}, which waited, is {found.decision}"
    return f"{found.tag}, which waited, is tried in the shadow of the champion (experiment {found.experiment_id})"


def _evaluated(door: Door, experiment: Experiment) -> dict[str, Any]:
    """One that cannot be judged keeps no other from it."""
    try:
        return decide(door, experiment, evidence_of(door, experiment, now()))
    except Exception as error:
        logging.getLogger(__name__).exception("experiment %d cannot be judged", experiment.id)
        reason = reason_of(error)
        line = f"{experiment.model}: cannot be judged ({reason})"
        return {
            "line": line,
            "experiment": experiment.id,
            "model": experiment.model,
            "action": "failed",
            "share": None,
            "reason": reason,
            "estimates": {},
            "verdicts": [],
            "notes": [],
        }


def _conditions(results: list[dict[str, Any]]) -> list[Condition]:
    """Of every model: whether its experiment, if one is running, can be judged."""
    failed = {result["model"]: result for result in results if result["action"] == "failed"}
    return [
        Condition(
            f"experiment.{model}",
            model not in failed,
            "warning",
            f"The experiment of {model} cannot be judged" if model in failed else f"experiments of {model} are well",
            (failed[model]["reason"],) if model in failed else (),
            remedy="`aimloop evaluate` tries again; `aimloop experiments end MODEL --because …` ends it",
        )
        for model in catalog.MODELS
    ]


def markdown(done: dict[str, Any]) -> str:
    """What was done, as an artifact of the flow."""
    lines = ["| model | action | why |", "|---|---|---|"]
    for result in (*done["experiments"], *done["probation"]):
        lines.append(f"| {result['model']} | {result['action']} | {result['reason']} |")
    notes = [f"- {result['model']}: {note}" for result in done["experiments"] for note in result["notes"]]
    notes += [f"- {turn['model']}: {turn['line']}" for turn in done["waited"]]
    return "\n".join([*lines, "", *notes]) if len(lines) > 2 else done["line"]
