"""Challenge: candidates that passed their gate are tried on customers; the others are rejected, with reasons."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from prefect import flow
from prefect.artifacts import create_markdown_artifact
from sqlalchemy.orm import Session

from flows.alert import announce
from flows.context import Cycle, Door, is_simulated, now, open_cycle
from flows.retrain import no_help
from infra import registry
from infra.errors import AimloopError
from infra.evaluations import Challenge, Evaluations
from infra.experiments import Experiment, Experiments
from infra.ledger import Version
from infra.promotions import Promotions
from infra.retrainings import Retrainings
from models import catalog
from monitoring.alerts import News


@flow(name="challenge")
def challenge(cycle_id: str) -> dict[str, Any]:
    """Decide what becomes of each candidate of a cycle, once; what was decided already stays."""
    cycle = open_cycle(cycle_id)
    # a replay deals the same customers the same variant each time it is run
    steady = partial(steady_salt, cycle.door.settings.seed) if is_simulated() else None
    done = challenge_all(cycle, steady)
    lines = [f"- **{found.model}** {found.decision}: {found.reason}" for found in done]
    create_markdown_artifact(key="challenges", markdown="\n".join(lines) or "No candidate.")
    return result(done)


def result(done: list[Challenge]) -> dict[str, Any]:
    """What people are told of a cycle's candidates."""
    decided = [
        {"model": c.model, "tag": c.tag, "decision": c.decision, "reason": c.reason, "experiment": c.experiment_id}
        for c in done
    ]
    return {"line": " · ".join(f"{c.model} {c.decision}" for c in done) or "no candidates", "decisions": decided}


def steady_salt(seed: int, tag: str) -> str:
    """The same for the same seed and challenger; of one challenger it says nothing about the next."""
    return hashlib.blake2b(f"{seed} {tag}".encode(), digest_size=16).hexdigest()


def challenge_all(cycle: Cycle, salt: Callable[[str], str] | None = None) -> list[Challenge]:
    """Decide about every candidate of a cycle; ``salt`` gives the salt of an experiment by the challenger's tag.

    Safe to repeat: of a candidate that was decided about, or has had an experiment, nothing is started anew.
    """
    candidates = [version for version in cycle.door.ledger.versions(cycle.id) if not version.is_champion]
    done = [_decided(cycle, version, salt) for version in candidates if version.model in catalog.MODELS]
    news = [told for found in done if (told := _news(cycle.door, found)) is not None]
    if news:
        announce(cycle.door, news=news)
    return done


def start_waiting(door: Door) -> list[Challenge]:
    """Try what had to wait while another experiment ran: of each model the newest candidate, once the place is free.

    Whatever was compared with a champion that is none any more goes on waiting: the next cycle brings another.
    """
    evaluations, running, done = Evaluations(door.ledger), Experiments(door.ledger).running(), []
    if door.settings.experiments.start == "by hand":
        return []
    for model in catalog.MODELS:
        newest = max((v for v in door.ledger.versions() if v.model == model), key=_as_of, default=None)
        known = evaluations.challenge(newest.tag) if newest is not None and model not in running else None
        if newest is None or known is None or known.decision != "waits":
            continue
        if (had := _by_people(door, newest)) is not None:
            evaluations.write(had)
        elif newest.comparison.get("champion") == door.ledger.champion(model):
            done.append(_tried(door, newest, newest.comparison["gate"], None))
    if news := [told for found in done if (told := _news(door, found)) is not None]:
        announce(door, news=news)
    return done


def _decided(cycle: Cycle, version: Version, salt: Callable[[str], str] | None) -> Challenge:
    door, evaluations = cycle.door, Evaluations(cycle.door.ledger)
    known = evaluations.challenge(version.tag)
    if known is not None:
        return known
    if (had := _by_people(door, version)) is not None:
        evaluations.write(had)
        return had
    if _looks_back(cycle, version.model):
        return _left(door, version, "left alone", "the cycle looks back: the champion knows more of the world")
    judged = version.comparison.get("gate")
    if judged is None:
        return _left(door, version, "left alone", version.comparison.get("note", "there is nothing to compare it with"))
    if not judged["passed"]:
        return _rejected(door, version, judged)
    running = Experiments(door.ledger).running().get(version.model)
    if running is not None:
        reason = f"{judged['reason']}; experiment {running.id} with {running.challenger} runs"
        return _left(door, version, "waits", reason)
    if door.settings.experiments.start == "by hand":
        return _left(door, version, "waits", f"{judged['reason']}; experiments are started by hand")
    return _tried(door, version, judged, salt)


