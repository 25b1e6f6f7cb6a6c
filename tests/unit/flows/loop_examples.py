"""Versions of ctr, churn and segmentation in a ledger and in the model store, for what the loop decides about them."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pandas as pd

from flows.context import Cycle, Door
from infra import registry
from infra.experiment_settings import Experimentation

NOW = datetime(2018, 1, 1, 5)
PASSED = {
    "passed": True,
    "reason": "log-loss -2 %",
    "verdicts": [{"name": "gate.loss", "passed": True, "value": -0.02, "threshold": 0.02, "reason": "log-loss -2 %"}],
    "champion_loss": 0.5,
    "candidate_loss": 0.49,
    "difference": {"value": -0.01, "low": -0.02, "high": -0.001},
    "rows": 1000,
    "customers": 200,
}
FAILED = PASSED | {"passed": False, "reason": "not expected to be better"}


def with_settings(door: Door, **experiments: Any) -> Door:
    return replace(door, settings=door.settings.model_copy(update={"experiments": Experimentation(**experiments)}))


def cycle_of(door: Door, as_of: str) -> Cycle:
    at = pd.Timestamp(as_of)
    cycle = Cycle(f"{at:%Y%m%d}t000000-{uuid4().hex[:8]}", at, door)
    door.ledger.begin_cycle(cycle.id, at.to_pydatetime(), "company", NOW)
    return cycle


def version(cycle: Cycle, model: str, comparison: dict[str, Any] | None = None) -> str:
    """A version of a cycle, saved and registered; the first of its model is champion."""
    tag = registry.tag_of(model, cycle.id)
    registry.save(tag, "fitted", pd.DataFrame({"orders": [1]}), {})
    report = {"as_of": cycle.as_of.isoformat()}
    cycle.door.ledger.register(tag, model, cycle.id, report, comparison or {}, NOW)
    return tag


def judged(champion: str, gate: dict[str, Any]) -> dict[str, Any]:
    """A comparison with a champion, as training stores it."""
    return {"champion": champion, "rows": 1000, "champion_metrics": {}, "gate": gate}
