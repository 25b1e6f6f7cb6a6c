"""Judging: everything that is looked at of one version in use, with what the trigger makes of it."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from flows.context import Cycle, now, version_in_use
from flows.served import served
from flows.thresholds import (
    IMPRESSION_WEEKS,
    LABELLED_ROWS,
    WEEK,
    is_impressions,
    labelled,
    performance_of,
    threshold_of,
)
from infra import registry
from infra.checks import Checks, StoredCheck
from infra.contracts import Contract, CustomerFeatures, ImpressionFeatures
from infra.files import publish_text
from infra.retrainings import Retrainings
from models import catalog
from models.fitted import Fitted
from models.importance import said
from monitoring import quality
from monitoring.distances import sampled
from monitoring.drift import DriftRule, drift_report, judge_drift
from monitoring.performance import judge_performance
from monitoring.segments import LAG_WEEKS, judge_migration
from monitoring.trigger import Check, TriggerRule, decide
from monitoring.verdict import Verdict

# What each version scores now: the rows its current features are taken from.
CURRENT_ROWS: dict[str, tuple[type[Contract], str, str]] = {
    "segmentation": (CustomerFeatures, "customer_features", "snapshot_at = $as_of"),
    "ctr": (ImpressionFeatures, "impression_features", f"shown_at >= $as_of - INTERVAL {7 * IMPRESSION_WEEKS} DAY"),
    "churn": (CustomerFeatures, "customer_features", "snapshot_at = $as_of AND days_since_last_order <= $window"),
    "clv": (CustomerFeatures, "customer_features", "snapshot_at = $as_of"),
}
_FEEDS_ALL = {"orders", "products", "customers"}
FEEDS = {"ctr": {"impressions", *_FEEDS_ALL}}  # raw tables whose poor quality puts a model's checks in doubt


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A verdict, how far its evidence reaches, and the threshold below which it is quiet again.

    ``is_learned``: the threshold came with the version; else it is a convention, which informs and triggers nothing.
    """

    kind: str
    verdict: Verdict
    evidence_until: pd.Timestamp
    clear: float
    is_learned: bool


@dataclass(frozen=True)
class Looked:
    """All that was judged of a version; the features' table comes with the data's verdict."""

    judged: tuple[Judged, ...]
    features: pd.DataFrame
    report: str | None


def judge_version(cycle: Cycle, name: str, *, reports: str | None = None) -> Looked:
    """The judgements alone: nothing is written but the report, when ``reports`` (or else the setting) asks for it."""
    setting = cycle.door.settings
    tag = version_in_use(cycle, name)
    assert tag is not None
    fitted: Fitted = registry.load(tag)
    version = next(v for v in cycle.door.ledger.versions() if v.tag == tag)
    known: Mapping[str, Any] = version.report.get("drift", {})
    reference = registry.reference(tag)
    current = sampled(_current_rows(cycle, name), max(setting.drift.rows, 1), setting.seed)
    rules = {kind: _rule(known, kind, cycle) for kind in ("data", "prediction")}
    data = judge_drift(f"drift.{name}", current, reference, rules["data"])
    entry = catalog.MODELS[name]
    said_now, said_then = (
        said(entry.model, fitted, rows, entry.says).to_frame("prediction") if len(rows) else pd.DataFrame()
        for rows in (current, reference)
    )
    prediction = judge_drift(f"prediction.{name}", said_now, said_then, rules["prediction"]).verdict
    judged = [
        _drift("data", data.verdict, rules["data"], cycle),
        _drift("prediction", prediction, rules["prediction"], cycle),
    ]
    judged += [*_performance(cycle, name, fitted, known, version.report), *_served(cycle, name, tag, version.report)]
    judged += _migration(cycle, name, fitted, known)
    has_drifted = not (data.verdict.passed and prediction.passed)
    wanted = reports or setting.drift.reports
    if wanted != "always" and not (wanted == "on drift" and has_drifted):
        return Looked(tuple(judged), data.features, None)
    html = drift_report(
        pd.concat([current, said_now], axis=1), pd.concat([reference, said_then], axis=1), rules["data"]
    )
    return with_report(cycle, name, Looked(tuple(judged), data.features, None), html)


