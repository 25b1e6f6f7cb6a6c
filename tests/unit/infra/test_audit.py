"""The audit trail: what is recorded, that it is only added to, and that an edit shows."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from infra.audit import Audit
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


@pytest.mark.parametrize("sql", ["UPDATE audit SET user = 'bob'", "DELETE FROM audit"])
def test_entries_are_not_changed_by_mistake(audit: Audit, state: State, sql: str) -> None:
    audit.record("audience", {}, NOW)

    with (
        closing(sqlite3.connect(state.ledger)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only added"),
    ):
        connection.execute(sql)


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
