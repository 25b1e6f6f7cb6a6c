"""The base of a generation: the earlier generation it begins as a copy of, so that only new snapshots are computed.

A base must have been made by the same recipe and know no more of the world. Whether its rows still hold is not
decided here: dbt compares digests of what it staged (``dbt_project/models/staging/stg_changes.sql``).
"""

import hashlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from infra.dbt import PROJECT
from infra.erasing import tombstones
from infra.files import sources_sha256
from infra.intake.raw_zone import open_raw_zone
from infra.keys import Keys
from infra.state import State
from infra.warehouse import EngineError, Generation, generations


def recipe(state: State, keys: Keys, arguments: Sequence[str]) -> str:
    """A label of all but the rows that decides what marts hold.

    That is dbt's project, arguments (settings are among them) and engines, the raw tables' columns and which of
    them are personal, and the pseudonym key. Erased people are part of it too: a copy could still hold them where
    nothing points to.
    """
    digest = hashlib.sha256("\0".join([*arguments, keys.fingerprint()]).encode())
    for package in ("duckdb", "dbt-core", "dbt-duckdb"):
        digest.update(importlib.metadata.version(package).encode())
    digest.update(sources_sha256([PROJECT]).encode())
    with open_raw_zone(state, keys) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'raw' ORDER BY ALL"
        ).fetchall()
        personal = connection.execute("SELECT table_name, column_name, kind FROM raw.personal_columns ORDER BY ALL")
        columns += personal.fetchall()
    digest.update(repr((columns, tombstones.fingerprint(state))).encode())
    return digest.hexdigest()


def find_base(state: State, recipe: str, as_of: pd.Timestamp) -> Generation | None:
    """The finished generation of the same recipe that knows most of the world, yet not more than ``as_of``."""
    found = []
    for candidate in generations(state):
        try:
            row = candidate.query("SELECT as_of FROM cycle WHERE recipe = $recipe", recipe=recipe)
        except EngineError:
            continue  # damaged, or written by earlier code
        if len(row) and row["as_of"].iloc[0] <= as_of:
            found.append((row["as_of"].iloc[0], candidate.path.stat().st_mtime_ns, candidate))
    return max(found, key=lambda known: known[:2])[2] if found else None


@dataclass(frozen=True)
class Snapshots:
    """How many snapshots a generation has and computed, from which on, and why; the others were taken over."""

    total: int
    computed: int
    since: pd.Timestamp
    base_as_of: pd.Timestamp | None
    late_rows: str | None

    @property
    def line(self) -> str:
        """For people, in one line."""
        line = f"{self.computed} of {self.total} snapshots computed"
        if self.base_as_of is None:
            return line
        line += f" (from {self.since:%Y-%m-%d} on), {self.total - self.computed} taken over"
        if self.late_rows is None:
            return line
        return f"{line}; rows from before {self.base_as_of:%Y-%m-%d} changed since: {self.late_rows}"

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            name: value.isoformat() if isinstance(value, pd.Timestamp) else value
            for name, value in asdict(self).items()
        }


def snapshots(built: Generation) -> Snapshots:
    """What became of the snapshots of a built generation."""
    row = built.query(
        """SELECT count(*) AS total, count(*) FILTER (WHERE snapshot_at >= changed_from) AS computed,
                  min(snapshot_at) FILTER (WHERE snapshot_at >= changed_from) AS since,
                  any_value(base_as_of) AS base_as_of, any_value(late_rows) AS late_rows
           FROM intermediate.int_snapshots CROSS JOIN staging.stg_changes"""
    ).iloc[0]
    known = {name: None if pd.isna(row[name]) else row[name] for name in ("base_as_of", "late_rows")}
    return Snapshots(total=int(row["total"]), computed=int(row["computed"]), since=row["since"], **known)
