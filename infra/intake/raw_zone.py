"""The raw zone: the one encrypted file that holds what a company brought, as it brought it.

`landing` writes it; here it is read.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from infra import contract_sql
from infra.errors import AimloopError
from infra.keys import Keys
from infra.raw_contracts import RAW
from infra.state import State, disk_trouble
from infra.warehouse import Connection, EngineError, QueryMistake, attach_encrypted, engine


@dataclass(frozen=True)
class Landing:
    """What became of one table's rows."""

    table_name: str
    read: int
    accepted: int
    quarantined: int
    suppressed: int
    synthetic: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}


@contextmanager
def open_raw_zone(state: State, keys: Keys) -> Iterator[Connection]:
    """The raw zone, read-only, attached as ``raw``."""
    with engine(state.raw_zone.parent / "spill") as connection, explained_damage(state.raw_zone):
        attach_encrypted(connection, state.raw_zone, "raw", keys.storage, read_only=True)
        yield connection


@contextmanager
def explained_damage(
    path: Path, remedy: str = "put a copy back, or remove it and run again: the data is landed anew"
) -> Iterator[None]:
    try:
        yield
    except QueryMistake:
        raise
    except EngineError as error:
        raise disk_trouble(error, path) or AimloopError(
            f"{path} cannot be read: {str(error).splitlines()[0]}",
            f"it seems damaged: {remedy}",
        ) from error


def landed(state: State, keys: Keys, fingerprint: str) -> list[Landing] | None:
    """The landings of that data, or None when the zone holds other data or none.

    Raises:
        AimloopError: the zone does not open with this key.
    """
    if not state.raw_zone.exists():
        return None
    with open_raw_zone(state, keys) as connection:
        found = connection.execute("SELECT fingerprint FROM raw.contents").fetchone()
        if found is None or found[0] != fingerprint:
            return None
        rows = connection.execute("SELECT * EXCLUDE (position) FROM raw.landings ORDER BY position").fetchall()
    return [Landing(*row[:5], tuple(json.loads(row[5]))) for row in rows]  # type: ignore[call-arg]


def fingerprint(state: State, keys: Keys) -> str:
    """The label of the data that landed."""
    with open_raw_zone(state, keys) as connection:
        (found,) = connection.execute("SELECT fingerprint FROM raw.contents").fetchone() or ("",)
    return str(found)


def data_range(state: State, keys: Keys) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The first order, and the first midnight (UTC) after the last: where ``as_of`` may lie.

    Raises:
        AimloopError: there are no orders.
    """
    with open_raw_zone(state, keys) as connection:
        first, last = connection.execute("SELECT min(ordered_at), max(ordered_at) FROM raw.orders").fetchone() or (0, 0)
    if first is None:
        raise AimloopError("the data holds no usable order", "see the quarantine's reasons with `aimloop status`")
    return pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC").floor("D") + pd.Timedelta(days=1)


def rules_applied(state: State, keys: Keys) -> pd.DataFrame:
    """How many values of which table and column were read by which rule for real dirt."""
    with open_raw_zone(state, keys) as connection:
        return connection.execute("SELECT * FROM raw.rules ORDER BY rows DESC").df()


def rows_after(state: State, keys: Keys, as_of: pd.Timestamp) -> dict[str, int]:
    """How many accepted rows of each table happen at ``as_of`` (naive UTC) or later: a cycle does not know them yet."""
    times = {name: time for name, contract in RAW.items() if (time := contract_sql.event_time(contract))}
    with open_raw_zone(state, keys) as connection:
        counts = {
            name: connection.execute(
                f"SELECT count(*) FROM raw.{name} WHERE {time} >= $as_of", {"as_of": as_of}
            ).fetchone()
            for name, time in times.items()
        }
    return {name: count[0] for name, count in counts.items() if count and count[0]}


def quarantine_reasons(state: State, keys: Keys) -> pd.DataFrame:
    """How many rows of which table were set aside for which reason, most first."""
    with open_raw_zone(state, keys) as connection:
        return connection.execute(
            "SELECT table_name, reason, count(*) AS rows FROM raw.quarantine GROUP BY ALL ORDER BY rows DESC"
        ).df()
