"""The audit trail: what is recorded, that it is only added to, and that an edit shows."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from infra.audit import BEGINNING, Audit, verified
from infra.errors import AimloopError
from infra.ledger import Ledger
from infra.state import State

NOW = datetime(2018, 1, 1, 12)


@pytest.fixture
def audit(state: State) -> Iterator[Audit]:
    with closing(Ledger(state.ledger)) as ledger:
        yield Audit(ledger, user="ada", role="marketer")


@pytest.fixture
def tamper(state: State) -> Callable[[str], None]:
    """Change the trail behind its back."""

    def execute(sql: str) -> None:
        with closing(sqlite3.connect(state.ledger)) as connection, connection:
            connection.execute("DROP TRIGGER IF EXISTS audit_refuses_update")
            connection.execute("DROP TRIGGER IF EXISTS audit_refuses_delete")
            connection.execute(sql)

    return execute


def test_an_entry_says_who_did_what_when(audit: Audit) -> None:
    digest = audit.record("audience", {"written": 3, "where": "true"}, NOW)

    (entry,) = audit.entries()
    assert (entry.position, entry.recorded_at, entry.user, entry.role) == (1, NOW, "ada", "marketer")
    assert (entry.action, entry.details) == ("audience", {"written": 3, "where": "true"})
    assert (entry.digest, entry.is_intact) == (digest, True)
    assert len(digest) == 64


def test_entries_come_in_the_order_in_which_they_were_added(audit: Audit) -> None:
    digests = [audit.record(action, {}, NOW - timedelta(hours=i)) for i, action in enumerate("abc")]

    assert [(e.action, e.digest, e.is_intact) for e in audit.entries()] == [
        (a, d, True) for a, d in zip("abc", digests, strict=True)
    ]


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE audit SET user = 'bob' WHERE id = 2", [2]),
        ("UPDATE audit SET role = 'analyst' WHERE id = 2", [2]),
        ("UPDATE audit SET action = 'nothing' WHERE id = 2", [2]),
        ("UPDATE audit SET recorded_at = '2018-01-01 13:00:00.000000' WHERE id = 2", [2]),
        ("""UPDATE audit SET details = '{"n": 0}' WHERE id = 2""", [2]),
        ("UPDATE audit SET digest = 'x' WHERE id = 2", [2, 3]),
        ("UPDATE audit SET recorded_at = 'yesterday' WHERE id = 2", [2]),
        ("UPDATE audit SET details = '{' WHERE id = 2", [2]),
        ("UPDATE audit SET details = '3' WHERE id = 2", [2]),
        ("UPDATE audit SET user = x'ff' WHERE id = 2", [2]),
        ("DELETE FROM audit WHERE id = 2", [3]),
        ("DELETE FROM audit WHERE id = 1", [2, 3]),
        (
            "INSERT INTO audit SELECT 4, recorded_at, user, role, action, details, digest, 'made up' FROM audit "
            "WHERE id = 3",
            [4],
        ),
    ],
)
def test_a_change_shows(audit: Audit, tamper: Callable[[str], None], change: str, broken: list[int]) -> None:
    for n in (1, 2, 3):
        audit.record("audience", {"n": n}, NOW)

    tamper(change)

    assert [entry.position for entry in audit.entries() if not entry.is_intact] == broken


# ── verify ────────────────────────────────────────────────────────────────────────────────────


def test_an_intact_trail_says_what_to_note(audit: Audit) -> None:
    assert (verified(audit.entries()).is_intact, verified(audit.entries()).last_hash) == (True, BEGINNING)
    digests = [audit.record(action, {}, NOW) for action in "abc"]
    finding = verified(audit.entries(), expected=digests[0])
    assert (finding.is_intact, finding.entries, finding.last_hash) == (True, 3, digests[-1])
    assert (finding.first_changed, finding.since_expected) == (None, 2)
    assert verified(audit.entries(), expected=BEGINNING).since_expected == 3


def test_the_first_entry_that_does_not_fit_is_named(audit: Audit, tamper: Callable[[str], None]) -> None:
    for action in "abcd":
        audit.record(action, {}, NOW)
    tamper("UPDATE audit SET user = 'bob' WHERE id IN (2, 4)")
    finding = verified(audit.entries())
    assert not finding.is_intact
    assert finding.first_changed is not None
    assert (finding.first_changed.position, finding.first_changed.user) == (2, "bob")


@pytest.mark.parametrize("cut", ["DELETE FROM audit WHERE id > 1", "DELETE FROM audit"])
def test_a_trail_that_was_cut_short_or_made_anew_lacks_the_hash_noted(
    audit: Audit, tamper: Callable[[str], None], cut: str
) -> None:
    noted = [audit.record(action, {}, NOW) for action in "abc"][1]
    assert verified(audit.entries(), noted).is_intact
    tamper(cut)
    for action in "xyz":
        audit.record(action, {}, NOW)
    assert verified(audit.entries()).is_intact  # by itself the chain is whole
    finding = verified(audit.entries(), noted)
    assert (finding.is_intact, finding.is_expected_there, finding.since_expected) == (False, False, None)


@pytest.mark.parametrize("text", ["", "abc", "x" * 64])
def test_what_is_no_hash_is_refused_and_no_alarm(audit: Audit, text: str) -> None:
    with pytest.raises(AimloopError, match="is no hash"):
        verified(audit.entries(), text)


@pytest.mark.parametrize("sql", ["UPDATE audit SET user = 'bob'", "DELETE FROM audit"])
def test_entries_are_not_changed_by_mistake(audit: Audit, state: State, sql: str) -> None:
    audit.record("audience", {}, NOW)

    with (
        closing(sqlite3.connect(state.ledger)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only added"),
    ):
        connection.execute(sql)


def test_an_entry_is_there_if_and_only_if_what_it_tells_of_is(audit: Audit, state: State) -> None:
    def fail(ledger: Ledger) -> None:
        with ledger.transaction() as session:
            audit.add(session, "promote", {}, NOW)
            raise ZeroDivisionError

    with closing(Ledger(state.ledger)) as ledger:
        with pytest.raises(ZeroDivisionError):
            fail(ledger)
        assert audit.entries() == []
        with ledger.transaction() as session:
            digests = [audit.add(session, action, {}, NOW) for action in ("promote", "end")]
    assert [(entry.digest, entry.is_intact) for entry in audit.entries()] == [(digest, True) for digest in digests]


def test_many_may_write_at_once(state: State) -> None:
    def write(user: int) -> None:
        with closing(Ledger(state.ledger)) as ledger:
            for _ in range(5):
                Audit(ledger, user=str(user), role="analyst").record("audience", {}, NOW)

    Ledger(state.ledger).close()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    with closing(Ledger(state.ledger)) as ledger:
        entries = Audit(ledger, user="ada", role="analyst").entries()
    assert [entry.position for entry in entries] == list(range(1, 21))
    assert all(entry.is_intact for entry in entries)
