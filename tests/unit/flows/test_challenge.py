"""What becomes of candidates: tried, promoted by their gate, rejected or left alone; once, whatever is killed when."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from flows.challenge import after_an_end_by_hand, challenge_all, start_waiting
from flows.context import Door, now, simulated
from flows.promote import promote, start_experiment
from infra.evaluations import Evaluation, Evaluations
from infra.experiments import Experiments
from infra.incidents import Book, Incidents
from infra.retrainings import Retrainings
from tests.small_state import TAG
from tests.unit.flows.loop_examples import FAILED, NOW, PASSED, cycle_of, judged, version, with_settings


@pytest.fixture(autouse=True)
def clock():
    with simulated(NOW):
        yield


def with_candidate(door: Door, model: str, gate: dict | None = PASSED):
    """A champion, and a later cycle with a candidate; the cycle and both tags."""
    champion = version(cycle_of(door, "2017-11-06"), model)
    cycle = cycle_of(door, "2017-12-04")
    return cycle, champion, version(cycle, model, judged(champion, gate) if gate else {"champion": champion})


def actions(door: Door) -> list[tuple[str, str, str]]:
    return [(entry.user, entry.role, entry.action) for entry in door.audit.entries()]


@pytest.mark.parametrize("model", ["ctr", "churn", "clv"])
def test_a_candidate_that_passed_is_tried_in_the_shadow_first(door: Door, model: str) -> None:
    cycle, champion, candidate = with_candidate(door, model)
    (found,) = challenge_all(cycle)
    (experiment,) = Experiments(door.ledger).all()
    assert (experiment.champion, experiment.challenger, experiment.is_shadow) == (champion, candidate, True)
    assert (found.decision, found.experiment_id) == ("experiment", experiment.id)
    assert experiment.reason == "passed its gate: log-loss -2 %"
    (entry,) = door.audit.entries()
    assert (entry.user, entry.role, entry.action) == ("aimloop", "loop", "experiment started")
    assert entry.details["evidence"]["gate"]["difference"] == PASSED["difference"]
    assert door.ledger.champion(model) == champion


def test_segments_are_promoted_by_their_gate(door: Door) -> None:
    cycle = cycle_of(door, "2017-12-11")
    candidate = version(cycle, "segmentation", judged(TAG, PASSED))
    (found,) = challenge_all(cycle)
    assert found.decision == "promoted"
    assert door.ledger.champion("segmentation") == candidate
    assert Experiments(door.ledger).all() == []
    (entry,) = door.audit.entries()
    assert (entry.role, entry.action, entry.details["instead_of"]) == ("loop", "promote", TAG)
    assert entry.details["evidence"]["gate"]["gate.loss"] == "log-loss -2 %"
    assert challenge_all(cycle) == []  # it is no candidate any more


def test_segments_that_were_compared_with_another_champion_are_left_alone(door: Door) -> None:
    cycle = cycle_of(door, "2017-12-11")
    candidate = version(cycle, "segmentation", judged("segmentation:older", PASSED))
    (found,) = challenge_all(cycle)
    assert found.decision == "left alone"
    assert f"{TAG} is, since" in found.reason
    assert door.ledger.champion("segmentation") == TAG != candidate


def test_a_rejected_candidate_is_written_down_with_its_reasons(door: Door) -> None:
    cycle, _, candidate = with_candidate(door, "ctr", FAILED)
    (found,) = challenge_all(cycle)
    assert (found.decision, found.reason) == ("rejected", "not expected to be better")
    assert Experiments(door.ledger).all() == []
    (entry,) = door.audit.entries()
    assert (entry.action, entry.details["version"]) == ("candidate rejected", candidate)
    assert entry.details["because"] == "not expected to be better"


def test_nothing_is_done_twice(door: Door) -> None:
    cycle, _, _ = with_candidate(door, "ctr")
    first = challenge_all(cycle)
    Experiments(door.ledger).end("ctr", "people have seen enough", NOW, door.audit)
    assert challenge_all(cycle) == first
    assert len(Experiments(door.ledger).all()) == 1


def test_killed_before_all_is_written_down_nothing_has_begun(door: Door, monkeypatch) -> None:
    cycle, _, candidate = with_candidate(door, "ctr")
    with killed(monkeypatch), pytest.raises(KeyboardInterrupt):
        challenge_all(cycle)
    assert Experiments(door.ledger).all() == []
    (found,) = challenge_all(cycle)
    assert (found.decision, found.tag, found.experiment_id) == ("experiment", candidate, 1)
    assert challenge_all(cycle) == [found]
    assert heard(door) == [f"[aimloop] {candidate} is tried in the shadow of the champion (experiment 1)"]


@contextmanager
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within, whoever writes news down, which comes last, is killed."""

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Book, "say", kill)
        yield


