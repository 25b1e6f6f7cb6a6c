"""The dbt project on empty tables: what can be said of it without a row of data and without anybody's key.

A throwaway raw zone is landed with nothing in it, in a temporary folder; dbt compiles or documents the project
against that. Only the names of the ``attr_…`` columns come from the published generation.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from infra import dbt, warehouse
from infra.files import publish_text, sources_sha256
from infra.intake import landing
from infra.intake.log_zone import open_log_zone
from infra.intake.raw_zone import open_raw_zone
from infra.keys import Keys, open_keys
from infra.settings import Settings
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import Generation

TableName = tuple[str, str, str]


@dataclass(frozen=True)
class Compiled:
    """dbt's manifest with the SQL of every model compiled.

    ``tables`` has the columns of what the models start from, by database, schema and name: column → DuckDB type.
    """

    manifest: dict[str, Any]
    tables: dict[TableName, dict[str, str]]


def attributes(state: State) -> list[str]:
    """The attr_… columns of customers that this company brought, as the published generation has them."""
    generation = warehouse.published(state)
    if generation is None or not generation.path.exists():
        return []
    found = generation.query(
        "SELECT DISTINCT column_name FROM duckdb_columns() "
        "WHERE schema_name = 'staging' AND starts_with(column_name, 'attr_') AND NOT ends_with(column_name, '_masked') "
        "ORDER BY ALL"
    )
    return [str(name) for name in found["column_name"]]


def fingerprint(settings: Settings, attributes: Sequence[str]) -> str:
    """A label of everything that compiling depends on."""
    code = sources_sha256((dbt.PROJECT, Path(__file__).parents[1]))
    return hashlib.sha256(json.dumps([*dbt.compile_arguments(settings), *attributes, code]).encode()).hexdigest()


def compile_project(settings: Settings, attributes: Sequence[str] = ()) -> Compiled:
    """Compile every model against empty tables: incremental ones as they are built the first time."""
    with _empty_tables(settings, attributes) as (state, keys, target):
        with dbt.environment(state, target, keys.storage):
            dbt.run(dbt.compile_arguments(settings))
        manifest = json.loads((state.dbt / "target" / "manifest.json").read_text(encoding="utf-8"))
        return Compiled(manifest, _tables(state, keys, target))


def document(settings: Settings, page: Path, attributes: Sequence[str] = ()) -> None:
    """Write dbt's documentation site as one HTML file that needs no network."""
    with _empty_tables(settings, attributes) as (state, keys, target):
        with dbt.environment(state, target, keys.storage):
            dbt.run(dbt.build_arguments(settings))
            dbt.run(dbt.docs_arguments(settings))
        page.parent.mkdir(parents=True, exist_ok=True)
        publish_text(page, (state.dbt / "target" / "static_index.html").read_text(encoding="utf-8"))


@contextmanager
def _empty_tables(settings: Settings, attributes: Sequence[str]) -> Iterator[tuple[State, Keys, Generation]]:
    """A state folder for as long as it is needed: every raw table and no row, keys of its own, an empty generation."""
    with tempfile.TemporaryDirectory(prefix="aimloop-") as folder:
        state = State(Path(folder) / "state").open()
        keys = open_keys(settings.model_copy(update={"storage_key": None, "pseudonym_key": None}), state)
        columns = ", ".join(f'CAST(NULL AS VARCHAR) AS "{name}"' for name in ("customer_id", *attributes))
        landing.land(state, keys, [RawTable("customers", f"SELECT {columns} WHERE false")], "empty")
        yield state, keys, warehouse.start_generation(state, "empty", pd.Timestamp("2000-01-03"))


def _tables(state: State, keys: Keys, target: Generation) -> dict[TableName, dict[str, str]]:
    """Columns of the raw zone, of the log zone and of the generation before dbt builds anything in it."""
    columns = "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns"
    with open_raw_zone(state, keys) as zone:
        raw = zone.execute(f"{columns} WHERE table_catalog = 'raw'").fetchall()
    with open_log_zone(state, keys) as zone:
        log = zone.execute(f"{columns} WHERE table_catalog = 'log'").fetchall()
    made = target.query(columns).itertuples(index=False, name=None)
    tables: dict[TableName, dict[str, str]] = {}
    database_of_file = target.path.name.split(".")[0]  # as DuckDB calls it
    for database, rows in (("raw", raw), ("log", log), (database_of_file, made)):
        for schema, table, column, kind in rows:
            tables.setdefault((database, schema, table), {})[column] = kind
    return tables
