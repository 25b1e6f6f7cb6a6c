"""Whoever watches the ledger reads it when something has been written, and not otherwise."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from infra.ledger import Ledger
from infra.ledger_watch import LedgerWatch
from infra.state import State

NOW = datetime(2018, 1, 1, 12)


@pytest.fixture
def ledger(state: State) -> Iterator[Ledger]:
    with closing(Ledger(state.ledger)) as ledger:
        yield ledger


def begun(ledger: Ledger) -> str | None:
    row = ledger.cycle()
    return row.id if row else "none"


def test_it_is_read_at_first_and_after_every_change(state: State, ledger: Ledger) -> None:
    watch = LedgerWatch(state.ledger)
    assert not watch.has_read
    assert [watch.if_changed(begun) for _ in range(3)] == ["none", None, None]
    assert watch.has_read
    ledger.begin_cycle("c1", NOW, "test", NOW)
    assert [watch.if_changed(begun) for _ in range(2)] == ["c1", None]


def test_what_could_not_be_read_is_read_the_next_time(state: State, ledger: Ledger) -> None:
    def fails(_: Ledger) -> None:
        raise RuntimeError("not now")

    watch = LedgerWatch(state.ledger)
    with pytest.raises(RuntimeError, match="not now"):
        watch.if_changed(fails)
    assert not watch.has_read
    assert watch.if_changed(begun) == "none"


def test_without_a_ledger_it_says_so_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        LedgerWatch(tmp_path / "ledger.sqlite").if_changed(begun)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_is_put_back_from_a_copy_is_watched_from_then_on(state: State, ledger: Ledger) -> None:
    watch = LedgerWatch(state.ledger)
    watch.if_changed(begun)
    copy = state.root / "copy.sqlite"
    with closing(Ledger(copy)) as other:
        other.begin_cycle("of the copy", NOW, "test", NOW)
    for file in state.root.glob("ledger.sqlite*"):
        file.unlink()
    copy.replace(state.ledger)
    assert watch.if_changed(begun) == "of the copy"
    with closing(Ledger(state.ledger)) as again:
        again.begin_cycle("after it", NOW.replace(hour=13), "test", NOW.replace(hour=13))
    assert watch.if_changed(begun) == "after it"
