"""Retraining: asked once, told to the automation where there is one, else done at once; answered by any cycle."""

import sys
from datetime import datetime
from types import SimpleNamespace

import pytest
from filelock import FileLock

from flows import retrain as story
from flows.context import Cycle, Door, simulated
from flows.retrain import answer_requests, left_to, react
from infra.evaluations import Challenge, Evaluations
from infra.incidents import Incidents
from infra.retrainings import Retrainings
from tests.unit.flows.loop_examples import NOW, cycle_of, version


@pytest.fixture
def cycles(door: Door, monkeypatch) -> list[Cycle]:
    """What has run; a run of the cycle is one with a new version of ctr, which answers what is open."""
    ran: list[Cycle] = []

    def cycle() -> dict:
        this = cycle_of(door, f"2017-12-{4 + 7 * len(ran):02d}")
        tag = version(this, "ctr")
        Evaluations(door.ledger).write(Challenge(tag, "ctr", NOW, "rejected", "no better"))
        answer_requests(this)
        ran.append(this)
        return {"cycle": {"id": this.id}}

    monkeypatch.setitem(sys.modules, "flows.cycle", SimpleNamespace(cycle=cycle))  # the real one takes long to import
    monkeypatch.setattr(story, "open_door", lambda: door)
    monkeypatch.setattr(story, "learned_already", lambda _: None)
    monkeypatch.setattr(story, "retrain", story.retrain.fn)
    monkeypatch.setattr(story, "create_markdown_artifact", lambda **_: None)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return ran


@pytest.fixture
def server(monkeypatch) -> list[dict]:
    """A server that lasts; events that were emitted."""
    events: list[dict] = []
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    monkeypatch.setattr("prefect.events.emit_event", lambda event, **facts: events.append({"event": event} | facts))
    return events


def ask(door: Door, reason: str = "clicks drifted", model: str = "ctr") -> dict:
    Retrainings(door.ledger).ask(model, reason, {"distance": 0.4}, NOW)
    return react(door)[model]


def test_without_a_server_it_is_done_at_once(door: Door, cycles: list[Cycle]) -> None:
    found = ask(door)
    assert found["how"] == "direct"
    (request,) = Retrainings(door.ledger).all()
    assert (request.reason, request.evidence, request.cycle_id) == ("clicks drifted", {"distance": 0.4}, cycles[0].id)
    assert request.outcome == f"ctr:{cycles[0].id} rejected (no better)"
    assert request.outcome in found["line"]
    ask(door)
    assert len(cycles) == 2
    assert react(door) == {}  # all is answered


def test_where_a_server_lasts_its_automation_is_told(door: Door, cycles: list[Cycle], server: list[dict]) -> None:
    assert ask(door)["how"] == "event"
    (event,) = server
    assert (event["event"], event["resource"]["prefect.resource.id"]) == ("aimloop.drift", "aimloop.model.ctr")
    assert event["payload"] == {"model": "ctr", "reason": "clicks drifted", "request": 1}
    assert not cycles
    assert story.retrain()["models"] == ["ctr"]  # as the automation starts it
    assert Retrainings(door.ledger).open() == []


def test_asked_twice_the_first_reason_is_kept_and_a_lost_event_comes_again(door, cycles, server) -> None:
    ask(door)
    assert ask(door, "still")["how"] == "event"
    assert [request.reason for request in Retrainings(door.ledger).open()] == ["clicks drifted"]
    assert len(server) == 2


def test_while_it_runs_another_request_is_folded_into_it(door, cycles, server) -> None:
    with FileLock(door.state.root / "retrain.lock"):
        Retrainings(door.ledger).begin(NOW)
        assert ask(door)["how"] == ask(door, "lapse", model="churn")["how"] == "folded"
        assert "running already" in story.retrain()["line"]
    assert not server
    assert not cycles


def test_a_retraining_that_was_killed_is_not_being_done_for_ever(door, cycles, server) -> None:
    """It had begun, and its lock went with it: the event comes again, and whoever answers takes it up."""
    ask(door)
    Retrainings(door.ledger).begin(NOW)  # killed here
    assert react(door)["ctr"]["how"] == "event"
    assert len(server) == 2
    story.retrain()
    assert Retrainings(door.ledger).open() == []
    assert len(cycles) == 1


def test_what_a_running_cycle_asks_for_is_left_to_it(door, cycles, server) -> None:
    """It holds the state's lock: whoever called a retraining there would wait for itself."""
    this = cycle_of(door, "2017-12-04")
    Retrainings(door.ledger).ask("ctr", "clicks drifted", {}, NOW)
    with door.state.lock():
        found = left_to(this)["ctr"]
        assert (found["how"], found["line"]) == (
            "this cycle",
            "ctr is retrained by the cycle that is running: clicks drifted",
        )
    assert not cycles
    assert not server


def test_a_cycle_whose_own_watch_asks_tells_that_its_candidate_does_not_help(door, cycles) -> None:
    """Once, however often it is repeated; of a rejected model that nobody asked for this is not said."""
    this = cycle_of(door, "2017-12-11")
    tags = [version(this, model) for model in ("ctr", "churn")]
    for tag, model in zip(tags, ("ctr", "churn"), strict=True):
        Evaluations(door.ledger).write(Challenge(tag, model, NOW, "rejected", "no better"))
    Retrainings(door.ledger).ask("ctr", "clicks drifted", {}, NOW)
    answer_requests(this)
    answer_requests(this)
    (told,) = Incidents(door.ledger).news()
    assert told.subject == "[aimloop] Retraining ctr does not help: the champion stays"
    assert "clicks drifted" in told.body
    (request,) = Retrainings(door.ledger).all()
    assert request.outcome == f"{tags[0]} rejected (no better)"


def test_where_nothing_has_landed_it_would_learn_the_same(door, cycles, server, monkeypatch) -> None:
    monkeypatch.setattr(story, "learned_already", lambda _: "20171204t000000-12345678")
    found = ask(door)
    assert found["how"] == "nothing new"
    assert "would learn the same" in found["line"]
    (request,) = Retrainings(door.ledger).all()
    assert (request.cycle_id, request.ended_at is not None) == ("20171204t000000-12345678", True)
    assert not cycles
    assert not server


def test_a_cycle_that_runs_answers_what_was_asked(door: Door, cycles: list[Cycle], server) -> None:
    ask(door)
    with door.state.lock():
        impatient = door.settings.model_copy(
            update={"experiments": door.settings.experiments.model_copy(update={"patience_seconds": 0})}
        )
        object.__setattr__(door, "settings", impatient)
        assert "the request waits" in story.retrain()["line"]
    assert len(Retrainings(door.ledger).open()) == 1
    answer_requests(cycle_of(door, "2017-12-11"))
    (request,) = Retrainings(door.ledger).all()
    assert "no version of ctr could be trained" in str(request.outcome)
    assert story.retrain() == {"line": "nobody asks for retraining"}


def test_in_a_replay_the_world_outside_hears_nothing(door: Door, cycles: list[Cycle], server: list[dict]) -> None:
    with simulated(datetime(2017, 6, 4)):
        assert ask(door)["how"] == "waits"
    assert not server
    assert not cycles
    assert len(Retrainings(door.ledger).open()) == 1
