"""Checking: what was judged of a version, written down with what the trigger makes of it and asks for."""

from dataclasses import asdict
from typing import Any

from flows.context import Cycle, now, version_in_use
from flows.judging import Looked
from infra.checks import Checks, StoredCheck
from infra.retrainings import Retrainings
from monitoring import quality
from monitoring.trigger import Check, TriggerRule, decide

_FEEDS_ALL = {"orders", "products", "customers"}
FEEDS = {"ctr": {"impressions", *_FEEDS_ALL}}  # raw tables whose poor quality puts a model's checks in doubt


def store(cycle: Cycle, name: str, looked: Looked) -> list[StoredCheck]:
    """Write down verdicts and checks with what the trigger decides, and what it asks for; returns the checks."""
    door, at = cycle.door, now()
    tag, checks = version_in_use(cycle, name), Checks(door.ledger)
    assert tag is not None
    in_doubt = _poor_data(cycle, name)
    asked_at = checks.last_asked_at(name, before=at)
    rule = _trigger_rule(cycle)
    made: list[StoredCheck] = []
    for each in looked.judged:
        why_not = in_doubt or each.why_not or (None if each.is_learned else "its threshold is a convention")
        found = Check(
            checked_at=at,
            evidence_until=each.evidence_until.to_pydatetime(),
            value=each.verdict.value,
            alarm=each.verdict.threshold,
            clear=each.clear,
            why_not=why_not,
        )
        earlier = [_as_check(check) for check in checks.history(tag, each.kind, before=at)]
        decision = decide([*earlier, found], asked_at, rule)
        report = looked.report if each.kind in ("data", "prediction") else None
        made.append(
            StoredCheck(
                version=tag,
                kind=each.kind,
                checked_at=at,
                model=name,
                cycle_id=cycle.id,
                evidence_until=found.evidence_until,
                value=found.value,
                threshold=found.alarm,
                clear=found.clear,
                passed=bool(each.verdict.passed),
                reason=each.verdict.reason,
                report=report,
                why_not=why_not,
                is_on=decision.is_on,
                asks=decision.asks,
                decision=decision.reason,
            )
        )
        door.ledger.store_verdict(cycle.id, asdict(each.verdict), report)
    with door.ledger.transaction() as session:
        # together: a check that asked begins the cool-down, so what it asked for must be there to be carried out
        checks.put(session, made)
        if asking := [check for check in made if check.asks]:
            reason = "; ".join(f"{check.kind}: {check.reason}" for check in asking)
            facts = [facts_of(check) for check in asking]
            evidence = {"cycle": cycle.id, "version": tag, "checks": facts, "report": looked.report}
            Retrainings(door.ledger).put(session, name, reason, evidence, at)
    return made


def facts_of(check: StoredCheck) -> dict[str, Any]:
    """As JSON has it."""
    kept = ("kind", "passed", "value", "threshold", "clear", "reason", "why_not", "is_on", "asks", "decision")
    return {name: getattr(check, name) for name in kept} | {"evidence_until": check.evidence_until.isoformat()}


def _poor_data(cycle: Cycle, name: str) -> str | None:
    """Which failing judgements put what a model reads in doubt."""
    failing = [
        verdict.name
        for verdict in cycle.door.ledger.verdicts(cycle.id)
        if not verdict.passed and quality.kind(verdict.name) in quality.KINDS
    ]
    tables = FEEDS.get(name, _FEEDS_ALL)
    theirs = [each for each in failing if each.split(".")[1:2] and each.split(".")[1] in tables]
    return f"data quality fails ({', '.join(theirs)})" if theirs else None


def _trigger_rule(cycle: Cycle) -> TriggerRule:
    setting = cycle.door.settings.drift
    return TriggerRule(
        alarms=setting.alarms,
        checks=setting.of_checks,
        cooldown_days=setting.cooldown_days,
        new_evidence_days=setting.new_evidence_days,
    )


def _as_check(stored: StoredCheck) -> Check:
    return Check(
        checked_at=stored.checked_at,
        evidence_until=stored.evidence_until,
        value=stored.value,
        alarm=stored.threshold,
        clear=stored.clear,
        why_not=stored.why_not,
    )
