"""Retrain: what a drift verdict leads to.

A request is a row of the ledger, written with the checks that ask (`flows/checking.py`). Where a Prefect server lasts,
an event tells its automation, which starts the deployment of this flow; else the flow is called at once. Whoever
carries it out looks into the ledger for what was asked, so that a lost event, or one that comes twice, does no harm:
any cycle that runs answers all open requests.
"""

import os
from collections.abc import Mapping
from typing import Any

from filelock import FileLock, Timeout
from prefect import flow, tags
from prefect.artifacts import create_markdown_artifact

from flows.alert import announce
from flows.challenge import no_help
from flows.context import Cycle, Door, identify, is_simulated, now, open_door
from flows.temporary_server import somebody_watches
from infra.evaluations import Evaluations
from infra.retrainings import Retraining, Retrainings
from infra.state import Busy

EVENT = "aimloop.drift"  # `prefect.yaml` answers it
MOMENT_SECONDS = 1  # `is_retraining` holds the lock while it looks


def react(door: Door) -> dict[str, dict[str, Any]]:
    """Have carried out whatever is asked for and not being done, by model; who holds the state's lock must not call it.

    Earlier requests too, so that an event that was lost comes again: it is emitted where a server lasts, else
    retraining is done at once.
    """
    requests = {request.model: request for request in Retrainings(door.ledger).open()}
    if not requests:
        return {}
    if is_retraining(door):
        return _told(requests, "folded", "{model} is being retrained already: {reason}")
    if (learned := learned_already(door)) is not None:
        return _told(requests, "nothing new", _close(door, learned))
    if is_simulated():
        return _told(requests, "waits", "{model} is retrained by the next cycle of the replay: {reason}")
    if os.environ.get("PREFECT_API_URL") and somebody_watches():
        for request in requests.values():
            _emit(request)
        return _told(requests, "event", f"asked to retrain {{model}} ({EVENT}): {{reason}}")
    return _told(requests, "direct", retrain()["line"])


def left_to(cycle: Cycle) -> dict[str, dict[str, Any]]:
    """What is asked for while a cycle runs, by model: that one answers it, and must not wait for another."""
    requests = {request.model: request for request in Retrainings(cycle.door.ledger).open()}
    return _told(requests, "this cycle", "{model} is retrained by the cycle that is running: {reason}")


def _told(requests: Mapping[str, Retraining], how: str, line: str) -> dict[str, dict[str, Any]]:
    def said(request: Retraining) -> str:
        return line.replace("{model}", request.model).replace("{reason}", request.reason)

    return {
        model: {"request": request.id, "model": model, "how": how, "line": said(request)}
        for model, request in requests.items()
    }


def is_retraining(door: Door) -> bool:
    """Whether somebody is at it: one that was killed has let its lock go, whatever it had begun."""
    try:
        with _lock(door, 0):
            return False
    except Timeout:
        return True


def _lock(door: Door, patience_seconds: float) -> FileLock:
    return FileLock(door.state.root / "retrain.lock", timeout=patience_seconds)


@flow(name="retrain")
def retrain() -> dict[str, Any]:
    """Run a cycle for what the ledger says has been asked, with the reasons as tags and as an artifact."""
    door = open_door()
    try:
        with _lock(door, MOMENT_SECONDS):
            return _carry_out(door)
    except Timeout:
        return {"line": "a retraining is running already: what is asked is folded into it"}
    except Busy as busy:
        return {"line": f"not retrained yet: {busy.what}; the request waits, the next cycle answers it"}


def _carry_out(door: Door) -> dict[str, Any]:
    from flows.cycle import cycle  # which imports this

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
    """Close what was asked by the end of a cycle: it has trained every model on all that had landed.

    Its own watch may have been the first to ask; then people hear now that retraining did not help.
    """
    door, requests = cycle.door, Retrainings(cycle.door.ledger)
    asked = {request.model: request for request in requests.open()}
    if not asked:
        return
    evaluations = Evaluations(door.ledger)
    decided = [evaluations.challenge(version.tag) for version in door.ledger.versions(cycle.id)]
    lost = [found for found in decided if found is not None and found.decision == "rejected" and found.model in asked]
    if news := [no_help(found, asked[found.model]) for found in lost]:
        announce(door, news=news)  # before they are closed: said again after a crash, it is told once
    requests.end(outcome_of(door, cycle.id, set(asked)), cycle.id, now())


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