def with_report(cycle: Cycle, name: str, looked: Looked, html: str | None) -> Looked:
    """Write the report; where that cannot be done, what was judged counts all the same, and says so."""
    if not html:
        return looked
    try:
        path = cycle.reports / f"drift-{name}.html"
        publish_text(path, html)
    except OSError as error:
        logging.getLogger(__name__).warning("the report of %s cannot be written: %s", name, error)
        word = f"; its report cannot be written ({error.strerror or error})"
        judged = tuple(
            replace(each, verdict=replace(each.verdict, reason=each.verdict.reason + word))
            if each.kind in ("data", "prediction")
            else each
            for each in looked.judged
        )
        return replace(looked, judged=judged)
    return replace(looked, report=str(path))


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
        why_not = in_doubt or (None if each.is_learned else "its threshold is a convention")
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


def _rule(known: Mapping[str, Any], kind: str, cycle: Cycle) -> DriftRule:
    setting = cycle.door.settings
    return DriftRule(
        importances=known.get("importances", {}) if kind == "data" else {},
        moving=tuple(known.get("moving", ())),
        threshold=threshold_of(known, kind),
        **({"why_none": known["why_none"]} if known.get("why_none") else {}),
        max_rows=setting.drift.rows,
        seed=setting.seed,
    )


def _drift(kind: str, verdict: Verdict, rule: DriftRule, cycle: Cycle) -> Judged:
    is_learned = rule.threshold is not None
    return Judged(kind=kind, verdict=verdict, evidence_until=cycle.as_of, clear=rule.clear, is_learned=is_learned)


def _performance(
    cycle: Cycle, name: str, fitted: Fitted, known: Mapping[str, Any], report: Mapping[str, Any]
) -> Iterator[Judged]:
    """On outcomes that became known lately, of rows the version had not learned from; none where there are none."""
    entry = catalog.MODELS[name]
    if entry.outcome is None:
        return
    since = cycle.as_of - (IMPRESSION_WEEKS if is_impressions(entry) else 1) * WEEK
    where = f"{entry.labelled} > $since AND {entry.labelled} <= $as_of AND {entry.happens} >= $origin"
    origin = pd.Timestamp(report["origin"])
    rows = cycle.generation.read(entry.contract, entry.table, where, since=since, as_of=cycle.as_of, origin=origin)
    if rows.empty:
        return
    frame = sampled(rows, LABELLED_ROWS, cycle.door.settings.seed)
    outcomes = labelled(entry, fitted, frame, known.get("slice"))
    usual = performance_of(known)
    found = judge_performance(f"performance.{name}", outcomes, usual, report.get("metrics", {}))
    clear = usual.threshold.clear if usual else found.verdict.threshold
    until = rows[entry.labelled].max()
    yield Judged(
        kind="performance", verdict=found.verdict, evidence_until=until, clear=clear, is_learned=usual is not None
    )


def _served(cycle: Cycle, name: str, tag: str, report: Mapping[str, Any]) -> Iterator[Judged]:
    """On what services answered, as far as outcomes were reported: it informs, since reports may be left out."""
    outcomes = served(cycle, name, tag)
    if outcomes is not None:
        verdict = judge_performance(f"served.{name}", outcomes, None, report.get("metrics", {})).verdict
        yield Judged(
            kind="served", verdict=verdict, evidence_until=cycle.as_of, clear=verdict.threshold, is_learned=False
        )


def _migration(cycle: Cycle, name: str, fitted: Fitted, known: Mapping[str, Any]) -> Iterator[Judged]:
    """Of segments: now against the last weekly snapshot that lies four weeks back, by the same version."""
    entry = catalog.MODELS[name]
    if entry.says != "segment":
        return
    then = cycle.generation.query(
        "SELECT max(snapshot_at) AS at FROM marts.customer_features WHERE snapshot_at <= $then",
        then=cycle.as_of - LAG_WEEKS * WEEK,
    )["at"][0]
    if pd.isna(then):
        return
    sides = []
    for at in (then, cycle.as_of):
        rows = cycle.generation.read(entry.contract, entry.table, "snapshot_at = $at", at=at)
        sides.append(said(entry.model, fitted, rows, entry.says).set_axis(pd.Index(rows["pseudonym"])))
    usual = threshold_of(known, "migration")
    verdict = judge_migration(f"migration.{name}", sides[0], sides[1], usual)
    clear = usual.clear if usual else verdict.threshold
    yield Judged(
        kind="migration", verdict=verdict, evidence_until=cycle.as_of, clear=clear, is_learned=usual is not None
    )


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


def _current_rows(cycle: Cycle, name: str) -> pd.DataFrame:
    contract, table, where = CURRENT_ROWS[name]
    values = {"as_of": cycle.as_of, "window": cycle.door.settings.churn_window_days}
    used = {key: value for key, value in values.items() if f"${key}" in where}
    return cycle.generation.read(contract, table, where, **used)
