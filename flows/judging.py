"""Judging: everything that is looked at of one version in use."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from flows.context import Cycle, version_in_use
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
from infra.contracts import Contract, CustomerFeatures, ImpressionFeatures
from infra.files import publish_text
from models import catalog
from models.fitted import Fitted
from models.importance import said
from monitoring.distances import sampled
from monitoring.drift import DriftJudgement, DriftRule, drift_report, judge_drift
from monitoring.performance import judge_performance
from monitoring.segments import LAG_WEEKS, judge_migration
from monitoring.verdict import Verdict

# What each version scores now: the rows its current features are taken from.
CURRENT_ROWS: dict[str, tuple[type[Contract], str, str]] = {
    "segmentation": (CustomerFeatures, "customer_features", "snapshot_at = $as_of"),
    "ctr": (ImpressionFeatures, "impression_features", f"shown_at >= $as_of - INTERVAL {7 * IMPRESSION_WEEKS} DAY"),
    "churn": (CustomerFeatures, "customer_features", "snapshot_at = $as_of AND days_since_last_order <= $window"),
    "clv": (CustomerFeatures, "customer_features", "snapshot_at = $as_of"),
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A verdict, how far its evidence reaches, and the threshold below which it is quiet again.

    ``is_learned``: the threshold came with the version; else it is a convention, which informs and triggers nothing.
    ``why_not``: why nothing could be said, so that it is no sign of quiet either.
    """

    kind: str
    verdict: Verdict
    evidence_until: pd.Timestamp
    clear: float
    is_learned: bool
    why_not: str | None = None


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
    prediction = judge_drift(f"prediction.{name}", said_now, said_then, rules["prediction"])
    judged = [
        _drift("data", data, rules["data"], cycle),
        _drift("prediction", prediction, rules["prediction"], cycle),
    ]
    judged += [*_performance(cycle, name, fitted, known, version.report), *_served(cycle, name, tag, version.report)]
    judged += _migration(cycle, name, fitted, known)
    has_drifted = not (data.verdict.passed and prediction.verdict.passed)
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


def _drift(kind: str, found: DriftJudgement, rule: DriftRule, cycle: Cycle) -> Judged:
    return Judged(
        kind=kind,
        verdict=found.verdict,
        evidence_until=cycle.as_of,
        clear=rule.clear,
        is_learned=rule.threshold is not None,
        why_not=found.why_not,
    )


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
        kind="performance",
        verdict=found.verdict,
        evidence_until=until,
        clear=clear,
        is_learned=usual is not None,
        why_not=found.why_not,
    )


def _served(cycle: Cycle, name: str, tag: str, report: Mapping[str, Any]) -> Iterator[Judged]:
    """On what services answered, as far as outcomes were reported: it informs, since reports may be left out."""
    outcomes = served(cycle, name, tag)
    if outcomes is not None:
        found = judge_performance(f"served.{name}", outcomes, None, report.get("metrics", {}))
        yield Judged(
            kind="served",
            verdict=found.verdict,
            evidence_until=cycle.as_of,
            clear=found.verdict.threshold,
            is_learned=False,
            why_not=found.why_not,
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
        kind="migration",
        verdict=verdict,
        evidence_until=cycle.as_of,
        clear=clear,
        is_learned=usual is not None,
        why_not=verdict.reason if sides[0].index.intersection(sides[1].index).empty else None,  # nobody at both
    )


def _current_rows(cycle: Cycle, name: str) -> pd.DataFrame:
    contract, table, where = CURRENT_ROWS[name]
    values = {"as_of": cycle.as_of, "window": cycle.door.settings.churn_window_days}
    used = {key: value for key, value in values.items() if f"${key}" in where}
    return cycle.generation.read(contract, table, where, **used)
