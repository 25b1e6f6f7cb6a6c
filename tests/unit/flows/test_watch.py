"""What a watch writes down, tells and asks for, with verdicts given; the clock stands where the test puts it."""

import shutil
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from flows import watch as story
from flows.checking import store
from flows.context import Cycle, Door, simulated
from flows.judging import Judged, Looked, with_report
from infra.checks import Checks, StoredCheck
from infra.retrainings import Retrainings
from monitoring.alerts import Condition
from monitoring.verdict import Verdict
from tests.small_state import AS_OF, TAG
from tests.unit.flows.loop_examples import cycle_of, version

FIRST = datetime(2017, 12, 4, 6)


def looked(value: float | None, until: pd.Timestamp, *, is_learned: bool = True) -> Looked:
    """``None``: nothing could be said."""
    found, why_not = value or 0.0, "no rows to compare yet" if value is None else None
    verdict = Verdict("drift.segmentation", found < 0.3, found, 0.3, why_not or f"distance {found}")
    judged = Judged(
        kind="data", verdict=verdict, evidence_until=until, clear=0.2, is_learned=is_learned, why_not=why_not
    )
    return Looked((judged,), pd.DataFrame(), None)


def watched(door: Door, values: list[float | None], *, is_learned: bool = True) -> list[StoredCheck]:
    """A check a week with new evidence each; what the last one led to comes last."""
    found = []
    for week, value in enumerate(values):
        with simulated(FIRST + timedelta(weeks=week)):
            cycle = Cycle("g1", AS_OF, door)
            until = AS_OF + timedelta(weeks=week)
            found += store(cycle, "segmentation", looked(value, until, is_learned=is_learned))
    return found


def fail_quality(door: Door, name: str) -> None:
    verdict = {"name": name, "passed": False, "value": 1.0, "threshold": 0.05, "reason": "half are missing"}
    door.ledger.store_verdict("g1", verdict, None)


def test_checks_and_verdicts_are_written_down_with_what_they_lead_to(door: Door) -> None:
    first, second, third = watched(door, [0.4, 0.5, 0.5])
    assert [check.asks for check in (first, second, third)] == [False, True, False]
    assert (second.version, second.evidence_until) == (TAG, (AS_OF + timedelta(weeks=1)).to_pydatetime())
    assert third.decision.startswith("3 alarms in the last 3 checks that count; asked on 2017-12-11, rests until")
    assert Checks(door.ledger).all() == [first, second, third]
    assert [v.value for v in door.ledger.verdicts("g1")] == [0.5]


def test_a_watch_cut_short_and_repeated_decides_the_same(door: Door) -> None:
    before = watched(door, [0.4, 0.5])
    assert watched(door, [0.4, 0.5]) == before
    assert Checks(door.ledger).all() == before


def test_a_check_that_asks_leaves_a_request_behind_though_nobody_lived_to_carry_it_out(door: Door) -> None:
    """Killed right after it was written down: the next day's watch rests, and the request is there to be done."""
    assert watched(door, [0.4, 0.5])[-1].asks
    with simulated(FIRST + timedelta(weeks=1, days=1)):
        (check,) = store(Cycle("g1", AS_OF, door), "segmentation", looked(0.5, AS_OF + timedelta(weeks=1, days=1)))
    assert not check.asks
    (request,) = Retrainings(door.ledger).open()
    assert (request.model, request.reason, request.asked_at) == (
        "segmentation",
        "data: distance 0.5",
        FIRST + timedelta(weeks=1),
    )
    assert (request.evidence["version"], request.evidence["checks"][0]["value"]) == (TAG, 0.5)


def test_a_report_that_cannot_be_written_keeps_no_check_from_being_stored(door: Door) -> None:
    cycle = Cycle("g1", AS_OF, door)
    shutil.rmtree(door.state.reports / "g1")
    (door.state.reports / "g1").write_text("a file in the folder's place")
    found = with_report(cycle, "segmentation", looked(0.5, AS_OF), "<html>")
    assert found.report is None
    (check,) = store(cycle, "segmentation", found)
    assert check.reason == "distance 0.5; its report cannot be written (File exists)"
    assert Checks(door.ledger).all() == [check]
    assert story.summary_of(cycle, {})["report"] == str(door.state.reports / "g1")


def test_poor_data_of_a_table_that_the_model_reads_never_asks(door: Door) -> None:
    fail_quality(door, "null_rate.orders")
    checks = watched(door, [0.4, 0.5, 0.6])
    assert not any(check.asks or check.is_on for check in checks)
    assert checks[-1].why_not == "data quality fails (null_rate.orders)"


