"""The hourly evaluation: it lands, judges, acts and watches over new champions; and waits for a cycle, for a while."""

import json
import time
from datetime import datetime, timedelta

import orjson
import pytest
from typer.testing import CliRunner

from flows import evaluate as story
from flows import probation
from flows.cli import app
from flows.context import Door, simulated
from flows.evaluate import evaluate_all, evaluate_patiently
from flows.promote import promote, roll_back, start_experiment
from infra.evaluations import Evaluations
from infra.experiments import Experiments
from infra.outcomes import Outcome, Outcomes
from infra.prediction_log import PredictionLog
from infra.promotions import Promotions
from tests.unit.flows.loop_examples import NOW, cycle_of, version, with_settings
from tests.unit.infra.prediction_examples import ROW


@pytest.fixture(autouse=True)
def clock():
    with simulated(NOW):
        yield


@pytest.fixture
def tags(door: Door) -> tuple[str, str]:
    return version(cycle_of(door, "2017-12-04"), "ctr"), version(cycle_of(door, "2017-12-11"), "ctr")


def traffic(door: Door, name: str, began: datetime, rates: dict[str, float], share: float | None, tags) -> None:
    """Of 300 customers each four answers within a day of ``began``; of those of a variant so many are clicked."""
    experiment = Experiments(door.ledger).running().get("ctr")
    rows, clicks = [], []
    for number in range(1_200):
        who, to = f"c{number % 300}", "champion"
        if experiment is not None and share:
            to = "challenger" if experiment.variant(who)[0] == "challenger" else "champion"
        id_, at = f"{name}-{number}", began + timedelta(seconds=number)
        row = ROW._replace(prediction_id=id_, pseudonym=who, predicted_at=f"{at.isoformat()}Z", variant=to)
        chance = 1.0 if not share else share if to == "challenger" else 1 - share
        rows.append(row._replace(version=tags[to == "challenger"], propensity=chance)._asdict())
        if share is None and experiment is not None:
            shadow = {"variant": "challenger", "version": tags[1], "is_answered": False, "propensity": 1.0}
            rows.append(rows[-1] | shadow)
        if number * 7_919 % 1_000 < 1_000 * rates[to]:
            clicks.append(Outcome(f"of {id_}", id_, "clicked", at + timedelta(minutes=1), None, "key"))
    (door.state.predictions / f"{name}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    reports = Outcomes(door.state.outcomes)
    reports.report(clicks, began + timedelta(hours=2))
    reports.close()


def after(door: Door, days: float) -> dict:
    with simulated(NOW + timedelta(days=days)):
        return evaluate_all(door)


def test_from_the_shadow_to_a_promotion_on_the_log_alone(door: Door, tags) -> None:
    """A challenger whose answers are clicked twice as often."""
    door = with_settings(door, ramp_days=1, ramp_shares=(0.5,), min_days=3, min_customers=50, guardrails=())
    start_experiment(door, tags[1], None, "passed its gate")
    traffic(door, "shadow", NOW, {"champion": 0.2}, None, tags)
    assert [r["action"] for r in after(door, 1)["experiments"]] == ["raise"]
    rates = {"champion": 0.2, "challenger": 0.6}
    for day in (1, 2):
        traffic(door, f"day{day}", NOW + timedelta(days=day + 0.1), rates, 0.5, tags)
    (found,) = after(door, 3)["experiments"]
    assert (found["action"], found["share"]) == ("stay", None)
    assert found["estimates"]["click_rate"]["value"] == pytest.approx(0.4, abs=0.06)
    assert "1,200 of 3,600 predictions count; left out: 1,200 in the shadow, 1,200 whose outcomes" in found["notes"][0]
    traffic(door, "day3", NOW + timedelta(days=3.1), rates, 0.5, tags)
    (found,) = after(door, 5.5)["experiments"]
    assert found["action"] == "promote", found["reason"]
    assert door.ledger.champion("ctr") == tags[1]
    assert [look.action for look in Evaluations(door.ledger).of(1)] == ["raise", "stay", "promote"]


def test_a_new_champion_whose_clicks_fall_goes_back(door: Door, tags) -> None:
    traffic(door, "before", NOW - timedelta(days=3), {"champion": 0.2}, None, tags)
    promote(door, tags[1], "looks better")
    traffic(door, "since", NOW + timedelta(days=0.1), {"champion": 0.05}, None, (tags[1], tags[1]))
    assert after(door, 0.5)["probation"][0]["action"] == "stays"  # their outcomes may still come
    (found,) = after(door, 2)["probation"]
    assert found["action"] == "rolled back"
    assert found["reason"].startswith("click rate -7")
    assert door.ledger.champion("ctr") == tags[0]
    entry = door.audit.entries()[-1]
    assert (entry.user, entry.role, entry.action) == ("aimloop", "loop", "rollback")
    assert "probation.click_rate" in entry.details["evidence"]
    assert [look.passed for look in Evaluations(door.ledger).probations(tags[1])] == [True, False]
    assert after(door, 2.1)["probation"] == []  # who came back is not on probation again


def test_a_new_champion_of_which_nothing_is_reported_stays_and_people_are_told(door: Door, tags, monkeypatch) -> None:
    told: list = []
    monkeypatch.setattr(story, "announce", lambda _, conditions: told.extend(conditions))
    traffic(door, "before", NOW - timedelta(days=3), {"champion": 0.2}, None, tags)
    promote(door, tags[1], "looks better")
    traffic(door, "since", NOW + timedelta(days=0.1), {"champion": 0.0}, None, (tags[1], tags[1]))
    (found,) = after(door, 2)["probation"]
    assert found["action"] == "cannot be judged"
    assert door.ledger.champion("ctr") == tags[1]
    assert [look.passed for look in Evaluations(door.ledger).probations(tags[1])] == [False]
    (condition,) = [c for c in told if not c.is_well]
    assert (condition.key, condition.severity) == ("probation.ctr", "warning")
    assert condition.headline.startswith(f"nothing is reported of what {tags[1]} answers")
    assert condition.reasons[0].startswith("nothing is reported of 1,200 answers; before, it would have been of 2")


def test_what_probation_compares_is_what_is_configured(door: Door, tags) -> None:
    """Clicks fall to a quarter; but where purchases decide, which nobody reports, they are nobody's business."""
    traffic(door, "before", NOW - timedelta(days=3), {"champion": 0.2}, None, tags)
    promote(door, tags[1], "looks better")
    traffic(door, "since", NOW + timedelta(days=0.1), {"champion": 0.05}, None, (tags[1], tags[1]))
    (found,) = after(with_settings(door, metric="conversion", guardrails=()), 2)["probation"]
    assert [v["name"] for v in found["verdicts"] if not v["passed"]] == ["probation.calibration"]
    assert [v["name"] for v in found["verdicts"]][-2:] == ["probation.conversion", "probation.calibration"]


def test_probation_ends(door: Door, tags) -> None:
    promote(door, tags[1], "looks better")
    assert len(after(door, 7)["probation"]) == 1
    assert after(door, 7.01)["probation"] == []


def test_who_came_back_is_not_on_probation(door: Door, tags) -> None:
    """Or two versions could throw each other out for ever."""
    third = version(cycle_of(door, "2017-12-18"), "ctr")
    for tag in (tags[1], third):
        promote(door, tag, "looks better")
    assert [found["tag"] for found in after(door, 1)["probation"]] == [third]
    roll_back(door, "ctr", "complaints")
    assert after(door, 1.5)["probation"] == []


def test_where_the_one_before_is_lost_people_are_told(door: Door, tags, monkeypatch) -> None:
    from infra import registry

    traffic(door, "before", NOW - timedelta(days=3), {"champion": 0.2}, None, tags)
    promote(door, tags[1], "looks better")
    traffic(door, "since", NOW + timedelta(days=0.1), {"champion": 0.05}, None, (tags[1], tags[1]))
    (registry._folder(tags[0]) / "fitted.joblib").write_bytes(b"broken")
    told: list = []
    monkeypatch.setattr(story, "announce", lambda _, conditions: told.extend(conditions))
    (found,) = after(door, 2)["probation"]
    assert found["action"] == "cannot go back"
    assert door.ledger.champion("ctr") == tags[1]
    assert [c.key for c in told if not c.is_well] == ["probation.ctr"]


def test_one_that_cannot_be_judged_keeps_no_other_from_it(door: Door, tags, monkeypatch) -> None:
    start_experiment(door, tags[1], None, "passed its gate")
    _, churn = (version(cycle_of(door, f"2017-12-{day}"), "churn") for day in ("04", "11"))
    start_experiment(door, churn, None, "passed its gate")
    real = story.evidence_of

    def broken(door, experiment, now):
        if experiment.model == "churn":
            raise ZeroDivisionError("of a judge")
        return real(door, experiment, now)

    told: list = []
    monkeypatch.setattr(story, "evidence_of", broken)
    monkeypatch.setattr(story, "announce", lambda _, conditions: told.extend(conditions))
    done = after(door, 1)["experiments"]
    assert [(one["model"], one["action"]) for one in done] == [("churn", "failed"), ("ctr", "stay")]
    assert [c.key for c in told if not c.is_well] == ["experiment.churn"]
    assert "ZeroDivisionError: of a judge" in done[0]["reason"]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list:
    """Conditions that people would hear of."""
    found: list = []
    monkeypatch.setattr(story, "announce", lambda _, conditions: found.extend(conditions))
    return found


def full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_landed_keeps_nobody_from_judging_what_had_landed(door, tags, told, monkeypatch) -> None:
    """A new champion that does harm goes back, on the evidence of the hour before."""
    traffic(door, "before", NOW - timedelta(days=3), {"champion": 0.2}, None, tags)
    promote(door, tags[1], "looks better")
    traffic(door, "since", NOW + timedelta(days=0.1), {"champion": 0.05}, None, (tags[1], tags[1]))
    with simulated(NOW + timedelta(days=2)):
        story.land_log(door)
    monkeypatch.setattr(story, "land_log", full_disk)
    done = after(door, 2)
    assert [found["action"] for found in done["probation"]] == ["rolled back"]
    assert done["line"].endswith("cannot be landed (OSError: [Errno 28] No space left on device)")
    assert [c.key for c in told if not c.is_well] == ["log.landing"]


def test_what_a_service_is_still_writing_counts_at_once(door, tags, told) -> None:
    """Its file is taken from it, and it goes on in another."""
    log = PredictionLog(door.state.predictions, "1", close_after_seconds=300, capacity_rows=100)
    try:
        log.add([ROW._replace(prediction_id="first", version=tags[0])])
        wait_for(lambda: list(door.state.predictions.glob("*-1.jsonl.open")))
        assert after(door, 1)["log"]["predictions"]["accepted"] >= 1
        log.add([ROW._replace(prediction_id="second", version=tags[0])])
    finally:
        assert log.close() == 0
    assert after(door, 1)["log"]["predictions"]["accepted"] == 1


def wait_for(happens, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_probation_that_cannot_be_judged_keeps_no_other_from_it(door, tags, told, monkeypatch) -> None:
    churn = [version(cycle_of(door, f"2017-12-{day}"), "churn") for day in ("04", "11")]
    for tag in (tags[1], churn[1]):
        promote(door, tag, "looks better")
    real = probation.before_and_after

    def broken(state, keys, model, *others, **more):
        return full_disk() if model == "ctr" else real(state, keys, model, *others, **more)

    monkeypatch.setattr(probation, "before_and_after", broken)
    done = after(door, 1)
    assert sorted((found["model"], found["action"]) for found in done["probation"]) == [
        ("churn", "stays"),
        ("ctr", "failed"),
    ]
    assert [(c.key, c.severity) for c in told if not c.is_well] == [("probation.ctr", "critical")]


def test_while_a_cycle_runs_it_waits_and_then_leaves_it_to_the_next_hour(door: Door) -> None:
    with door.state.lock():
        done = evaluate_patiently(with_settings(door, patience_seconds=0))
    assert "another cycle is running" in done["line"]
    assert "no experiment is running" in evaluate_patiently(door)["line"]


def test_the_command_says_what_was_found(door: Door, tags, monkeypatch) -> None:
    def aimloop(*words: str):
        done = CliRunner().invoke(app, words, env={"AIMLOOP_STATE": str(door.state.root), "COLUMNS": "160"})
        assert done.exit_code == 0, done.output
        return done.stdout

    monkeypatch.setenv("BENTOML_HOME", str(door.state.bentoml))  # commands set homes: they are put back
    monkeypatch.setenv("PREFECT_HOME", str(door.state.prefect))
    assert "No experiment is running" in aimloop("evaluate")
    start_experiment(door, tags[1], None, "passed its gate")
    traffic(door, "shadow", NOW, {"champion": 0.2}, None, tags)
    assert "scored 1,200 rows" not in aimloop("evaluate")
    assert "in the shadow for 0.0 of 1 days" in aimloop("evaluate")
    shown = aimloop("experiments")
    assert "next: 0.05 of the customers in 1.0 days and 100 requests scored, if it does no harm" in shown
    assert "looked at 2018-01-01 05:00 UTC: in the shadow" in shown
    listed = json.loads(aimloop("experiments", "--json"))["experiments"][0]
    assert listed["last_evaluation"]["action"] == "stay"
    assert json.loads(aimloop("evaluate", "--json"))["experiments"][0]["model"] == "ctr"
    assert Promotions(door.ledger).reigns("ctr")[0].tag == tags[0]
