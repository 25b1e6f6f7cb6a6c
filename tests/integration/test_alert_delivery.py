"""Alerts through real Prefect blocks: receivers on this machine hear of an incident once, and hear of it at last."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.context import Door
from infra.deliveries import Deliveries
from infra.incidents import Delivery, Incidents
from monitoring.alerts import News
from tests import small_state
from tests.integration.alert_examples import DRIFT, WELL, at, telling
from tests.integration.receivers import Receiver
from tests.services import free_port

SECRET = "a-token-that-nobody-may-see"


@pytest.fixture
def door(quiet_door: Door, receiver: Receiver) -> Door:
    """A door that tells the receiver."""
    return telling(quiet_door, webhook_block(receiver.url))


def webhook_block(url: str, name: str = "on-call", timeout: float = 10) -> str:
    from prefect.blocks.core import Block

    from flows.notification import save_webhook

    full = save_webhook(name, f"{url}/{SECRET}", SECRET, is_replacement=True)
    block = cast(Any, Block).load(full)
    assert SECRET not in repr(block)
    if timeout != 10:
        block.timeout = timeout
        block.save(name, overwrite=True)
    return full


def deliveries(door: Door) -> list[Delivery]:
    """Of the first incident, of all messages."""
    return [each for told in Incidents(door.ledger).all()[-1].messages for each in told.deliveries]


def test_an_incident_from_its_beginning_to_its_end(door: Door, receiver: Receiver) -> None:
    for hours, condition in ((0, DRIFT), (1, DRIFT), (23, DRIFT), (24, DRIFT), (25, DRIFT), (50, WELL), (51, WELL)):
        at(hours, door, condition, news=(News("promoted.churn:b", "churn:b is champion"),))
    assert [document["subject"] for document in receiver.documents] == [
        "[aimloop] WARNING: drift in ctr",
        "[aimloop] churn:b is champion",
        "[aimloop] still WARNING after 1 d: drift in ctr",
        "[aimloop] resolved after 2 d 2 h: drift in ctr",
    ]
    assert "  1. price moved by 0.6 σ\n  2. b\n  3. c\n  and 1 more\n" in receiver.documents[0]["body"]
    assert {headers["Authorization"] for headers in receiver.headers} == {f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("500", "it answered 500"),
        ("refused", "it could not be reached (ConnectError)"),
        ("slow", "no answer in time"),
        ("gone", "there is no such block: `aimloop alerts add` makes one"),
        ("another kind", "that block is not one that notifies"),
    ],
)
def test_what_fails_is_noted_and_tried_again_and_the_flow_goes_on(
    quiet_door: Door, receiver: Receiver, logged: list[str], trouble: str, why: str
) -> None:
    from prefect import flow
    from prefect.blocks.system import Secret

    block = webhook_block(receiver.url, f"on-call-{trouble.replace(' ', '-')}", 0.5 if trouble == "slow" else 10)
    if trouble == "refused":
        block = webhook_block(f"http://127.0.0.1:{free_port()}", "on-call-refused")
    if trouble == "another kind":
        Secret(value=SECRET).save("on-call", overwrite=True)  # type: ignore[unused-coroutine]
    receiver.status, receiver.seconds = (500 if trouble == "500" else 200), (2 if trouble == "slow" else 0)
    named = {"gone": "slack-webhook/nobody", "another kind": "secret/on-call"}.get(trouble, block)
    broken = telling(quiet_door, named)

    @flow
    def watch() -> str:
        return str(at(0, broken, DRIFT)["failed"][named])

    assert watch() == why
    again = at(1, broken, DRIFT)
    assert (again["kept"], again["failed"], again["waiting"]) == (["drift.ctr"], {named: why}, 1)
    assert [(each.failure, each.tries, each.sent_at) for each in deliveries(broken)] == [(why, 2, None)]
    assert [line for line in logged if why in line]
    assert [line for line in logged if SECRET in line] == []
    assert SECRET.encode() not in quiet_door.state.ledger.read_bytes()

    receiver.status, receiver.seconds, receiver.documents = 200, 0, []
    if trouble in ("500", "slow"):
        assert at(2, broken, DRIFT)["sent"] == 1
        assert [document["subject"] for document in receiver.documents] == ["[aimloop] WARNING: drift in ctr"]
        assert [(each.failure, each.tries) for each in deliveries(broken)] == [(None, 3)]


def test_a_broken_block_keeps_nobody_else_from_hearing_and_is_not_reminded(
    quiet_door: Door, receiver: Receiver
) -> None:
    broken = webhook_block(f"http://127.0.0.1:{free_port()}", "broken")
    door = telling(quiet_door, broken, webhook_block(receiver.url))
    for hours in (0, 24, 48):
        at(hours, door, DRIFT, replace(DRIFT, key="drift.churn", headline="drift in churn"))
    assert len(receiver.documents) == 6
    waiting = [each for each in deliveries(door) if each.block == broken]
    assert [(each.tries, each.sent_at) for each in waiting] == [(3, None)]
    (other,) = Incidents(door.ledger).all()[0].messages[0].deliveries[:1]
    assert (other.block, other.tries) == (broken, 0)  # one that failed is left alone until the next announcement


def test_of_two_announcers_at_once_people_hear_once(door: Door, receiver: Receiver) -> None:
    receiver.seconds = 0.3
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(at, 0, door, DRIFT) for _ in range(2)]
        results = [each.result() for each in done]
    assert sorted(len(result["opened"]) for result in results) == [0, 1]
    assert len(receiver.documents) == 1


def test_a_crash_between_sending_and_noting_sends_twice_and_loses_nothing(
    door: Door, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(Deliveries, "sent", crash)
        at(0, door, DRIFT)
    at(1, door, DRIFT)
    at(2, door, DRIFT)
    assert len(receiver.documents) == 2


def test_slack(quiet_door: Door, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, logged: list[str]) -> None:
    from apprise.plugins.slack import NotifySlack

    from flows.notification import save_slack

    monkeypatch.setattr(NotifySlack, "webhook_url", receiver.url)
    block = save_slack("on-call", "https://hooks.slack.com/services/T1/B2/verysecret", is_replacement=True)
    door = telling(quiet_door, block)
    receiver.status = 500
    assert at(0, door, DRIFT)["failed"] == {"slack-webhook/on-call": "it answered 500"}
    receiver.status = 200
    assert at(1, door, DRIFT)["sent"] == 1
    (document,) = receiver.documents
    assert [line for line in logged if "verysecret" in line] == []
    assert "drift in ctr" in str(document)
    assert "price moved by 0.6" in str(document)


# ── whatever happens ──────────────────────────────────────────────────────────────────────────

TURNS = st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.sets(st.sampled_from("ab"))), min_size=1, max_size=8)


@settings(max_examples=15, deadline=None)
@given(TURNS)
def test_whatever_fails_each_block_hears_all_in_order_and_once(
    tmp_path_factory: pytest.TempPathFactory,
    prefect_server: Mapping[str, str],
    turns: list[tuple[float, bool, set[str]]],
) -> None:
    from flows import notification

    heard: dict[str, list[str]] = {"fake/a": [], "fake/b": []}
    broken: set[str] = set()

    def send(block: str, subject: str, _: str) -> None:
        if block in broken:
            raise notification.NotSentError("broken")
        heard[block].append(subject)

    door = telling(small_state.open_door(tmp_path_factory.mktemp("any") / "state"), *heard)
    hours = 0.0
    with pytest.MonkeyPatch.context() as patch, closing(door.ledger):
        patch.setattr(notification, "send", send)
        for later, is_well, out in [*turns, (1.0, True, set())]:
            hours += later
            broken = {f"fake/{block}" for block in out}
            at(hours, door, WELL if is_well else DRIFT)
        incidents = Incidents(door.ledger).all()
    told = [message for incident in reversed(incidents) for message in incident.messages]
    for block, subjects in heard.items():
        owed = [t.subject for t in told if any(d.block == block and not d.given_up_at for d in t.deliveries)]
        assert subjects == owed
        opened = sum("WARNING: " in subject and "still" not in subject for subject in subjects)
        assert opened == sum("resolved" in subject for subject in subjects)
