"""How the tests of the raw zone write down tables and erase people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd

from infra.erasing import tombstones
from infra.keys import Keys
from infra.sources.raw_table import RawTable
from infra.state import State

InZone = Callable[[str], list[tuple[Any, ...]]]


def table_of(name: str, columns: list[str], *rows: tuple[object, ...], synthetic: tuple[str, ...] = ()) -> RawTable:
    frame = pd.DataFrame([dict(zip(columns, row, strict=True)) for row in rows], columns=columns)
    return RawTable(name, f"FROM given_{name}", synthetic, {f"given_{name}": frame})


def erase(state: State, keys: Keys, *customer_ids: str) -> None:
    """What an erasure leaves behind."""
    tombstones.add(state, keys, customer_ids, datetime(2017, 5, 1))
