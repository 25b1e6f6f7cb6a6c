"""How the tests of the raw zone write down tables and erase people."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from infra.keys import Keys
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import attach_encrypted, engine

InZone = Callable[[str], list[tuple[Any, ...]]]


def table_of(name: str, columns: list[str], *rows: tuple[object, ...], synthetic: tuple[str, ...] = ()) -> RawTable:
    frame = pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows], columns=columns)
    return RawTable(name, f"FROM given_{name}", synthetic, {f"given_{name}": frame})


def erase(state: State, keys: Keys, *customer_ids: str) -> None:
    """What an erasure leaves in the zone."""
    with engine(state.raw_zone.parent / "spill") as connection:
        attach_encrypted(connection, state.raw_zone, "raw", keys.storage, read_only=False)
        for customer_id in customer_ids:
            connection.execute("INSERT INTO raw.tombstones VALUES (?)", [keys.pseudonymise(customer_id)])
