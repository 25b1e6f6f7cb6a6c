"""Profiles in one SQLite file a generation, made beside the old one and published by an atomic pointer.

Readers see one generation or the next, never half a load. A published file is never changed.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pandas as pd

from infra.errors import AimloopError
from infra.files import publish_text
from infra.profiles.shape import KEYS, Column, Row, Value, fresh_name, nothing_published, stored_columns
from infra.state import State

SUFFIX = ".sqlite"
MANY = 8  # keys alike: from so many on, one statement takes half the time of as many lookups, or less


def publish(
    state: State, generation: str, as_of: pd.Timestamp, tables: Mapping[str, pd.DataFrame], now: datetime
) -> None:
    """Write the tables of ``KEYS`` into a new file and point readers to it.

    The file before it stays for readers that have just read the pointer; older ones are dropped.
    """
    before = published(state)
    for remains in state.profiles.glob("*.building"):
        remains.unlink()
    name = fresh_name(generation, before)
    target = path_of(state, name)
    fresh = target.with_suffix(".building")
    contents = [Column("as_of", False, [as_of.isoformat()]), Column("published_at", False, [now.isoformat()])]
    with closing(sqlite3.connect(fresh)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")  # the file counts only once it is whole and renamed
        for table, key in KEYS.items():
            in_order = tables[table].sort_values(list(key))  # rows appended to a B-tree take half the time
            _write(connection, table, key, stored_columns(table, in_order))
        _write(connection, "contents", ("as_of",), contents)
        connection.commit()
    fresh.replace(target)
    point_to(state, name)
    for old in state.profiles.glob("*" + SUFFIX):
        if old.stem not in (name, before):
            old.unlink()


def published(state: State) -> str | None:
    """The name of the published generation, None where there is none."""
    try:
        return (state.profiles / "current").read_text(encoding="utf-8").strip().removesuffix(SUFFIX)
    except FileNotFoundError:
        return None


def point_to(state: State, name: str) -> None:
    """Publish a file that lies in the folder."""
    publish_text(state.profiles / "current", name + SUFFIX + "\n")


def path_of(state: State, name: str) -> Path:
    return state.profiles / (name + SUFFIX)


@dataclass(frozen=True)
class SqliteProfiles:
    """One published file, open for reading."""

    generation: str
    as_of: str
    published_at: datetime
    columns: Mapping[str, tuple[str, ...]]
    connection: sqlite3.Connection = field(repr=False)
    path: Path

    def rows(self, table: str, keys: Sequence[tuple[str | None, ...]]) -> list[Row | None]:
        """A lookup by primary key each; many that share all of their key but the end of it, in one statement."""
        try:
            alike: dict[tuple[str | None, ...], list[str | None]] = {}
            for key in keys:
                alike.setdefault(key[:-1], []).append(key[-1])
            if len(keys) < MANY * len(alike):
                return [self._row(_QUERIES[table], key) for key in keys]
            found = self._rows_alike(table, alike)
            return [found.get(key) for key in keys]
        except UnicodeEncodeError:
            return [self._row(_QUERIES[table], key) for key in keys]
        except sqlite3.Error as error:
            raise _unreadable(self.path, error) from error

    def _rows_alike(
        self, table: str, alike: Mapping[tuple[str | None, ...], Sequence[str | None]]
    ) -> dict[tuple[Value, ...], Row]:
        found: dict[tuple[Value, ...], Row] = {}
        for start, ends in alike.items():
            # asked for in numbers of which there are few, so that the statement is one that is kept prepared
            width = 1 << (len(ends) - 1).bit_length()
            filled = [*ends, *[ends[-1]] * (width - len(ends))]
            conditions = [f"{column} = ?" for column in KEYS[table][:-1]]
            conditions.append(f"{KEYS[table][-1]} IN ({', '.join('?' * width)})")
            query = f"SELECT * FROM {table} WHERE {' AND '.join(conditions)}"
            for row in self.connection.execute(query, (*start, *filled)):
                found[row[: len(start) + 1]] = row
        return found

    def _row(self, query: str, key: tuple[str | None, ...]) -> Row | None:
        try:
            return self.connection.execute(query, key).fetchone()
        except UnicodeEncodeError:  # half a surrogate pair is no text: nobody is called that
            return None

    def close(self) -> None:
        self.connection.close()


_QUERIES = {
    table: f"SELECT * FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in key)}"
    for table, key in KEYS.items()
}


def open_profiles(state: State) -> SqliteProfiles:
    """Open what is published.

    Raises:
        AimloopError: nothing has been published yet, or the file cannot be read.
    """
    name = published(state)
    if name is None:
        raise nothing_published(state.profiles)
    path = path_of(state, name)
    try:
        # "immutable" spares locks and looks for changes: half the time of a lookup (docs/decisions/0028)
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        as_of, published_at = connection.execute("SELECT as_of, published_at FROM contents").fetchone()
        columns = {table: _names(connection, table) for table in KEYS}
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    return SqliteProfiles(name, as_of, datetime.fromisoformat(published_at), columns, connection, path)


def _names(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    return tuple(column[0] for column in connection.execute(f"SELECT * FROM {table} LIMIT 0").description)


def _write(connection: sqlite3.Connection, table: str, key: Sequence[str], columns: Sequence[Column]) -> None:
    defined = ", ".join(f'"{column.name}" {"REAL" if column.is_numeric else "TEXT"}' for column in columns)
    connection.execute(f"CREATE TABLE {table} ({defined}, PRIMARY KEY ({', '.join(key)})) WITHOUT ROWID")
    slots = ", ".join("?" for _ in columns)
    # SQLite stores NaN as NULL, so missing numbers and texts arrive as what they are.
    values = zip(*(column.values for column in columns), strict=True)
    connection.executemany(f"INSERT INTO {table} VALUES ({slots})", values)


def _unreadable(path: Path, error: sqlite3.Error) -> AimloopError:
    return AimloopError(
        f"the profiles in {path} cannot be read ({error})",
        f"remove {path.with_name('current')}, then run a cycle: `aimloop run` publishes them anew",
    )
