"""What `announce` writes down, where nobody is told: the ledger has it all, and the result says what was done."""

import logging
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.alert import announce
from flows.context import Door, simulated
from infra.incidents import Incidents
from infra.ledger import Ledger
from infra.sections import Alerts
from monitoring.alerts import Condition, News
from tests import small_state

NOON = datetime(2017, 5, 7, 12)
DRIFT = Condition("drift.ctr", False, "warning", "drift in ctr", ("price moved",))
WELL = Condition("drift.ctr", True, "warning", "no drift in ctr")


@pytest.fixture(scope="module")
def quiet_door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    return small_state.open_door(tmp_path_factory.mktemp("quiet") / "state")


def anew(door: Door, folder: Path, **alerts: object) -> Door:
    """The same door with a ledger of its own."""
    told = door.settings.model_copy(update={"alerts": Alerts(**alerts)})
    return replace(door, settings=told, ledger=Ledger(folder / "ledger.sqlite"))


def test_without_a_block_the_ledger_has_it_and_the_log_says_where(
    quiet_door: Door, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door = anew(quiet_door, tmp_path)
    with simulated(NOON), caplog.at_level(logging.INFO):
        result = announce(door, [DRIFT, replace(WELL, key="drift.churn")], [News("promoted.churn:b", "b won")])
    assert (result["opened"], result["news"], result["sent"]) == (["drift.ctr"], ["promoted.churn:b"], 0)
    assert caplog.messages == [
        "alerts: opened drift.ctr; told of promoted.churn:b; nobody is told: no block is named in [alerts] of "
        "aimloop.toml; `aimloop alerts` shows all"
    ]
    with simulated(NOON + timedelta(hours=1)):
        again = announce(door, [DRIFT], [News("promoted.churn:b", "b won")])
        assert again["line"] == "1 still open, told before"
        assert announce(door, [WELL])["resolved"] == ["drift.ctr"]
        assert announce(door, [WELL])["line"] == "nothing to tell"
    (incident,) = Incidents(door.ledger).all()
    assert [told.kind for told in incident.messages] == ["opened", "resolved"]
    assert len(Incidents(door.ledger).news()) == 1


def test_the_ledger_keeps_what_is_known_now_and_the_worst_severity(quiet_door: Door, tmp_path: Path) -> None:
    door = anew(quiet_door, tmp_path)
    for severity, reason in (("warning", "a"), ("critical", "b"), ("info", "c abcdefghijklmnopabcdefgh")):
        announce(door, [replace(DRIFT, severity=severity, reasons=(reason,))])
    (incident,) = Incidents(door.ledger).all()
    assert (incident.severity, incident.reasons) == ("critical", ("c …",))
    assert [told.kind for told in incident.messages] == ["opened", "escalated"]


def test_a_block_is_not_asked_where_there_is_no_prefect(
    quiet_door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    door = anew(quiet_door, tmp_path, blocks=("slack-webhook/on-call",))
    assert announce(door, [DRIFT])["line"] == "opened drift.ctr; messages that wait for the next announcement: 1"


def test_a_report_is_a_link_where_reports_are_served(quiet_door: Door, tmp_path: Path) -> None:
    door = anew(quiet_door, tmp_path, reports_url="https://reports.example.com/aimloop/")
    report = str(door.state.reports / "c 1" / "drift-ctr.html")
    announce(door, [replace(DRIFT, report=report)], [News("k", "h", report="https://elsewhere.example.com/r")])
    (told,) = Incidents(door.ledger).all()[0].messages
    assert "Report: https://reports.example.com/aimloop/c%201/drift-ctr.html\n" in told.body
    assert "Report: https://elsewhere.example.com/r\n" in Incidents(door.ledger).news()[0].body


SEVERITIES = st.sampled_from([None, "info", "warning", "critical"])
LOOKS = st.lists(
    st.tuples(
        st.floats(0, 60),
        st.lists(st.tuples(st.sampled_from(["drift.ctr", "quality.freshness"]), SEVERITIES), max_size=3),
    ),
    max_size=8,
)


@settings(max_examples=15, deadline=None)
@given(LOOKS)
def test_whatever_is_announced_incidents_open_once_close_once_and_counts_add_up(
    quiet_door: Door, looks: list[tuple[float, list[tuple[str, str | None]]]]
) -> None:
    at, counts = NOON, Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        door = anew(quiet_door, Path(folder), reminder_hours=24)
        with closing(door.ledger):
            for hours, judged in looks:
                at += timedelta(hours=hours)
                conditions = [Condition(key, worse is None, worse or "info", key) for key, worse in judged]
                with simulated(at):
                    result = announce(door, conditions)
                for name in ("opened", "escalated", "reminded", "resolved"):
                    counts[name] += len(result[name])
                is_open = {incident.key for incident in Incidents(door.ledger).all() if incident.closed_at is None}
                bad = {condition.key for condition in conditions if not condition.is_well}
                assert is_open >= bad
                assert not is_open & ({condition.key for condition in conditions} - bad)
            incidents = Incidents(door.ledger).all()
    said = Counter(told.kind for incident in incidents for told in incident.messages)
    assert said == +counts
    for incident in incidents:
        kinds = [told.kind for told in incident.messages]
        assert (kinds[0], kinds.count("opened")) == ("opened", 1)
        assert kinds.count("resolved") == (incident.closed_at is not None)
        assert "resolved" not in kinds[:-1]
        for before, then in pairwise(incident.messages):
            assert then.written_at - before.written_at >= timedelta(hours=24 if then.kind == "reminded" else 0)
    for key in {incident.key for incident in incidents}:  # one is over before the next begins
        spans = sorted((i.opened_at, i.closed_at or datetime.max) for i in incidents if i.key == key)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
