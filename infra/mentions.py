"""Stray mentions: logs and libraries' own databases, where personal data should not be and yet might."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from infra.files import sha256
from infra.journal import Journal
from infra.people import Person
from infra.state import State

ERASED = "[erased]"


def erase_mentions(state: State, persons: Sequence[Person], journal: Journal) -> None:
    """Remove what names these people from dbt's artefacts, from logs, and from the ledger's and Prefect's databases.

    dbt's artefacts are dropped, since dbt makes them anew; a log loses the lines, a database the words.
    """
    needles = sorted({needle for person in persons for needle in person.needles}, key=len, reverse=True)
    dropped = 0
    for path in _files(state.dbt):
        if any(needle.encode() in path.read_bytes() for needle in needles):
            journal.drop(path)
            dropped += 1
    lines = sum(_without_lines(path, needles, journal) for path in _logs(state))
    cells = sum(_without_words(path, needles, journal) for path in (state.ledger, *state.prefect.glob("*.db")))
    found = {"dbt artefacts": dropped, "log lines": lines, "cells of the ledger and Prefect": cells}
    for place, count in found.items():
        if count:
            journal.removed(f"mentions: {place}", {person.tombstone: count for person in persons})


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _logs(state: State) -> list[Path]:
    return [path for folder in (state.root.glob("*"), state.prefect.rglob("*")) for path in folder if _is_log(path)]


def _is_log(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.suffix in (".log", ".txt", ".out", ".err")


def _without_lines(path: Path, needles: Sequence[str], journal: Journal) -> int:
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    kept = [line for line in lines if not any(needle.encode() in line for needle in needles)]
    if len(kept) < len(lines):
        fresh = path.with_name(path.name + ".fresh")
        fresh.write_bytes(b"".join(kept))
        journal.replace(fresh, path)
    return len(lines) - len(kept)


def _without_words(path: Path, needles: Sequence[str], journal: Journal) -> int:
    """Each cell of text, then the file compacted, so that freed pages hold nothing."""
    if not path.exists():
        return 0
    pattern = re.compile("|".join(_pattern(needle) for needle in needles))
    changed = 0
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.create_function("mentions", 1, lambda text: bool(pattern.search(text)), deterministic=True)
        connection.create_function("redacted", 1, lambda text: pattern.sub(ERASED, text), deterministic=True)
        before = sha256(path)
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        for (table,) in tables.fetchall():
            for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                changed += connection.execute(
                    f'UPDATE "{table}" SET "{column}" = redacted("{column}") '
                    f'WHERE typeof("{column}") = \'text\' AND mentions("{column}")'
                ).rowcount
        if changed:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if changed:
        journal.changed(path, before)
    return changed


def _pattern(needle: str) -> str:
    """As a whole word; digits only in quotes, since a bare number in a JSON document is a count or an amount."""
    before, after = ("(?<=[\"'])", "(?=[\"'])") if needle.isdecimal() else (r"(?<!\w)", r"(?!\w)")
    return before + re.escape(needle) + after
