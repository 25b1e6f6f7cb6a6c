"""Stray mentions: logs and libraries' own databases, where personal data should not be and yet might."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from infra.erasing.journal import Journal
from infra.erasing.people import Person
from infra.state import State

ERASED = "[erased]"


def erase_mentions(state: State, persons: Sequence[Person], journal: Journal) -> None:
    """Remove what names these people from dbt's artefacts, from logs, and from the ledger's and Prefect's databases.

    dbt's artefacts are dropped, since dbt makes them anew; a log loses the lines, a database the words.
    """
    needles = sorted({needle for person in persons for needle in person.needles}, key=len, reverse=True)

    def noted(path: Path, count: int) -> bool:
        """Into the journal before it is removed: a repeat would not find it any more."""
        if count:
            place = f"mentions: {path.relative_to(state.root).as_posix()}"
            journal.removed(place, {person.tombstone: count for person in persons})
        return count > 0

    for path in _files(state.dbt):
        if noted(path, len(_lines_with(path, needles))):
            journal.drop(path)
    for path in _logs(state):
        named = _lines_with(path, needles)
        if noted(path, len(named)):
            fresh = path.with_name(path.name + ".fresh")
            fresh.write_bytes(b"".join(line for line in path.read_bytes().splitlines(True) if line not in named))
            journal.replace(fresh, path)
    pattern = re.compile("|".join(_pattern(needle) for needle in needles))
    for path in (path for path in (state.ledger, *state.prefect.glob("*.db")) if path.exists()):
        with _cells(path, pattern) as (connection, cells):
            count = sum(connection.execute(f"SELECT count(*) {where}").fetchone()[0] for _, _, where in cells)
            if noted(path, count):
                with journal.changing(path):
                    _redact(connection, cells)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _logs(state: State) -> list[Path]:
    return [path for folder in (state.root.glob("*"), state.prefect.rglob("*")) for path in folder if _is_log(path)]


def _is_log(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.suffix in (".log", ".txt", ".out", ".err")


def _lines_with(path: Path, needles: Sequence[str]) -> set[bytes]:
    return {line for line in path.read_bytes().splitlines(True) if any(needle.encode() in line for needle in needles)}


@contextmanager
def _cells(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[sqlite3.Connection, list[tuple[str, str, str]]]]:
    """A connection that knows ``redacted(text)``; table, column and FROM … WHERE of every column, for its mentions."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.create_function("mentions", 1, lambda text: bool(pattern.search(text)), deterministic=True)
        connection.create_function("redacted", 1, lambda text: pattern.sub(ERASED, text), deterministic=True)
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        # the audit trail is only added to; it holds counts, hashes and conditions, and says so in infra/audit.py
        tables = [name for (name,) in found.fetchall() if name != "audit"]
        yield (
            connection,
            [
                (table, name, f'FROM "{table}" WHERE typeof("{name}") = \'text\' AND mentions("{name}")')
                for table in tables
                for _, name, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            ],
        )


def _redact(connection: sqlite3.Connection, cells: Sequence[tuple[str, str, str]]) -> None:
    """Every mention in one transaction, then the file compacted, so that freed pages hold nothing."""
    connection.execute("BEGIN IMMEDIATE")
    for table, column, where in cells:
        condition = where.split(" WHERE ", 1)[1]
        connection.execute(f'UPDATE "{table}" SET "{column}" = redacted("{column}") WHERE {condition}')
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _pattern(needle: str) -> str:
    """As a whole word; digits only in quotes, since a bare number in a JSON document is a count or an amount."""
    before, after = ("(?<=[\"'])", "(?=[\"'])") if needle.isdecimal() else (r"(?<!\w)", r"(?!\w)")
    return before + re.escape(needle) + after
