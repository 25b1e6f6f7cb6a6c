"""Watch: does the world still look like the one the champions were trained on?"""

from dataclasses import asdict
from typing import Any

import pandas as pd
from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from flows.context import Cycle, open_cycle, version_in_use
from infra import registry
from infra.contracts import Contract, CustomerFeatures, ImpressionFeatures
from infra.files import publish_text
from models import catalog
from monitoring.drift import DriftRule, judge_drift

# What each champion scores now: the rows its current features are taken from.
CURRENT_ROWS: dict[str, tuple[type[Contract], str, str]] = {
    "segmentation": (CustomerFeatures, "customer_features", "snapshot_at = $as_of"),
    "ctr": (ImpressionFeatures, "impression_features", "shown_at >= $as_of - INTERVAL 28 DAY"),
    "churn": (CustomerFeatures, "customer_features", "snapshot_at = $as_of AND days_since_last_order <= $window"),
    "clv": (CustomerFeatures, "customer_features", "snapshot_at = $as_of"),
}


@flow(name="watch")
def watch(cycle_id: str | None = None) -> dict[str, Any]:
    """Judge the drift of the features of every version in use; by default in the published cycle."""
    cycle = open_cycle(cycle_id)
    in_use = [name for name in catalog.MODELS if version_in_use(cycle, name)]
    judged = {name: judge_model.with_options(name=f"watch {name}")(cycle.id, name) for name in in_use}
    drifted = [name for name, outcome in judged.items() if not outcome["passed"]]
    passed = not drifted
    reason = "; ".join(f"{name}: {outcome['reason']}" for name, outcome in judged.items()) or "no champion yet"
    create_markdown_artifact(key="drift-verdicts", markdown=_markdown(judged), description="Drift of this cycle.")
    quiet = f"no drift in {', '.join(judged) or 'nothing: no champion yet'}"
    line = quiet if passed else f"drift in {', '.join(drifted)}"
    reports = {name: outcome["report"] for name, outcome in judged.items()}
    return {"line": line, "passed": passed, "reason": reason, "report": str(cycle.reports), "reports": reports}


@task
def judge_model(cycle_id: str, name: str) -> dict[str, Any]:
    """Compare current features with the champion's reference sample; verdict, report, ledger."""
    cycle = open_cycle(cycle_id)
    outcome = judge_and_store(cycle, name)
    if outcome["report"]:
        create_link_artifact(key=f"drift-{name}", link=f"file://{outcome['report']}", description=outcome["reason"])
    return outcome


def judge_and_store(cycle: Cycle, name: str) -> dict[str, Any]:
    """The judgement itself: what the task wraps, and what can be called without Prefect."""
    version = version_in_use(cycle, name)
    assert version is not None
    reference = registry.reference(version)
    judgement = judge_drift(name, _current_rows(cycle, name), reference, DriftRule(seed=cycle.door.settings.seed))
    report = None
    if judgement.html:
        path = cycle.reports / f"drift-{name}.html"
        publish_text(path, judgement.html)
        report = str(path)
    verdict = asdict(judgement.verdict)
    cycle.door.ledger.store_verdict(cycle.id, verdict, report)
    return {**verdict, "report": report}


def _current_rows(cycle: Cycle, name: str) -> pd.DataFrame:
    contract, table, where = CURRENT_ROWS[name]
    values = {"as_of": cycle.as_of, "window": cycle.door.settings.churn_window_days}
    used = {key: value for key, value in values.items() if f"${key}" in where}
    return cycle.generation.read(contract, table, where, **used)


def _markdown(judged: dict[str, dict[str, Any]]) -> str:
    lines = ["| judgement | passed | value | threshold | reason |", "|---|---|---|---|---|"]
    for outcome in judged.values():
        mark = "yes" if outcome["passed"] else "**no**"
        figures = f"{outcome['value']:.2f} | {outcome['threshold']:.2f}"
        lines.append(f"| {outcome['name']} | {mark} | {figures} | {outcome['reason']} |")
    return "\n".join(lines)