def heard(door: Door) -> list[str]:
    return [told.subject for told in reversed(Incidents(door.ledger).news())]


def test_while_one_is_tried_the_next_waits(door: Door) -> None:
    with_candidate(door, "ctr")
    cycle, champion, candidate = cycle_of(door, "2017-12-11"), door.ledger.champion("ctr"), None
    assert champion is not None
    other = next(v.tag for v in door.ledger.versions() if v.model == "ctr" and not v.is_champion)
    start_experiment(door, other, 0.1, "by hand")
    candidate = version(cycle, "ctr", judged(champion, PASSED))
    (found,) = challenge_all(cycle)
    assert (found.tag, found.decision) == (candidate, "waits")
    assert f"experiment 1 with {other} runs" in found.reason
    assert len(Experiments(door.ledger).all()) == 1


def waiting(door: Door) -> tuple[str, str]:
    """A candidate that waits for the experiment of an older one to end; both."""
    with_candidate(door, "ctr")
    other = next(v.tag for v in door.ledger.versions() if v.model == "ctr" and not v.is_champion)
    start_experiment(door, other, 0.1, "by hand")
    cycle, champion = cycle_of(door, "2017-12-11"), door.ledger.champion("ctr")
    candidate = version(cycle, "ctr", judged(str(champion), PASSED))
    assert challenge_all(cycle)[0].decision == "waits"
    return other, candidate


def decided(door: Door, reason: str) -> None:
    """The loop itself ends the running experiment of ctr: a look, and what it led to."""
    look = Evaluation(Experiments(door.ledger).running()["ctr"].id, now(), "end", None, reason, {}, ())

    def beside(session: Session) -> dict:
        Evaluations(door.ledger).add(session, look)
        return {}

    Experiments(door.ledger).end("ctr", reason, look.at, door.own_audit, beside=beside)


def test_whoever_waited_is_tried_once_the_place_is_free(door: Door) -> None:
    _, candidate = waiting(door)
    assert start_waiting(door) == []  # the other one runs
    decided(door, "harm")
    (found,) = start_waiting(door)
    assert (found.tag, found.decision, found.experiment_id) == (candidate, "experiment", 2)
    assert Evaluations(door.ledger).challenge(candidate) == found
    assert Experiments(door.ledger).running()["ctr"].challenger == candidate
    decided(door, "not better")
    assert start_waiting(door) == []  # it had its turn


def test_where_people_ended_what_it_waited_for_nobody_is_tried_by_itself(door: Door) -> None:
    _, candidate = waiting(door)
    Experiments(door.ledger).end("ctr", "legal: no tests this month", NOW, door.audit)
    assert start_waiting(door) == []
    assert Evaluations(door.ledger).challenge(candidate).decision == "waits"
    start_experiment(door, candidate, None, "legal agrees")  # by hand it may be
    assert Experiments(door.ledger).running()["ctr"].challenger == candidate
    Experiments(door.ledger).end("ctr", "legal does not", NOW, door.audit)
    assert len(after_an_end_by_hand(door, "ctr")) == 1  # it had its turn and waits no more


def test_an_end_by_people_after_a_look_of_the_loop_is_theirs(door: Door) -> None:
    waiting(door)
    running = Experiments(door.ledger).running()["ctr"]
    Evaluations(door.ledger).write(Evaluation(running.id, NOW, "stay", None, "nothing yet", {}, ()))
    Experiments(door.ledger).end("ctr", "complaints", NOW, door.audit)
    assert start_waiting(door) == []


def test_who_began_to_wait_after_people_ended_one_waits_for_something_else(door: Door) -> None:
    """For a setting that has been changed since: experiments are not started by hand any more."""
    waiting(door)
    Experiments(door.ledger).end("ctr", "complaints", NOW, door.audit)
    with simulated(NOW + timedelta(days=7)):
        cycle = cycle_of(with_settings(door, start="by hand"), "2017-12-18")
        later = version(cycle, "ctr", judged(str(door.ledger.champion("ctr")), PASSED))
        assert challenge_all(cycle)[0].decision == "waits"
        (found,) = start_waiting(door)
    assert (found.tag, found.decision) == (later, "experiment")


