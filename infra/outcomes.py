"""What applications report to have come of predictions, safe on the disk before anybody is told so.

One SQLite file that several workers write: WAL, so that readers never wait, and synchronous = FULL, because in WAL
mode NORMAL syncs at checkpoints alone and may lose answered reports when the power goes (sqlite.org, "PRAGMA
synchronous"). It names predictions, not people, so it depends on no key and lies outside the epochs: a report that
comes while keys are rotated is not lost.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from infra.errors import AimloopError
from infra.state import disk_trouble

Kind = Literal["shown", "clicked", "converted"]
WAIT_SECONDS = 2.0

_TABLE = """
    CREATE TABLE IF NOT EXISTS outcomes (
        position INTEGER PRIMARY KEY AUTOINCREMENT, outcome_id TEXT NOT NULL UNIQUE, prediction_id TEXT NOT NULL,
        kind TEXT NOT NULL, occurred_at TEXT NOT NULL, revenue REAL, reported_at TEXT NOT NULL,
        application TEXT NOT NULL, propensity REAL)
"""
_CONTENT = "prediction_id, kind, occurred_at, revenue, propensity"


class Outcome(NamedTuple):
    """One report. Instants are naive UTC, revenue is in the currency of the orders.

    ``propensity``: of what was shown, the probability in (0, 1] with which the application chose it among the rows that
    it asked about in the same request; None where it does not say.
    """

    outcome_id: str
    prediction_id: str
    kind: Kind
    occurred_at: datetime
    revenue: float | None
    application: str
    propensity: float | None = None


class OutcomeConflict(AimloopError):
    """An outcome_id that stands for another outcome already."""


class Outcomes:
    """The reports of one state folder, over one connection that threads take in turn."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._turn = threading.Lock()

    def report(self, rows: Sequence[Outcome], now: datetime) -> tuple[int, int]:
        """Keep what is new, all in one transaction; returns how many were accepted and how many were known before.

        Raises:
            OutcomeConflict: an id is known with another content, or comes twice with two; nothing is kept.
            AimloopError: the disk is full or read-only, or others write for longer than a report can wait.
        """
        accepted = 0
        with self._transaction() as connection:
            for row in rows:
                content = (row.prediction_id, row.kind, _text(row.occurred_at), row.revenue, row.propensity)
                known = connection.execute(
                    f"SELECT {_CONTENT} FROM outcomes WHERE outcome_id = ?", (row.outcome_id,)
                ).fetchone()
                if known is None:
                    connection.execute(
                        f"INSERT INTO outcomes (outcome_id, {_CONTENT}, reported_at, application) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (row.outcome_id, *content, _text(now), row.application),
                    )
                    accepted += 1
                elif known != content:
                    raise OutcomeConflict(
                        f"outcome '{row.outcome_id}' was reported before with another content",
                        "an outcome_id stands for one outcome for good: give another one to what is new",
                    )
        return accepted, len(rows) - accepted

    def close(self) -> None:
        with self._turn:
            self._let_go()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """The right to write, from the first statement on: what is read before a write cannot change meanwhile."""
        with self._turn:
            try:
                self._connection = self._connection or connect(self._path)
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                self._let_go()
                raise disk_trouble(error, self._path) or AimloopError(
                    f"outcomes cannot be written to {self._path}: {error}", "report them again in a moment"
                ) from error
            except BaseException:
                self._let_go()
                raise

    def _let_go(self) -> None:
        """What was not committed is undone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode to the file, made, owner-only, where it is not there; one of old is completed.

    Raises:
        sqlite3.Error, OSError: it cannot be opened, or is no database.
    """
    path.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_TABLE)
        _complete(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _complete(connection: sqlite3.Connection) -> None:
    """Add the column that files of older versions lack; who comes second finds it there."""
    if _has_propensity(connection):
        return
    connection.execute("BEGIN IMMEDIATE")  # another worker may be doing the same
    if not _has_propensity(connection):
        connection.execute("ALTER TABLE outcomes ADD COLUMN propensity REAL")
    connection.execute("COMMIT")


def _has_propensity(connection: sqlite3.Connection) -> bool:
    return any(column[1] == "propensity" for column in connection.execute("PRAGMA table_info(outcomes)"))


def compact(connection: sqlite3.Connection) -> None:
    """Leave nothing of what was deleted in the file or beside it."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds")
