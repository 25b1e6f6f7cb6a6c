"""Watch: does the world still look like the one the versions in use were trained on, and do they still do well?

Every version in use is judged; what is found becomes verdicts and checks in the ledger, and the trigger
(`monitoring/trigger.py`) says when that is enough to retrain.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from flows.alert import announce
from flows.arrivals import Newest, newest
from flows.checking import facts_of, store
from flows.context import Cycle, open_cycle, version_in_use
from flows.judging import CURRENT_ROWS as CURRENT_ROWS
from flows.judging import judge_version
from flows.retrain import left_to, react
from infra.errors import reason_of
from models import catalog
from monitoring.alerts import Condition
from monitoring.quality import KINDS, kind


@flow(name="watch")
def watch(cycle_id: str | None = None, reports: str | None = None) -> dict[str, Any]:
    """Judge every version in use, on all that has arrived; announce, and have retraining done where it is due.

    Args:
        cycle_id: the cycle that ends with this watch, and answers what is asked in it; by default what is new is
            landed and looked at, or else the published cycle, and whoever retrains goes on from there.
        reports: "always" or "never" take the place of the setting.
    """
    found = Newest(open_cycle(cycle_id)) if cycle_id is not None else newest(open_cycle())
    cycle = found.cycle
    judged, failed = judge_all(cycle, reports)
    create_markdown_artifact(key="drift-verdicts", markdown=_markdown(judged), description="Checks of this cycle.")
    # telling comes first: what is done about it may take long, and may fail
    is_left = cycle_id is not None or found.is_busy  # a cycle is running, which answers what is asked
    tell(cycle, judged, [*_of_failures(failed), *([] if is_left else [_of_arrivals(found.trouble)])])
    asked = left_to(cycle) if is_left else react(cycle.door)
    return summary_of(cycle, judged, failed) | {"asked": asked}


def judge_all(cycle: Cycle, reports: str | None) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Of every model in use what was found, or why it cannot be judged, which keeps no other from it."""
    judged, failed = {}, {}
    for name in catalog.MODELS:
        if version_in_use(cycle, name):
            try:
                judged[name] = judge_model.with_options(name=f"watch {name}")(cycle.id, name, reports)
            except Exception as error:
                logging.getLogger(__name__).exception("%s cannot be judged", name)
                failed[name] = reason_of(error)
    return judged, failed


@task
def judge_model(cycle_id: str, name: str, reports: str | None) -> dict[str, Any]:
    """Everything about one version: verdicts, report, ledger."""
    outcome = judge_and_store(open_cycle(cycle_id), name, reports=reports)
    if outcome["report"]:
        create_link_artifact(key=f"drift-{name}", link=f"file://{outcome['report']}", description=outcome["reason"])
    return outcome


def judge_and_store(cycle: Cycle, name: str, *, reports: str | None = None) -> dict[str, Any]:
    """The judgement itself: what the task wraps, and what can be called without Prefect, at any simulated instant."""
    looked = judge_version(cycle, name, reports=reports)
    checks = store(cycle, name, looked)
    failed = [check for check in checks if not check.passed]
    told = [f"{check.kind}: {check.reason}" for check in failed]
    told = told or [f"{check.kind}: {check.reason.split('; ')[0]}" for check in checks]  # what holds needs few words
    return {
        "model": name,
        "version": version_in_use(cycle, name),
        "passed": not failed,
        "reason": "; ".join(told),
        "report": looked.report,
        "checks": [facts_of(check) for check in checks],
        "is_on": any(check.is_on for check in checks),
        "asks": any(check.asks for check in checks),
        "features": looked.features.head(10).rename_axis("feature").reset_index().to_dict("records"),
    }


