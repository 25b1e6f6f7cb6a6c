"""Alerts through real Prefect blocks: a webhook receiver and a mail server on this machine hear of incidents once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flows.alert import announce
from flows.context import Door, simulated
from infra.incidents import Incidents
from infra.sections import Alerts
from monitoring.alerts import Condition, News
from tests import small_state
from tests.integration.receivers import Receiver, webhook

NOON = datetime(2017, 5, 7, 12)
DRIFT = Condition("drift.ctr", False, "warning", "drift in ctr", ("price moved by 0.6 σ", "b", "c", "d"))
WELL = Condition("drift.ctr", True, "warning", "no drift in ctr")
SECRET = "a-token-that-nobody-may-see"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


@pytest.fixture
def door(tmp_path: Path, receiver: Receiver, prefect_server: Mapping[str, str]) -> Door:
    from flows.notification import save_webhook

    block = save_webhook("on-call", f"{receiver.url}/{SECRET}", SECRET, is_replacement=True)
    return telling(small_state.open_door(tmp_path / "state"), block)


def telling(door: Door, *blocks: str, **alerts: object) -> Door:
    return replace(door, settings=door.settings.model_copy(update={"alerts": Alerts(blocks=blocks, **alerts)}))


def test_an_incident_from_its_beginning_to_its_end(door: Door, receiver: Receiver) -> None:
    for hours, condition in ((0, DRIFT), (1, DRIFT), (23, DRIFT), (24, DRIFT), (25, DRIFT), (50, WELL), (51, WELL)):
        with simulated(NOON + timedelta(hours=hours)):
            announce(door, [condition])
    assert [document["subject"] for document in receiver.documents] == [
        "[aimloop] WARNING: drift in ctr",
        "[aimloop] still WARNING after 1 d: drift in ctr",
        "[aimloop] resolved after 2 d 2 h: drift in ctr",
    ]
