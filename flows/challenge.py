"""Challenge: candidates that passed their gate are tried on customers; the others are rejected, with reasons."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
from prefect import flow
from prefect.artifacts import create_markdown_artifact
from sqlalchemy.orm import Session

from flows.alert import announce, teller
from flows.context import Cycle, Door, is_simulated, now, open_cycle
from infra import registry
from infra.errors import AimloopError
from infra.evaluations import Challenge, Evaluations
from infra.experiments import Experiments
from infra.ledger import Version
from infra.promotions import Promotions
from infra.retrainings import Retraining, Retrainings
from infra.succession import running_experiment
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
    told: dict[str, list[str]] = {}
    for c in done:
        told.setdefault(f"left alone: {c.reason}" if c.decision == "left alone" else c.decision, []).append(c.model)
    line = " · ".join(f"{', '.join(models)} {what}" for what, models in told.items())
    return {"line": line or "no candidates", "decisions": decided}


def steady_salt(seed: int, tag: str) -> str:
    """The same for the same seed and challenger; of one challenger it says nothing about the next."""
    return hashlib.blake2b(f"{seed} {tag}".encode(), digest_size=16).hexdigest()


def challenge_all(cycle: Cycle, salt: Callable[[str], str] | None = None) -> list[Challenge]:
    """Decide about every candidate of a cycle; ``salt`` gives the salt of an experiment by the challenger's tag.

    Safe to repeat: of a candidate that was decided about, or has had an experiment, nothing is started anew.
    """
    candidates = [version for version in cycle.door.ledger.versions(cycle.id) if not version.is_champion]
    done = [_decided(cycle, version, salt) for version in candidates if version.model in catalog.MODELS]
    announce(cycle.door)  # sends what was written down with each
    return done


def start_waiting(door: Door) -> list[Challenge]:
    """Try what had to wait while another experiment ran: of each model the newest candidate, once the place is free.

    People are told by the next `flows.alert.announce`. Whatever was compared with a champion that is none any more goes
    on waiting: the next cycle brings another. So does what waited for an experiment that people ended: they may not
    want another one within the hour.
    """
    evaluations, running, done = Evaluations(door.ledger), Experiments(door.ledger).running(), []
    if door.settings.experiments.start == "by hand":
        return []
    for model in catalog.MODELS:
        newest = _waiting(door, model) if model not in running else None
        if newest is None:
            continue
        if (had := _by_people(door, newest)) is not None:
            evaluations.write(had)
        elif newest.comparison.get("champion") == door.ledger.champion(model) and not _was_ended_by_people(
            door, newest
        ):
            done.append(_tried(door, newest, newest.comparison["gate"], None))
    return done


def after_an_end_by_hand(door: Door, model: str) -> list[str]:
    """What people should know of who is tried next, once they have ended an experiment of a model."""
    newest, said = _waiting(door, model), []
    if newest is not None and _by_people(door, newest) is None:
        by_hand = f"`aimloop experiments start {newest.tag} --shadow --because …` tries it"
        said.append(f"{newest.tag} waits and is not tried by itself: {by_hand}")
    if door.settings.experiments.start == "automatic":
        setting = '`start = "by hand"` in `[experiments]` leaves that to people'
        said.append(f"the next cycle's candidate is tried by itself if it passes its gate; {setting}")
    return said


def _waiting(door: Door, model: str) -> Version | None:
    """The newest version of a model, if it waits."""
    newest = max((v for v in door.ledger.versions() if v.model == model), key=_as_of, default=None)
    known = Evaluations(door.ledger).challenge(newest.tag) if newest is not None else None
    return newest if known is not None and known.decision == "waits" else None


def _was_ended_by_people(door: Door, waiting: Version) -> bool:
    """Whether what it waited for ended otherwise than by a look of the loop, which writes down what it led to."""
    evaluations, experiments = Evaluations(door.ledger), Experiments(door.ledger).all()
    known = evaluations.challenge(waiting.tag)
    last = next((one for one in reversed(experiments) if one.model == waiting.model), None)
    if known is None or last is None or last.ended_at is None or last.ended_at < known.at:
        return False
    looks = [look for look in evaluations.of(last.id) if look.at == last.ended_at]
    return not any(look.action in ("promote", "end") for look in looks)


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
    because, write = f"passed its gate: {judged['reason']}", _writer(door)
    evidence = {"evidence": {"gate": _short(judged)}}
    found = Challenge(version.tag, version.model, now(), "promoted", because)
    if catalog.MODELS[version.model].tried == "by gate":

        def beside(session: Session) -> dict[str, Any]:
            write(session, found)
            return evidence

        champion = version.comparison["champion"]
        Promotions(door.ledger).promote(
            version.tag, because, found.at, door.own_audit, instead_of=champion, beside=beside
        )
        return found

    def of_experiment(session: Session) -> dict[str, Any]:
        nonlocal found
        started = running_experiment(session, version.model)
        assert started is not None
        found = replace(found, decision="experiment", experiment_id=started.id)
        write(session, found)
        return evidence

    drawn = salt(version.tag) if salt is not None else None
    Experiments(door.ledger).start(
        version.model, version.tag, None, because, found.at, door.own_audit, salt=drawn, beside=of_experiment
    )
    return found


def _rejected(door: Door, version: Version, judged: dict[str, Any]) -> Challenge:
    found = Challenge(version.tag, version.model, now(), "rejected", judged["reason"])
    write, audit = _writer(door), door.own_audit
    details = {"model": version.model, "version": version.tag, "because": judged["reason"]}
    with door.ledger.transaction() as session:
        write(session, found)
        audit.add(session, "candidate rejected", details | {"evidence": {"gate": _short(judged)}}, found.at)
    return found


def _by_people(door: Door, version: Version) -> Challenge | None:
    """That it has had its experiment, where people were quicker."""
    had = next((one for one in Experiments(door.ledger).all() if one.challenger == version.tag), None)
    if had is None:
        return None
    reason = f"experiment {had.id} was started with it: {had.reason}"
    return Challenge(version.tag, version.model, now(), "experiment", reason, had.id)


def _left(door: Door, version: Version, decision: str, reason: str) -> Challenge:
    found, write = Challenge(version.tag, version.model, now(), decision, reason), _writer(door)
    with door.ledger.transaction() as session:
        write(session, found)
    return found


def _writer(door: Door) -> Callable[[Session, Challenge], None]:
    """Writes down, within a transaction, what became of a candidate and what people should hear of it."""
    evaluations, tell, asked = Evaluations(door.ledger), teller(door), Retrainings(door.ledger).open()

    def write(session: Session, found: Challenge) -> None:
        evaluations.add(session, found)
        news = _news(door, found, asked)
        if news is not None:
            tell(session, news)

    return write


def _looks_back(cycle: Cycle, model: str) -> bool:
    champion = next((v for v in cycle.door.ledger.versions() if v.model == model and v.is_champion), None)
    return champion is not None and _as_of(champion) > cycle.as_of


def _as_of(version: Version) -> pd.Timestamp:
    return pd.Timestamp(version.report["as_of"])


def _short(judged: dict[str, Any]) -> dict[str, Any]:
    """What the audit trail keeps: numbers and verdicts, nothing of a person."""
    kept = ("champion_loss", "candidate_loss", "difference", "rows", "customers")
    return {name: judged[name] for name in kept} | {v["name"]: v["reason"] for v in judged["verdicts"]}


def _news(door: Door, found: Challenge, requests: list[Retraining]) -> News | None:
    """What people should hear of: a try, a promotion, and that retraining because of drift does not help."""
    key = f"{found.decision}.{found.tag}"
    asked = [request for request in requests if request.model == found.model]
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


def no_help(found: Challenge, request: Retraining) -> News:
    """What people should hear of a rejected candidate that was trained because of drift."""
    headline = f"Retraining {found.model} does not help: the champion stays"
    return News(f"rejected.{found.tag}", headline, (found.reason, f"it was retrained because of: {request.reason}"))