def _tried(door: Door, version: Version, judged: dict[str, Any], salt: Callable[[str], str] | None) -> Challenge:
    try:
        registry.load(version.tag)
        return _acted(door, version, judged, salt)
    except AimloopError as error:
        return _left(door, version, "left alone", f"{judged['reason']}; but {error.what}")


def _acted(door: Door, version: Version, judged: dict[str, Any], salt: Callable[[str], str] | None) -> Challenge:
    """Start what is to show whether it is better; where nothing could, its gate had to be sure, and decides."""
    evaluations, at, because = Evaluations(door.ledger), now(), f"passed its gate: {judged['reason']}"
    evidence = {"evidence": {"gate": _short(judged)}}
    if catalog.MODELS[version.model].tried == "by gate":
        promoted = Challenge(version.tag, version.model, at, "promoted", because)

        def beside(session: Session) -> dict[str, Any]:
            evaluations.add(session, promoted)
            return evidence

        champion = version.comparison["champion"]
        Promotions(door.ledger).promote(version.tag, because, at, door.own_audit, instead_of=champion, beside=beside)
        return promoted

    def with_evidence(_: Session) -> dict[str, Any]:
        return evidence

    drawn = salt(version.tag) if salt is not None else None
    started: Experiment = Experiments(door.ledger).start(
        version.model, version.tag, None, because, at, door.own_audit, salt=drawn, beside=with_evidence
    )
    found = Challenge(version.tag, version.model, at, "experiment", because, started.id)
    evaluations.write(found)
    return found


def _rejected(door: Door, version: Version, judged: dict[str, Any]) -> Challenge:
    found = Challenge(version.tag, version.model, now(), "rejected", judged["reason"])
    evaluations, audit = Evaluations(door.ledger), door.own_audit
    details = {"model": version.model, "version": version.tag, "because": judged["reason"]}
    with door.ledger.transaction() as session:
        evaluations.add(session, found)
        audit.add(session, "candidate rejected", details | {"evidence": {"gate": _short(judged)}}, found.at)
    return found


def _by_people(door: Door, version: Version) -> Challenge | None:
    """That it has had its experiment, where people were quicker, or this was killed before it was written down."""
    had = next((one for one in Experiments(door.ledger).all() if one.challenger == version.tag), None)
    if had is None:
        return None
    reason = f"experiment {had.id} was started with it: {had.reason}"
    return Challenge(version.tag, version.model, now(), "experiment", reason, had.id)


def _left(door: Door, version: Version, decision: str, reason: str) -> Challenge:
    found = Challenge(version.tag, version.model, now(), decision, reason)
    Evaluations(door.ledger).write(found)
    return found


def _looks_back(cycle: Cycle, model: str) -> bool:
    champion = next((v for v in cycle.door.ledger.versions() if v.model == model and v.is_champion), None)
    return champion is not None and _as_of(champion) > cycle.as_of


def _as_of(version: Version) -> pd.Timestamp:
    return pd.Timestamp(version.report["as_of"])


def _short(judged: dict[str, Any]) -> dict[str, Any]:
    """What the audit trail keeps: numbers and verdicts, nothing of a person."""
    kept = ("champion_loss", "candidate_loss", "difference", "rows", "customers")
    return {name: judged[name] for name in kept} | {v["name"]: v["reason"] for v in judged["verdicts"]}


def _news(door: Door, found: Challenge) -> News | None:
    """What people should hear of: a try, a promotion, and that retraining because of drift does not help."""
    key = f"{found.decision}.{found.tag}"
    asked = [request for request in Retrainings(door.ledger).open() if request.model == found.model]
    if found.decision == "rejected" and asked:
        return no_help(found, asked[0])
    headlines = {
        "experiment": f"{found.tag} is tried in the shadow of the champion (experiment {found.experiment_id})",
        "promoted": f"{found.tag} is champion of {found.model}",
        "rejected": f"{found.tag} was rejected: the champion of {found.model} stays",
    }
    if found.decision == "waits" and door.settings.experiments.start == "by hand":
        return News(key, f"{found.tag} passed its gate and waits for somebody to start it", (found.reason,))
    return News(key, headlines[found.decision], (found.reason,)) if found.decision in headlines else None
