"""What a cycle came to, as one JSON document: `aimloop status --json` and the table at the end of a run."""

from typing import Any

from flows.context import Door, now
from infra import warehouse
from infra.errors import AimloopError
from monitoring.quality import KINDS, kind


def summarise(door: Door, cycle_id: str | None = None) -> dict[str, Any]:
    """A cycle's rows, models, plan, drift and seconds; by default of the one begun last.

    Raises:
        AimloopError: there is no cycle yet.
    """
    row = door.ledger.cycle(cycle_id)
    if row is None:
        raise AimloopError(f"no cycle in {door.state.root} yet", "run one: `aimloop run`")
    steps = door.ledger.steps(row.id)
    results = {name: step.result for name, step in steps.items()}
    published = warehouse.published(door.state)
    return {
        "cycle": {
            "id": row.id,
            "as_of": row.as_of.isoformat(),
            "source": row.source,
            "started_at": row.started_at.isoformat(),
            "finished_at": row.finished_at.isoformat() if row.finished_at else None,
            "published": bool(published and published.name == row.id),
        },
        "rows": results.get("ingest", {}).get("rows", {}),
        "quarantine": results.get("ingest", {}).get("quarantine", []),
        "rules": results.get("ingest", {}).get("rules", []),
        "after_as_of": results.get("ingest", {}).get("after_as_of", {}),
        "synthetic": results.get("ingest", {}).get("synthetic", {}),
        "quality": _quality(door, row.id, results),
        "models": _models(results.get("train", {}).get("models", {})),
        "challenges": results.get("challenge", {}).get("decisions", []),
        "champions": {name: door.ledger.champion(name) for name in results.get("train", {}).get("models", {})},
        "bento": results.get("package", {}).get("tag"),
        "plan": results.get("allocate", {}).get("plan"),
        "drift": {k: results["watch"][k] for k in ("passed", "reason", "report")} if "watch" in results else None,
        "seconds": {name: step.seconds for name, step in steps.items()},
        "lines": {name: result["line"] for name, result in results.items()},
        "reported_at": now().isoformat(timespec="seconds"),
    }


def _quality(door: Door, cycle_id: str, results: dict[str, Any]) -> dict[str, Any] | None:
    """Verdicts on the data, failed ones first; they are in the ledger even where one of them stopped the cycle."""
    verdicts = [
        {name: getattr(verdict, name) for name in ("name", "passed", "value", "threshold", "reason")}
        for verdict in door.ledger.verdicts(cycle_id)
        if kind(verdict.name) in KINDS
    ]
    if not verdicts:
        return None
    return {
        "passed": all(verdict["passed"] for verdict in verdicts),
        "stopped": "quality" not in results,
        "not_brought": results.get("quality", {}).get("not_brought", []),
        "verdicts": sorted(verdicts, key=lambda verdict: bool(verdict["passed"])),
    }


def _models(outcomes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            "tag": outcome["tag"],
            "line": outcome["line"],
            "is_champion": outcome.get("is_champion", False),
            **metrics_and_intervals(outcome.get("metrics", {})),
            "earlier_windows": {
                origin: {metric: m["value"] for metric, m in metrics.items()}
                for origin, metrics in outcome.get("earlier_windows", {}).items()
            },
        }
        for name, outcome in outcomes.items()
    }


def metrics_and_intervals(metrics: dict[str, dict[str, float]]) -> dict[str, dict[str, Any]]:
    """A version's metrics by name, and the 95 % intervals of those that have one."""
    return {
        "metrics": {name: m["value"] for name, m in metrics.items()},
        "intervals": {name: [m["low"], m["high"]] for name, m in metrics.items() if "low" in m},
    }