def summary_of(
    cycle: Cycle, judged: dict[str, dict[str, Any]], failed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What a watch came to, as the ledger keeps it for a cycle; ``failed``: why models could not be judged."""
    drifted = [name for name, outcome in judged.items() if not outcome["passed"]]
    reason = "; ".join(f"{name}: {outcome['reason']}" for name, outcome in judged.items()) or "no champion yet"
    quiet = f"all checks hold for {', '.join(judged) or 'nobody: no champion yet'}"
    due = [name for name, outcome in judged.items() if outcome["is_on"]]
    line = f"alarms for {', '.join(drifted)}" if drifted else quiet
    due_line = [f"enough to retrain {', '.join(due)}"] if due else []
    return {
        "as_of": cycle.as_of.isoformat(),
        "line": "; ".join(
            [line, *due_line, *(f"{name} cannot be judged ({why})" for name, why in (failed or {}).items())]
        ),
        "passed": not drifted,
        "reason": reason,
        "report": str(cycle.door.state.reports / cycle.id),
        "reports": {name: outcome["report"] for name, outcome in judged.items()},
        "models": judged,
    }


def tell(cycle: Cycle, judged: dict[str, dict[str, Any]], others: Sequence[Condition] = ()) -> None:
    """One condition a model for drift and one for performance, and one a kind of data quality, well ones included."""
    announce(cycle.door, [*_of_models(judged), *_of_quality(cycle), *others])


def _of_failures(failed: Mapping[str, str]) -> list[Condition]:
    """Of every model: whether it could be judged."""
    return [
        Condition(
            f"watch.{name}",
            name not in failed,
            "warning",
            f"{name} cannot be judged" if name in failed else f"{name} is judged",
            (failed[name],) if name in failed else (),
            remedy="`aimloop watch` tries again",
        )
        for name in catalog.MODELS
    ]


def _of_arrivals(trouble: str | None) -> Condition:
    if trouble is None:
        return Condition("watch.arrivals", True, "warning", "what arrives is looked at")
    headline = "what has arrived since the last cycle cannot be looked at"
    remedy = "`aimloop watch` tries again; drift is judged on the last cycle's data until then"
    return Condition("watch.arrivals", False, "warning", headline, (trouble,), remedy=remedy)


def _of_models(judged: dict[str, dict[str, Any]]) -> list[Condition]:
    conditions = []
    for name, outcome in judged.items():
        for key, kinds in (("drift", ("data", "prediction", "migration")), ("performance", ("performance", "served"))):
            checks = [check for check in outcome["checks"] if check["kind"] in kinds]
            if not checks:
                continue
            on = [check for check in checks if check["is_on"]]
            headline = (
                f"{name}: {', '.join(check['kind'] for check in on)} beyond what is ordinary"
                if on
                else f"{name}: ordinary"
            )
            reasons = tuple(f"{check['kind']}: {check['reason']} ({check['decision']})" for check in on or checks)
            conditions.append(Condition(f"{key}.{name}", not on, "warning", headline, reasons, outcome["report"]))
    return conditions


def _of_quality(cycle: Cycle) -> list[Condition]:
    found = [verdict for verdict in cycle.door.ledger.verdicts(cycle.id) if kind(verdict.name) in KINDS]
    conditions = []
    for which in sorted({kind(verdict.name) for verdict in found}):
        failing = [v for v in found if kind(v.name) == which and not v.passed]
        headline = f"data quality: {which} fails for {len(failing)}" if failing else f"data quality: {which} holds"
        reasons = tuple(f"{verdict.name}: {verdict.reason}" for verdict in failing)
        conditions.append(Condition(f"quality.{which}", not failing, "warning", headline, reasons))
    return conditions


def _markdown(judged: dict[str, dict[str, Any]]) -> str:
    lines = ["| judgement | passed | value | threshold | reason | trigger |", "|---|---|---|---|---|---|"]
    for name, outcome in judged.items():
        for check in outcome["checks"]:
            mark = "yes" if check["passed"] else "**no**"
            figures = f"{check['value']:.3f} | {check['threshold']:.3f}"
            lines.append(f"| {check['kind']}.{name} | {mark} | {figures} | {check['reason']} | {check['decision']} |")
    return "\n".join(lines)
