"""Retrain: what a drift verdict leads to.

A request is a row of the ledger. Where a Prefect server lasts, an event tells its automation, which starts the
deployment of this flow; else the flow is called at once. Whoever carries it out looks into the ledger for what was
asked, so that a lost event, or one that comes twice, does no harm: any cycle that runs answers all open requests.
"""

import os
from typing import Any

from filelock import FileLock, Timeout
from prefect import flow, tags
from prefect.artifacts import create_markdown_artifact

from flows.context import Cycle, Door, identify, is_simulated, now, open_door
from flows.temporary_server import somebody_watches
from infra.evaluations import Evaluations
from infra.retrainings import Retraining, Retrainings
from infra.state import Busy

EVENT = "aimloop.drift"  # `prefect.yaml` answers it


def ask_for_retraining(door: Door, model: str, reason: str, evidence: dict[str, Any]) -> dict[str, Any]:
    """Emit the event that the automation answers; without a lasting server, retrain at once.

    The request is a row of the ledger, so that of two only the first is carried out and its reason is kept.
    """
    requests = Retrainings(door.ledger)
    request, is_new = requests.ask(model, reason, evidence, now())
    found = {"request": request.id, "model": model, "is_new": is_new}
    if request.begun_at is not None:
        return {**found, "how": "folded", "line": f"{model} is being retrained already: {request.reason}"}
    learned = learned_already(door)
    if learned is not None:
        return {**found, "how": "nothing new", "line": _close(door, learned)}
    if is_simulated():
        return {**found, "how": "waits", "line": f"{model} is retrained by the next cycle of the replay: {reason}"}
    if os.environ.get("PREFECT_API_URL") and somebody_watches():
        _emit(request)
        return {**found, "how": "event", "line": f"asked to retrain {model} ({EVENT}): {request.reason}"}
    return {**found, "how": "direct", **retrain()}


@flow(name="retrain")
def retrain() -> dict[str, Any]:
    """Run a cycle for what the ledger says has been asked, with the reasons as tags and as an artifact."""
    door = open_door()
    try:
        with FileLock(door.state.root / "retrain.lock", timeout=0):
            return _carry_out(door)
    except Timeout:
        return {"line": "a retraining is running already: what is asked is folded into it"}
    except Busy as busy:
        return {"line": f"not retrained yet: {busy.what}; the request waits, the next cycle answers it"}


def _carry_out(door: Door) -> dict[str, Any]:
    from flows.cycle import cycle  # whose last step may ask for this

    with door.state.lock(door.settings.experiments.patience_seconds):
        requests = Retrainings(door.ledger).begin(now())
        if not requests:
            return {"line": "nobody asks for retraining"}
        learned = learned_already(door)
        if learned is not None:
            return {"line": _close(door, learned)}
    create_markdown_artifact(key="retraining", markdown=_markdown(requests), description="Why models are retrained.")
    with tags("retraining", *(f"retraining-{request.model}" for request in requests)):
        summary = cycle()
    outcome = outcome_of(door, summary["cycle"]["id"], {request.model for request in requests})
    return {"line": f"retrained: {outcome}", "cycle": summary["cycle"]["id"], "models": [r.model for r in requests]}


def learned_already(door: Door) -> str | None:
    """The cycle that has trained on all there is, if one has: another would learn the same."""
    this = identify(door)
    return this.id if this is not None and "train" in door.ledger.steps(this.id) else None


def answer_requests(cycle: Cycle) -> None:
    """Close what was asked by the end of a cycle: it has trained every model on all that had landed."""
    requests = Retrainings(cycle.door.ledger)
    models = {request.model for request in requests.open()}
    if models:
        requests.end(outcome_of(cycle.door, cycle.id, models), cycle.id, now())


def outcome_of(door: Door, cycle_id: str, models: set[str]) -> str:
    """What became of the models that were to be retrained."""
    evaluations = Evaluations(door.ledger)
    told = []
    for version in door.ledger.versions(cycle_id):
        if version.model in models:
            found = evaluations.challenge(version.tag)
            told.append(f"{version.tag} {found.decision} ({found.reason})" if found else f"{version.tag} is champion")
    return "; ".join(told) or f"no version of {', '.join(sorted(models))} could be trained in {cycle_id}"


def _close(door: Door, cycle_id: str) -> str:
    outcome = f"nothing has landed since {cycle_id}, which has learned all there is: retraining would learn the same"
    Retrainings(door.ledger).end(outcome, cycle_id, now())
    return outcome


def _emit(request: Retraining) -> None:
    from prefect.events import emit_event

    emit_event(
        EVENT,
        resource={"prefect.resource.id": f"aimloop.model.{request.model}", "prefect.resource.name": request.model},
        payload={"model": request.model, "reason": request.reason, "request": request.id},
    )


def _markdown(requests: list[Retraining]) -> str:
    rows = [f"| {r.model} | {r.reason} | {r.asked_at:%Y-%m-%d %H:%M} UTC |" for r in requests]
    return "\n".join(["| model | reason | asked at |", "|---|---|---|", *rows])