def test_poor_data_elsewhere_leaves_a_check_as_it_is(door: Door) -> None:
    fail_quality(door, "freshness.contacts")
    assert watched(door, [0.4, 0.5])[-1].asks


def test_a_convention_informs_and_triggers_nothing(door: Door) -> None:
    check = watched(door, [0.4, 0.5], is_learned=False)[-1]
    assert (check.passed, check.asks, check.why_not) == (False, False, "its threshold is a convention")


def test_a_check_that_can_say_nothing_is_neither_an_alarm_nor_quiet(door: Door) -> None:
    """Its value is 0, below what is clear: it would switch a running alarm off."""
    *_, silent, after = watched(door, [0.4, 0.5, None, 0.25])
    assert silent.is_on
    assert after.is_on
    assert silent.why_not == "no rows to compare yet"
    assert silent.decision.startswith("this check does not count: no rows to compare yet; 2 alarms in the last 2")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What would be announced."""
    found: dict[str, list[Any]] = {"conditions": []}
    monkeypatch.setattr(story, "announce", lambda _, conditions: found["conditions"].extend(conditions))
    return found


def outcome(door: Door, values: list[float], monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    for week, value in enumerate(values):
        until = AS_OF + timedelta(weeks=week)
        monkeypatch.setattr(story, "judge_version", lambda *_, v=value, u=until, **__: looked(v, u))
        with simulated(FIRST + timedelta(weeks=week)):
            found = story.judge_and_store(Cycle("g1", AS_OF, door), "segmentation")
    return {"segmentation": found}


@pytest.mark.parametrize(("values", "is_well"), [([0.4], True), ([0.4, 0.5], False), ([0.4, 0.5, 0.1], True)])
def test_one_condition_a_model_is_told_whether_well_or_not(
    door: Door, told: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch, values: list[float], is_well: bool
) -> None:
    judged = outcome(door, values, monkeypatch)
    cycle = Cycle("g1", AS_OF, door)
    story.tell(cycle, judged)
    condition: Condition = told["conditions"][0]
    assert (condition.key, condition.is_well) == ("drift.segmentation", is_well)
    assert condition.reasons[0].startswith(f"data: distance {values[-1]} (")
    assert [request.reason for request in Retrainings(door.ledger).all()] == ["data: distance 0.5"][: len(values) - 1]


def test_data_quality_is_told_by_its_kind(door: Door, told: dict[str, list[Any]]) -> None:
    fail_quality(door, "null_rate.orders")
    story.tell(Cycle("g1", AS_OF, door), {})
    assert [(c.key, c.is_well, c.reasons) for c in told["conditions"]] == [
        ("quality.null_rate", False, ("null_rate.orders: half are missing",))
    ]


def test_the_summary_says_who_alarms_and_who_is_due(
    door: Door, told: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = outcome(door, [0.4, 0.5], monkeypatch)
    found = story.summary_of(Cycle("g1", AS_OF, door), judged)
    assert found["line"] == "alarms for segmentation; enough to retrain segmentation"
    assert not found["passed"]
    assert story.summary_of(Cycle("g1", AS_OF, door), {})["line"] == "all checks hold for nobody: no champion yet"


def test_a_model_that_cannot_be_judged_keeps_no_other_from_it(
    door: Door, told: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    version(cycle_of(door, "2017-11-27"), "ctr")
    quiet = {"passed": True, "is_on": False, "reason": "ordinary", "report": None, "checks": []}

    def judge(cycle_id: str, name: str, reports: str | None) -> dict[str, Any]:
        if name == "segmentation":
            raise OSError("the version cannot be read")
        return quiet

    monkeypatch.setattr(story, "judge_model", SimpleNamespace(with_options=lambda **_: judge))
    cycle = Cycle("g1", AS_OF, door)
    judged, failed = story.judge_all(cycle, None)
    assert judged == {"ctr": quiet}
    assert failed == {"segmentation": "OSError: the version cannot be read"}
    line = story.summary_of(cycle, judged, failed)["line"]
    assert line == "all checks hold for ctr; segmentation cannot be judged (OSError: the version cannot be read)"
    story.tell(cycle, judged, story._of_failures(failed))
    assert [condition.key for condition in told["conditions"] if not condition.is_well] == ["watch.segmentation"]
