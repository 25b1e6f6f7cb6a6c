"""Probation: a version that was promoted lately goes back by itself when a guardrail breaks."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from flows.context import Door, now
from infra import registry
from infra.errors import AimloopError, reason_of
from infra.evaluations import Evaluations, Probation
from infra.probation_evidence import before_and_after
from infra.promotions import Promotions
from models import catalog
from monitoring.alerts import Condition, News
from monitoring.probation import ProbationRule, judge_probation


def on_probation(door: Door, model: str) -> tuple[str, str] | None:
    """The champion before and the present one, where that was promoted lately, and not by going back."""
    reigns = Promotions(door.ledger).reigns(model)
    days = timedelta(days=door.settings.experiments.probation_days)
    if len(reigns) < 2 or reigns[-1].came_by_rollback or now() - reigns[-1].since > days:
        return None
    try:
        champion, before = Promotions(door.ledger).way_back(model)
    except AimloopError:  # there is none to go back to
        return None
    return before, champion


def watch_over(door: Door) -> tuple[list[dict[str, Any]], list[Condition], list[News]]:
    """Judge every champion on probation and roll back those that break a guardrail; results, and what to tell."""
    results, conditions, news = [], [], []
    for model in catalog.MODELS:
        tags = on_probation(door, model)
        if tags is None:
            conditions.append(Condition(f"probation.{model}", True, "critical", f"{model} is not on probation"))
            continue
        result = _judged_or_not(door, model, tags)
        results.append(result)
        if result["action"] == "failed":
            headline = f"{tags[1]} is on probation and cannot be judged"
            remedy = "`aimloop evaluate` tries again; `aimloop rollback MODEL --because …` goes back by hand"
            key, reasons = f"probation.{model}", (result["reason"],)
            conditions.append(Condition(key, False, "critical", headline, reasons, remedy=remedy))
            continue
        is_stuck = result["action"] == "cannot go back"
        headline = f"{tags[1]} breaks a guardrail, and {tags[0]} cannot come back" if is_stuck else f"{model} is well"
        conditions.append(
            Condition(
                f"probation.{model}",
                not is_stuck,
                "critical",
                headline,
                (result["reason"],) if is_stuck else (),
                remedy="choose another yourself: `aimloop promote TAG --because …`; `aimloop models` lists them",
            )
        )
        if result["action"] == "rolled back":
            headline = f"{tags[0]} is champion of {model} again: {tags[1]} broke a guardrail"
            news.append(News(f"rolled back.{tags[1]}", headline, (result["reason"],)))
    return results, conditions, news


def _judged_or_not(door: Door, model: str, tags: tuple[str, str]) -> dict[str, Any]:
    """One that cannot be judged keeps no other from it."""
    try:
        return _judged(door, model, tags)
    except Exception as error:
        logging.getLogger(__name__).exception("%s cannot be judged on probation", tags[1])
        reason = reason_of(error)
        line = f"{model}: {tags[1]} on probation cannot be judged ({reason})"
        return {"line": line, "model": model, "tag": tags[1], "action": "failed", "reason": reason, "verdicts": ()}


def _judged(door: Door, model: str, tags: tuple[str, str]) -> dict[str, Any]:
    at, settings = now(), door.settings.experiments
    since = Promotions(door.ledger).reigns(model)[-1].since
    window = timedelta(days=settings.attribution_days)
    rows = before_and_after(door.state, door.keys, model, tags, since, window, at)
    rule = ProbationRule(drop=settings.probation_drop, silence=settings.max_failure_rate, seed=door.settings.seed)
    verdicts = judge_probation(rows, rule)
    broken = [verdict.reason for verdict in verdicts if not verdict.passed]
    reason = "; ".join(broken or [verdict.reason for verdict in verdicts])
    look = Probation(tags[1], at, not broken, reason, tuple(asdict(verdict) for verdict in verdicts))
    action, told = _acted(door, model, tags, look)
    line = f"{model}: {tags[1]} on probation since {since:%Y-%m-%d %H:%M}: {action} ({told})"
    return {"line": line, "model": model, "tag": tags[1], "action": action, "reason": told, "verdicts": look.verdicts}


def _acted(door: Door, model: str, tags: tuple[str, str], look: Probation) -> tuple[str, str]:
    """What was done, and why; the look is written in the transaction of what it leads to."""
    evaluations = Evaluations(door.ledger)
    if look.passed:
        evaluations.write(look)
        return "stays", look.reason

    def beside(session: Session) -> Mapping[str, Any]:
        evaluations.add(session, look)
        return {"evidence": {verdict["name"]: verdict["reason"] for verdict in look.verdicts}}

    because = f"a guardrail broke on probation: {look.reason}"
    try:
        registry.load(tags[0])
        Promotions(door.ledger).roll_back(model, because, look.at, door.own_audit, instead_of=tags[1], beside=beside)
    except AimloopError as error:
        evaluations.write(look)
        return "cannot go back", f"{look.reason}; {error.what}"
    return "rolled back", look.reason
