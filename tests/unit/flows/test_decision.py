"""Decisions about experiments: acted on and written down together, told to people, and made once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import numpy as np
import pandas as pd
import pytest

from flows import decision
from flows.context import Door, simulated
from flows.evaluate import Evidence, decide
from flows.promote import start_experiment
from infra.audit import verified
from infra.errors import AimloopError
from infra.evaluations import Evaluations
from infra.experiments import Experiment, Experiments
from infra.incidents import Book, Incidents
from infra.loop_contracts import ArmOutcomes, PairedLosses
from infra.promotions import Promotions
from monitoring.experiment import Estimate, ExperimentJudgement
from monitoring.verdict import Verdict
from tests.unit.flows.loop_examples import NOW, cycle_of, version, with_settings

ESTIMATE = Estimate(0.004, 0.001, 0.007, 0.05, 0.054, float("nan"), (800, 200))
WELL = (0, 500)


@pytest.fixture(autouse=True)
def clock():
    with simulated(NOW):
        yield


@pytest.fixture
def tags(door: Door) -> tuple[str, str, str]:
    """Champion, challenger and a third version of ctr."""
    first, second, third = (version(cycle_of(door, f"2017-12-{day}"), "ctr") for day in ("04", "11", "18"))
    return first, second, third


@pytest.fixture
def shadow(door: Door, tags) -> Experiment:
    return start_experiment(door, tags[1], None, "passed its gate")


def heard(door: Door) -> list[str]:
    """The news that people were told, or will be; the first one first."""
    return [told.subject for told in reversed(Incidents(door.ledger).news())]


def running(door: Door) -> Experiment | None:
    return Experiments(door.ledger).running().get("ctr")


def later(door: Door, days: float, evidence: Evidence, experiment: Experiment | None = None) -> dict:
    with simulated(NOW + timedelta(days=days)):
        found = experiment or running(door)
        assert found is not None
        return decide(door, found, evidence)


def judges(monkeypatch, action: str, reason: str = "click_rate +8 %") -> list:
    """Let the judge say so; what it was asked."""
    asked: list = []

    def judge(outcomes, shares, failures, days, rule):
        asked.append((sorted(outcomes), list(shares), failures, days, rule))
        verdicts = (Verdict("experiment.click_rate", np.True_, np.float64(0.004), 0.0, reason),)
        return ExperimentJudgement(action, reason, {"click_rate": ESTIMATE}, verdicts)  # type: ignore[arg-type]

    monkeypatch.setattr(decision, "judge_experiment", judge)
    return asked


def outcomes(**metrics: int) -> dict:
    row = {"pseudonym": ["a"], "step": [1], "variant": ["champion"], "units": [1.0], "reward": [0.0]}
    none = {"before_units": [None], "before_reward": [None]}
    return {name: ArmOutcomes.validate(pd.DataFrame(row | none)) for name in metrics}


CLICKS = outcomes(click_rate=1)


def test_up_the_ramp_to_a_promotion(door: Door, tags, shadow, monkeypatch) -> None:
    asked = judges(monkeypatch, "go on")
    assert later(door, 0.5, Evidence(failures=WELL, answered=500))["action"] == "stay"
    assert later(door, 1, Evidence(failures=WELL, answered=500))["action"] == "raise"
    for days, share in ((4, 0.2), (7, 0.5)):
        found = later(door, days, Evidence(CLICKS, failures=WELL, answered=500))
        assert (found["action"], found["share"]) == ("raise", share)
    assert heard(door) == []
    assert asked[-1][1:4] == ([0.0, 0.05, 0.2], WELL, 6.0)

    judges(monkeypatch, "promote")
    found = later(door, 9, Evidence(CLICKS, failures=WELL, answered=500, notes=("980 of 1,000 predictions count",)))

    assert found["action"] == "promote"
    assert door.ledger.champion("ctr") == tags[1]
    assert running(door) is None
    looks = Evaluations(door.ledger).of(shadow.id)
    assert [look.action for look in looks] == ["stay", "raise", "raise", "raise", "promote"]
    assert looks[-1].estimates["click_rate"] == vars(ESTIMATE) | {"relative": None, "customers": [800, 200]}
    assert looks[-1].notes == ("980 of 1,000 predictions count",)
    entry = door.audit.entries()[-1]
    assert (entry.user, entry.role, entry.action) == ("aimloop", "loop", "promote")
    assert entry.details["because"] == f"experiment {shadow.id}: click_rate +8 %"
    assert "+0.004 (+0.001 to +0.007)" in entry.details["evidence"]["estimates"]
    assert verified(door.audit.entries()).is_intact
    assert heard(door) == [f"[aimloop] {tags[1]} is champion of ctr: it won experiment {shadow.id}"]


@pytest.mark.parametrize(
    ("action", "headline"), [("reject", "the champion of ctr stays"), ("stop for harm", "stopped for harm")]
)
def test_what_is_not_better_ends(door: Door, tags, shadow, monkeypatch, action, headline) -> None:
    judges(monkeypatch, "go on")
    later(door, 1, Evidence(failures=WELL, answered=500))
    judges(monkeypatch, action, "click_rate -8 %")
    found = later(door, 2, Evidence(CLICKS, failures=WELL, answered=500))
    assert found["action"] == "end"
    assert running(door) is None
    assert door.ledger.champion("ctr") == tags[0]
    assert "click_rate -8 %" in Experiments(door.ledger).all()[0].end_reason
    assert headline in heard(door)[0]


def test_a_challenger_that_fails_in_the_shadow_is_stopped(door: Door, shadow) -> None:
    found = later(door, 0.1, Evidence(failures=(90, 1000)))
    assert found["action"] == "end"
    assert "90 of 1,000" in found["reason"]
    assert "stopped for harm" in heard(door)[0]


def test_guardrails_of_which_nothing_is_reported_are_left_out(door: Door, shadow, monkeypatch) -> None:
    asked = judges(monkeypatch, "go on")
    later(door, 1, Evidence(failures=WELL, answered=500))
    later(door, 2, Evidence(outcomes(click_rate=1, conversion=1), failures=WELL, answered=500))
    assert asked[-1][-1].guardrails == ("conversion",)


def test_the_shadow_counts_as_run_time(door: Door, shadow, monkeypatch) -> None:
    """Else a cycle every four weeks would find each experiment running still, and its candidate would wait for good."""
    asked = judges(monkeypatch, "go on")
    later(door, 1, Evidence(failures=WELL, answered=500))
    later(door, 28, Evidence(CLICKS, failures=WELL, answered=500))
    *_, days, rule = asked[-1]
    assert (days, rule.max_days) == (27, 27)


def test_without_traffic_no_share_is_raised_and_the_place_is_free_in_the_end(door: Door, shadow) -> None:
    later(door, 1, Evidence(failures=WELL, answered=500))
    for days in (4, 12, 27.9):
        found = later(door, days, Evidence(failures=WELL, answered=0))  # all that it was asked was in the shadow
        assert (found["action"], running(door).share) == ("stay", 0.05)
        assert "answered 0 requests at that share, 100 are the least" in found["reason"]
    assert later(door, 28, Evidence(failures=WELL, answered=0))["action"] == "end"
    assert running(door) is None
    assert "nothing is decided after 28 days" in Experiments(door.ledger).all()[0].end_reason
    assert "the champion of ctr stays" in heard(door)[0]


def test_what_nobody_asks_to_score_ends_a_horizon_after_the_most_days(door: Door) -> None:
    _, second = (version(cycle_of(door, f"2017-12-{day}"), "churn") for day in ("04", "11"))
    experiment = start_experiment(door, second, None, "passed its gate")
    assert later(door, 56 + 28 - 0.1, Evidence(), experiment)["action"] == "stay"
    found = later(door, 56 + 28, Evidence(), experiment)
    assert (found["action"], found["reason"]) == (
        "end",
        "nothing is decided after 84 days, 84 are the most: nothing is known yet of what it scored",
    )


def test_where_both_score_every_row_the_horizon_passes_first(door: Door, monkeypatch) -> None:
    _, second = (version(cycle_of(door, f"2017-12-{day}"), "churn") for day in ("04", "11"))
    experiment = start_experiment(door, second, None, "passed its gate")
    asked: list = []

    def judge(losses, days, rule):
        asked.append((len(losses), days, rule.min_days, rule.max_days))
        return ExperimentJudgement("promote", "log-loss surely less", {}, ())

    monkeypatch.setattr(decision, "judge_paired", judge)
    assert later(door, 50, Evidence(failures=WELL, answered=500), experiment)["action"] == "stay"
    losses = pd.DataFrame({"pseudonym": ["a"], "weight": [1.0], "champion_loss": [0.2], "challenger_loss": [0.1]})
    found = later(door, 64, Evidence(losses=PairedLosses.validate(losses), failures=WELL, answered=500), experiment)
    assert found["action"] == "promote"
    assert asked == [(1, 64.0, 56 + 7, 56 + 28)]
    assert door.ledger.champion("churn") == second


def test_the_same_look_twice_is_one(door: Door, shadow, monkeypatch) -> None:
    """Killed after the transaction, and done again at the same instant."""
    judges(monkeypatch, "go on")
    assert later(door, 1, Evidence(failures=WELL, answered=500))["action"] == "raise"
    later(door, 1, Evidence(failures=WELL, answered=500))
    assert [step.share for step in running(door).steps] == [0.0, 0.05]
    assert [look.action for look in Evaluations(door.ledger).of(shadow.id)] == ["raise"]


def test_what_is_killed_within_the_transaction_was_never_begun(door: Door, shadow, monkeypatch) -> None:
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Evaluations, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            later(door, 1, Evidence(failures=WELL, answered=500))
    assert running(door) == shadow
    assert len(door.audit.entries()) == 1
    assert later(door, 1, Evidence(failures=WELL, answered=500))["action"] == "raise"


def test_no_promotion_without_its_news(door: Door, tags, shadow, monkeypatch) -> None:
    judges(monkeypatch, "go on")
    later(door, 1, Evidence(failures=WELL, answered=500))
    judges(monkeypatch, "promote")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Book, "say", killed)
        with pytest.raises(KeyboardInterrupt):
            later(door, 3, Evidence(CLICKS, failures=WELL, answered=500))
    assert door.ledger.champion("ctr") == tags[0]
    later(door, 3, Evidence(CLICKS, failures=WELL, answered=500))
    assert (door.ledger.champion("ctr"), len(heard(door))) == (tags[1], 1)


def test_what_people_decided_meanwhile_stays(door: Door, tags, shadow, monkeypatch) -> None:
    judges(monkeypatch, "go on")
    later(door, 1, Evidence(failures=WELL, answered=500))
    seen = running(door)
    judges(monkeypatch, "promote")
    Promotions(door.ledger).promote(tags[2], "I know better", NOW + timedelta(days=2), door.audit)
    found = later(door, 3, Evidence(CLICKS, failures=WELL, answered=500), seen)
    assert found["action"] == "overtaken"
    assert f"{tags[2]} is" in found["reason"]
    assert door.ledger.champion("ctr") == tags[2]
    assert [look.action for look in Evaluations(door.ledger).of(shadow.id)] == ["raise"]
    assert heard(door) == []


def test_an_experiment_that_people_ended_is_not_won_any_more(door: Door, tags, shadow, monkeypatch) -> None:
    judges(monkeypatch, "go on")
    later(door, 1, Evidence(failures=WELL, answered=500))
    seen = running(door)
    Experiments(door.ledger).end("ctr", "complaints", NOW + timedelta(days=2), door.audit)
    judges(monkeypatch, "promote")
    found = later(door, 3, Evidence(CLICKS, failures=WELL, answered=500), seen)
    assert found["action"] == "overtaken"
    assert "has ended already" in found["reason"]
    assert door.ledger.champion("ctr") == tags[0]


def test_of_two_promoters_at_once_one_wins_and_the_other_is_told(door: Door, tags, shadow, monkeypatch) -> None:
    judges(monkeypatch, "go on")
    later(door, 1, Evidence(failures=WELL, answered=500))
    judges(monkeypatch, "promote")
    seen, together = running(door), Barrier(2)

    def promoter(days: float) -> str:
        together.wait()
        return later(door, days, Evidence(CLICKS, failures=WELL, answered=500), seen)["action"]

    with ThreadPoolExecutor(2) as pool:
        done = sorted(pool.map(promoter, (3.0, 3.001)))
    assert done == ["overtaken", "promote"]
    assert [look.action for look in Evaluations(door.ledger).of(shadow.id)] == ["raise", "promote"]
    assert [entry.action for entry in door.audit.entries()].count("promote") == 1
    assert door.ledger.champion("ctr") == tags[1]


def test_a_version_that_was_lost_meanwhile_is_not_promoted(door: Door, tags, shadow, monkeypatch) -> None:
    from infra import registry

    judges(monkeypatch, "go on")
    later(door, 1, Evidence(failures=WELL, answered=500))
    judges(monkeypatch, "promote")
    (registry._folder(tags[1]) / "fitted.joblib").write_bytes(b"broken")
    with pytest.raises(AimloopError, match=r"promote was decided .*, but"):
        later(door, 3, Evidence(CLICKS, failures=WELL, answered=500))
    assert running(door) is not None  # the folder may come back
    found = later(door, 28, Evidence(CLICKS, failures=WELL, answered=500))
    assert found["action"] == "end"
    assert found["reason"].endswith("28 days are over")
    assert running(door) is None
    assert door.ledger.champion("ctr") == tags[0]
    assert heard(door) == ["[aimloop] Experiment 1 ended: the champion of ctr stays"]


def test_settings_are_what_decides(door: Door, shadow, monkeypatch) -> None:
    quick = with_settings(door, shadow_days=0, step_requests=0, ramp_shares=(0.3,), metric="conversion", guardrails=())
    assert later(quick, 0, Evidence())["share"] == 0.3
    asked = judges(monkeypatch, "go on")
    later(quick, 1, Evidence(outcomes(conversion=1)))
    assert (asked[0][-1].metric, asked[0][-1].guardrails) == ("conversion", ())
