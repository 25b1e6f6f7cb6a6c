"""What tests of alerts share: a condition that is not well and then is, announced at some hour."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flows.alert import announce
from flows.context import Door, simulated
from infra.sections import Alerts
from monitoring.alerts import Condition, News

NOON = datetime(2017, 5, 7, 12)
DRIFT = Condition("drift.ctr", False, "warning", "drift in ctr", ("price moved by 0.6 σ", "b", "c", "d"))
WELL = Condition("drift.ctr", True, "warning", "no drift in ctr")


def telling(door: Door, *blocks: str) -> Door:
    return replace(door, settings=door.settings.model_copy(update={"alerts": Alerts(blocks=blocks)}))


def at(hours: float, door: Door, *conditions: Condition, news: tuple[News, ...] = ()) -> dict[str, Any]:
    with simulated(NOON + timedelta(hours=hours)):
        return announce(door, conditions, news)
