"""Probation: a version that was promoted lately goes back by itself when a guardrail breaks."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from flows.alert import teller
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


def watch_over(door: Door) -> tuple[list[dict[str, Any]], list[Condition]]:
    """Judge every champion on probation and roll back those that break a guardrail; results and conditions."""
    results, conditions = [], []
    for model in catalog.MODELS:
        tags = on_probation(door, model)
        if tags is None:
            conditions.append(Condition(f"probation.{model}", True, "critical", f"{model} is not on probation"))
            continue
        result = _judged_or_not(door, model, tags)
        results.append(result)
        conditions.append(_condition(model, tags, result))
    return results, conditions


def _condition(model: str, tags: tuple[str, str], result: dict[str, Any]) -> Condition:
    """Well, unless a champion cannot go back though it should, or cannot be judged; nothing reported is one reason."""
    key, reasons = f"probation.{model}", (result["reason"],)
    if result["action"] == "failed":
        headline = f"{tags[1]} is on probation and cannot be judged"
        remedy = f"`aimloop evaluate` tries again; `aimloop rollback {model} --because …` goes back by hand"
        return Condition(key, False, "critical", headline, reasons, remedy=remedy)
    if result["action"] == "cannot go back":
        headline = f"{tags[1]} breaks a guardrail, and {tags[0]} cannot come back"
        remedy = "choose another yourself: `aimloop promote TAG --because …`; `aimloop models` lists them"
        return Condition(key, False, "critical", headline, reasons, remedy=remedy)
    if result["action"] == "cannot be judged":
        headline = f"nothing is reported of what {tags[1]} answers, so that its probation sees nothing"
        remedy = f"look whether applications show its answers and report; `aimloop rollback {model}` goes back"
        return Condition(key, False, "warning", headline, reasons, remedy=remedy)
    return Condition(key, True, "critical", f"{model} is well")


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
    of_shown = settings.clicks_of == "shown"
    rows = before_and_after(door.state, door.keys, model, tags, since, window, at, of_shown=of_shown)
    rule = ProbationRule(
        metrics=tuple(dict.fromkeys((settings.metric, *settings.guardrails))),
        drop=settings.probation_drop,
        silence=settings.max_failure_rate,
    )
    found = judge_probation(rows, rule)
    worst = found.broken or tuple(filter(None, (found.unreported,))) or found.verdicts
    reason = "; ".join(verdict.reason for verdict in worst)
    has_passed = all(verdict.passed for verdict in found.verdicts)
    look = Probation(tags[1], at, has_passed, reason, tuple(asdict(verdict) for verdict in found.verdicts))
    if found.unreported and not found.broken:
        Evaluations(door.ledger).write(look)
        action, told = "cannot be judged", look.reason
    else:
        action, told = _acted(door, model, tags, look)
    line = f"{model}: {tags[1]} on probation since {since:%Y-%m-%d %H:%M}: {action} ({told})"
    return {"line": line, "model": model, "tag": tags[1], "action": action, "reason": told, "verdicts": look.verdicts}


def _acted(door: Door, model: str, tags: tuple[str, str], look: Probation) -> tuple[str, str]:
    """What was done, and why; the look is written in the transaction of what it leads to."""
    evaluations = Evaluations(door.ledger)
    if look.passed:
        evaluations.write(look)
        return "stays", look.reason

    tell = teller(door)
    headline = f"{tags[0]} is champion of {model} again: {tags[1]} broke a guardrail"

    def beside(session: Session) -> Mapping[str, Any]:
        evaluations.add(session, look)
        tell(session, News(f"rolled back.{tags[1]}", headline, (look.reason,)))
        return {"evidence": {verdict["name"]: verdict["reason"] for verdict in look.verdicts}}

    because = f"a guardrail broke on probation: {look.reason}"
    try:
        registry.load(tags[0])
        Promotions(door.ledger).roll_back(model, because, look.at, door.own_audit, instead_of=tags[1], beside=beside)
    except AimloopError as error:
        evaluations.write(look)
        return "cannot go back", f"{look.reason}; {error.what}"
    return "rolled back", look.reason