def test_whoever_was_compared_with_another_champion_waits_for_good(door: Door) -> None:
    other, candidate = waiting(door)
    promote(door, other, "it won")
    assert start_waiting(door) == []
    assert Evaluations(door.ledger).challenge(candidate).decision == "waits"


def test_of_those_that_wait_only_the_newest_is_tried(door: Door) -> None:
    _, candidate = waiting(door)
    later = cycle_of(door, "2017-12-18")
    rejected = version(later, "ctr", judged(str(door.ledger.champion("ctr")), FAILED))
    challenge_all(later)
    decided(door, "harm")
    assert start_waiting(door) == []  # a newer one was rejected: the older would not be better
    assert Evaluations(door.ledger).challenge(rejected).decision == "rejected"
    assert Evaluations(door.ledger).challenge(candidate).decision == "waits"


def test_killed_while_it_is_started_it_is_started_by_the_next_hour(door: Door, monkeypatch) -> None:
    _, candidate = waiting(door)
    decided(door, "harm")
    with killed(monkeypatch), pytest.raises(KeyboardInterrupt):
        start_waiting(door)
    assert len(Experiments(door.ledger).all()) == 1
    (found,) = start_waiting(door)
    assert (found.tag, found.experiment_id) == (candidate, 2)


def test_one_that_people_have_tried_meanwhile_is_not_tried_again(door: Door) -> None:
    _, candidate = waiting(door)
    decided(door, "harm")
    start_experiment(door, candidate, None, "I am quicker")
    decided(door, "not better")
    assert start_waiting(door) == []
    assert Evaluations(door.ledger).challenge(candidate).experiment_id == 2
    assert len(Experiments(door.ledger).all()) == 2


def test_where_people_start_experiments_nothing_is_started_for_them(door: Door) -> None:
    waiting(door)
    decided(door, "harm")
    assert start_waiting(with_settings(door, start="by hand")) == []


def test_people_start_it_where_the_settings_say_so(door: Door) -> None:
    cycle, _, _ = with_candidate(with_settings(door, start="by hand"), "ctr")
    (found,) = challenge_all(cycle)
    assert found.decision == "waits"
    assert "by hand" in found.reason
    assert Experiments(door.ledger).all() == []


def test_a_cycle_that_looks_back_starts_nothing(door: Door) -> None:
    champion = version(cycle_of(door, "2017-12-04"), "ctr")
    back = cycle_of(door, "2017-11-06")
    version(back, "ctr", judged(champion, PASSED))
    (found,) = challenge_all(back)
    assert (found.decision, "looks back" in found.reason) == ("left alone", True)
    assert Experiments(door.ledger).all() == []


def test_one_that_was_not_compared_is_left_alone(door: Door) -> None:
    cycle, _, _ = with_candidate(door, "ctr", None)
    (found,) = challenge_all(cycle)
    assert (found.decision, found.reason) == ("left alone", "there is nothing to compare it with")


def test_one_that_cannot_be_loaded_is_not_tried(door: Door) -> None:
    from infra import registry

    cycle, _, candidate = with_candidate(door, "ctr")
    (registry._folder(candidate) / "fitted.joblib").write_bytes(b"broken")
    (found,) = challenge_all(cycle)
    assert found.decision == "left alone"
    assert "cannot be read" in found.reason


def test_the_salt_can_be_given(door: Door) -> None:
    cycle, _, candidate = with_candidate(door, "ctr")
    challenge_all(cycle, salt=lambda tag: f"salt of {tag}")
    assert Experiments(door.ledger).running()["ctr"].salt == f"salt of {candidate}"


def test_retraining_that_does_not_help_is_told(door: Door) -> None:
    cycle, _, _ = with_candidate(door, "ctr", FAILED)
    Retrainings(door.ledger).ask("ctr", "clicks drifted", {}, NOW)
    challenge_all(cycle)
    (news,) = Incidents(door.ledger).news()
    assert news.subject == "[aimloop] Retraining ctr does not help: the champion stays"
    assert "not expected to be better" in news.body
    assert "it was retrained because of: clicks drifted" in news.body
