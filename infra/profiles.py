"""The profile store: what the services look up when a request comes in.

One SQLite file a generation, made beside the old one and published by an atomic pointer: readers
see one generation or the next, never half a load. Customers are pseudonyms.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from infra.errors import AimloopError
from infra.files import publish_text
from infra.state import State

KEYS: Mapping[str, tuple[str, ...]] = {
    "customers": ("pseudonym",),
    "customer_product": ("pseudonym", "product_id"),
    "customer_category": ("pseudonym", "category"),
    "products": ("product_id",),
}


def publish(state: State, generation: str, as_of: pd.Timestamp, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write the tables of ``KEYS`` into a new file and point readers to it.

    The file before it stays for readers that have just read the pointer; older ones are dropped.
    """
    before = _current(state)
    target = state.profiles / f"{generation}.sqlite"
    fresh = target.with_suffix(".building")
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")  # the file counts only once it is whole and renamed
        for name, key in KEYS.items():
            _write(connection, name, key, tables[name])
        _write(connection, "contents", ("as_of",), pd.DataFrame({"as_of": [as_of.isoformat()]}))
        connection.commit()
    fresh.replace(target)
    publish_text(state.profiles / "current", target.name + "\n")
    for old in state.profiles.glob("*.sqlite"):
        if old not in (target, before):
            old.unlink()


@dataclass(frozen=True)
class Profiles:
    """One published generation, open for reading."""

    connection: sqlite3.Connection
    as_of: str

    @classmethod
    def open(cls, state: State) -> "Profiles":
        """Raises:
        AimloopError: nothing has been published yet.
        """
        path = _current(state)
        if path is None:
            raise AimloopError(f"no profiles in {state.profiles}", "run a cycle first: `aimloop run`")
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        as_of = connection.execute("SELECT as_of FROM contents").fetchone()[0]
        return cls(connection, as_of)

    def customers(self, pseudonyms: Sequence[str]) -> pd.DataFrame:
        """One row per pseudonym, in order; ``is_known`` is false (and the rest missing) for strangers."""
        frame = self._lookup("customers", [(pseudonym,) for pseudonym in pseudonyms])
        return frame.assign(is_known=frame["pseudonym"].notna(), pseudonym=list(pseudonyms))

    def ad_features(self, contexts: pd.DataFrame) -> pd.DataFrame:
        """Everything known of (pseudonym, product_id) pairs, one row each, in order.

        ``contexts`` may hold further columns (channel, placement): they are kept.
        """
        pseudonyms, products = contexts["pseudonym"].tolist(), contexts["product_id"].tolist()
        of_customer = "^customer_"
        statistics = self._lookup("products", [(product,) for product in products])
        categories = statistics["category"].tolist()
        parts = [
            contexts.reset_index(drop=True),
            self._lookup("customers", [(p,) for p in pseudonyms]).filter(regex=of_customer),
            self._lookup("customer_product", list(zip(pseudonyms, products, strict=True))).filter(regex=of_customer),
            self._lookup("customer_category", list(zip(pseudonyms, categories, strict=True))).filter(regex=of_customer),
            statistics.drop(columns=["product_id", "category"]),
        ]
        return pd.concat(parts, axis=1)

    def _lookup(self, table: str, keys: Iterable[tuple[object, ...]]) -> pd.DataFrame:
        condition = " AND ".join(f"{column} = ?" for column in KEYS[table])
        cursor = self.connection.execute(f"SELECT * FROM {table} LIMIT 0")
        columns = [description[0] for description in cursor.description]
        missing = (None,) * len(columns)
        query = f"SELECT * FROM {table} WHERE {condition}"
        found: dict[tuple[object, ...], tuple[object, ...]] = {}
        rows = []
        for key in keys:
            if key not in found:
                found[key] = self.connection.execute(query, key).fetchone() or missing
            rows.append(found[key])
        return pd.DataFrame(rows, columns=columns)


def _current(state: State) -> Path | None:
    pointer = state.profiles / "current"
    return state.profiles / pointer.read_text(encoding="utf-8").strip() if pointer.exists() else None


def _write(connection: sqlite3.Connection, name: str, key: Sequence[str], frame: pd.DataFrame) -> None:
    numeric = {column: pd.api.types.is_numeric_dtype(frame[column]) for column in frame}
    columns = ", ".join(f'"{column}" {"REAL" if numeric[column] else "TEXT"}' for column in frame)
    connection.execute(f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({', '.join(key)})) WITHOUT ROWID")
    values = [_storable(frame[column], numeric[column]) for column in frame]
    slots = ", ".join("?" for _ in values)
    # SQLite stores NaN as NULL, so missing numbers and texts arrive as what they are.
    connection.executemany(f"INSERT INTO {name} VALUES ({slots})", zip(*values, strict=True))


def _storable(column: pd.Series, is_numeric: bool) -> Sequence[object]:
    if is_numeric:
        return column.astype(float).tolist()
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%S")
    return column.astype(object).where(column.notna(), None).tolist()
