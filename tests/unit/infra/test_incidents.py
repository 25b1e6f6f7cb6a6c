"""Incidents and deliveries in the ledger: at most one open of a key, news once, nothing said is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy.exc import IntegrityError

from infra.deliveries import GIVE_UP_AFTER, Deliveries
from infra.incidents import Facts, Incidents
from infra.ledger import Ledger
from infra.state import State

NOON = datetime(2017, 5, 7, 12)
FACTS = Facts("warning", "drift in ctr", ("price", "hour"), "/reports/drift-ctr.html")
BLOCKS = ("slack-webhook/a", "email/b")


@pytest.fixture
def ledger(state: State) -> Iterator[Ledger]:
    with closing(Ledger(state.ledger)) as ledger:
        yield ledger


def open_one(ledger: Ledger, now: datetime = NOON, blocks: tuple[str, ...] = BLOCKS) -> None:
    with Incidents(ledger).book(now, blocks) as book:
        book.open("drift.ctr", FACTS)
        book.say_of("drift.ctr", "opened", "drift", "why")


def test_an_incident_is_written_down_with_what_was_said(ledger: Ledger) -> None:
    open_one(ledger)
    with Incidents(ledger).book(NOON + timedelta(days=1), BLOCKS) as book:
        book.say_of("drift.ctr", "resolved", "over", "now well")
        book.close("drift.ctr")
    (incident,) = Incidents(ledger).all()
    assert (incident.key, incident.severity, incident.headline) == ("drift.ctr", "warning", "drift in ctr")
    assert incident.reasons == ("price", "hour")
    assert (incident.opened_at, incident.closed_at) == (NOON, NOON + timedelta(days=1))
    assert [(told.kind, [d.block for d in told.deliveries]) for told in incident.messages] == [
        ("opened", ["email/b", "slack-webhook/a"]),
        ("resolved", ["email/b", "slack-webhook/a"]),
    ]
    assert Incidents(ledger).all(since=NOON + timedelta(days=2)) == []


def test_of_a_key_one_is_open_and_after_it_another_may_be(ledger: Ledger) -> None:
    open_one(ledger)
    with pytest.raises(IntegrityError), Incidents(ledger).book(NOON, BLOCKS) as book:
        book.open("drift.ctr", FACTS)
    with Incidents(ledger).book(NOON, BLOCKS) as book:
        book.close("drift.ctr")
    open_one(ledger)
    assert [incident.closed_at for incident in Incidents(ledger).all()] == [None, NOON]


def test_of_two_announcers_at_once_one_opens_and_the_other_finds_it_open(ledger: Ledger) -> None:
    Incidents(ledger)
    both = Barrier(2)

    def announce() -> bool:
        both.wait()
        with Incidents(ledger).book(NOON, BLOCKS) as book:
            is_first = "drift.ctr" not in book.standing()
            if is_first:
                book.open("drift.ctr", FACTS)
        return is_first

    with ThreadPoolExecutor(2) as pool:
        firsts = [pool.submit(announce) for _ in range(2)]
        assert sorted(first.result() for first in firsts) == [False, True]


def test_what_fails_half_way_is_not_written_at_all(ledger: Ledger) -> None:
    with suppress(ZeroDivisionError), Incidents(ledger).book(NOON, BLOCKS) as book:
        book.open("drift.ctr", FACTS)
        book.say_of("drift.ctr", "opened", "drift", "why")
        raise ZeroDivisionError
    assert Incidents(ledger).all() == []
    assert Deliveries(ledger).waiting(BLOCKS, NOON) == []


def test_the_same_news_are_told_once(ledger: Ledger) -> None:
    for subject, identity, is_told in (("first", "1", True), ("again", "1", False), ("other", "2", True)):
        with Incidents(ledger).book(NOON, BLOCKS) as book:
            assert book.say(identity, subject, "why") is is_told
    assert [told.subject for told in Incidents(ledger).news()] == ["other", "first"]


def test_what_was_not_sent_waits_and_says_why(ledger: Ledger) -> None:
    open_one(ledger)
    deliveries = Deliveries(ledger)
    mail, slack = deliveries.waiting(BLOCKS, NOON)
    deliveries.sent(slack, NOON)
    deliveries.failed(mail, "it answered 500")
    deliveries.failed(mail, "no answer in time")
    assert deliveries.waiting(BLOCKS, NOON) == [mail]
    assert deliveries.waiting(("slack-webhook/a",), NOON) == []  # a block that is not named any more is not asked
    ((told,),) = (incident.messages for incident in Incidents(ledger).all())
    assert [(d.block, d.sent_at, d.tries, d.failure) for d in told.deliveries] == [
        ("email/b", None, 2, "no answer in time"),
        ("slack-webhook/a", NOON, 1, None),
    ]


def test_hours_until_a_reminder_count_from_when_people_heard(ledger: Ledger) -> None:
    open_one(ledger, blocks=("email/b",))
    deliveries, later = Deliveries(ledger), NOON + timedelta(hours=30)
    with Incidents(ledger).book(later, ("email/b",)) as book:
        assert book.unaware("drift.ctr") == {"email/b"}
    deliveries.sent(deliveries.waiting(BLOCKS, later)[0], later)
    with Incidents(ledger).book(later, BLOCKS) as book:
        assert book.unaware("drift.ctr") == set()
        assert book.standing()["drift.ctr"].last_told_at == later


def test_what_has_waited_too_long_is_given_up(ledger: Ledger) -> None:
    open_one(ledger)
    deliveries = Deliveries(ledger)
    assert len(deliveries.waiting(BLOCKS, NOON + GIVE_UP_AFTER)) == 2
    late = NOON + GIVE_UP_AFTER + timedelta(seconds=1)
    assert deliveries.waiting(BLOCKS, late) == []
    (told,) = Incidents(ledger).all()[0].messages
    assert {delivery.given_up_at for delivery in told.deliveries} == {late}
