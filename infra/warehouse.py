"""The way to DuckDB (sources apart): connections, generations of the warehouse, contract tables in and out.

A generation is one DuckDB file, written by one cycle and published by an atomic pointer; readers
open published generations read-only, so writers never block them.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import duckdb
import pandas as pd
from pandera.errors import SchemaError, SchemaErrors
from pandera.typing.pandas import DataFrame

from infra import contract_sql
from infra.contracts import Contract
from infra.errors import AimloopError
from infra.files import publish_text, remove_database
from infra.sources.extensions import load_extension
from infra.sources.rows import sql_text
from infra.state import State

T = TypeVar("T", bound=Contract)

EngineError = duckdb.Error
QueryMistake = duckdb.BinderException
Connection: TypeAlias = duckdb.DuckDBPyConnection

MEMORY_LIMIT = "3GB"


@contextmanager
def engine(spill: Path, database: Path | None = None, *, read_only: bool = False) -> Iterator[Connection]:
    """A DuckDB connection in UTC that spills to ``spill``, encrypted, when memory is short."""
    connection = duckdb.connect(str(database) if database else ":memory:", read_only=read_only)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET temp_file_encryption = true")
        connection.execute("SET python_enable_replacements = false")  # tables are registered, never guessed by name
        connection.execute(f"SET temp_directory = {sql_text(spill)}")
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        yield connection
    finally:
        connection.close()


def attach_encrypted(connection: Connection, path: Path, alias: str, key: str, *, read_only: bool) -> None:
    """Attach an encrypted DuckDB file (AES-256-GCM).

    Raises:
        AimloopError: the key does not open the file, or the file is damaged.
    """
    # brings the OpenSSL that DuckDB needs to write encrypted files
    load_extension(connection, "httpfs")
    mode = ", READ_ONLY" if read_only else ""
    try:
        connection.execute(f"ATTACH {sql_text(path)} AS {alias} (ENCRYPTION_KEY {sql_text(key)}{mode})")
    except duckdb.Error as error:
        text = str(error)
        if "encryption key" in text.lower() or "decrypt" in text.lower():
            raise AimloopError(
                f"{path} does not open with this storage key",
                "give the key it was written with (keys/storage.key or AIMLOOP_STORAGE_KEY); if that is lost, "
                f"remove {path} and run again: the data is landed anew",
            ) from None
        raise


@dataclass(frozen=True)
class Generation:
    """One generation of the warehouse: the file and the folder to spill to."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    def query(self, sql: str, **parameters: Any) -> pd.DataFrame:
        """Run a read-only query."""
        with engine(self._spill, self.path, read_only=True) as connection:
            return connection.execute(sql, parameters or None).df()

    def query_beside(self, sql: str, frames: Mapping[str, pd.DataFrame], **parameters: Any) -> pd.DataFrame:
        """Run a read-only query that also reads ``frames``, each by its name."""
        with engine(self._spill, self.path, read_only=True) as connection:
            for name, frame in frames.items():
                connection.register(name, frame)
            return connection.execute(sql, parameters or None).df()

    def read(self, contract: type[T], table: str, where: str = "true", **parameters: Any) -> DataFrame[T]:
        """A table of the marts in its contract's order, checked against the contract; ``attr_…`` columns come along."""
        rows = f"FROM marts.{table} WHERE {where}"
        present = set(self.query(f"SELECT * {rows} LIMIT 0", **parameters))
        order = ", ".join(column for column in contract_sql.order(contract) if column in present) or "1"
        with engine(self._spill, self.path, read_only=True) as connection:
            # by way of Arrow: a third of the time that texts take row by row; types are the contract's either way
            table_read = connection.execute(f"SELECT * {rows} ORDER BY {order}", parameters or None).to_arrow_table()
        return checked(contract, table_read.to_pandas(split_blocks=True), f"marts.{table}", in_place=True)

    def replace_rows(self, contract: type[Contract], table: str, frame: pd.DataFrame, key: str, value: str) -> None:
        """Let ``frame`` take the place of the rows whose ``key`` is ``value``, in one transaction."""
        fresh = checked(contract, frame, f"marts.{table}")
        with engine(self._spill, self.path) as connection:
            connection.register("fresh", fresh)
            connection.execute("BEGIN")
            connection.execute(f"CREATE TABLE IF NOT EXISTS marts.{table} AS SELECT * FROM fresh LIMIT 0")
            for column, sql_type in contract_sql.columns(contract).items():  # one from older code has fewer
                connection.execute(f'ALTER TABLE marts.{table} ADD COLUMN IF NOT EXISTS "{column}" {sql_type}')
            connection.execute(f"DELETE FROM marts.{table} WHERE {key} = $value", {"value": value})
            connection.execute(f"INSERT INTO marts.{table} BY NAME SELECT * FROM fresh")
            connection.execute("COMMIT")

    def inherit(self, table: str, other: "Generation") -> None:
        """Take over a table of another generation, unless this one has it already or the other has none."""
        with engine(self._spill, self.path) as connection:
            connection.execute(f"ATTACH {sql_text(other.path)} AS other (READ_ONLY)")
            databases = connection.execute(
                "SELECT database_name FROM duckdb_tables() WHERE schema_name = 'marts' AND table_name = $table",
                {"table": table},
            ).fetchall()
            if databases == [("other",)]:
                connection.execute(f"CREATE TABLE marts.{table} AS FROM other.marts.{table}")

    def holds(self, table: str, schema: str = "marts") -> bool:
        """Is there such a table, by default among the marts?"""
        found = "SELECT count(*) AS n FROM duckdb_tables() WHERE schema_name = $schema AND table_name = $table"
        return bool(self.query(found, schema=schema, table=table)["n"][0])

    def execute(self, sql: str, **parameters: Any) -> None:
        """Run one writing statement."""
        with engine(self._spill, self.path) as connection:
            connection.execute(sql, parameters or None)

    @property
    def _spill(self) -> Path:
        return self.path.parent / "spill"


def checked(contract: type[T], frame: pd.DataFrame, name: str, *, in_place: bool = False) -> DataFrame[T]:
    """The frame with the contract's types; a copy, unless nobody else has it and it may change ``in_place``.

    Raises:
        AimloopError: naming the table, the column and what is wrong with it.
    """
    try:
        return contract.validate(frame, inplace=in_place)
    except (SchemaError, SchemaErrors) as error:
        raise AimloopError(
            f"{name} breaks its contract {contract.__name__}: {_in_one_line(error)}",
            f"see {contract.__name__} in infra/contracts.py",
        ) from error


def _in_one_line(error: SchemaError | SchemaErrors) -> str:
    """Pandera tells of a value of another type in an object; its column and check are what people need."""
    first = str(error).splitlines()[0]
    if first != "{":
        return first
    cases = error.failure_cases
    return f"column '{cases['column'].iloc[0]}': {cases['check'].iloc[0]}"


def generation(state: State, name: str) -> Generation:
    return Generation(state.warehouse / f"{name}.duckdb")


def generations(state: State) -> list[Generation]:
    """The finished ones, newest first."""
    finished = [path for path in state.warehouse.glob("*.duckdb") if ".building" not in path.name]
    return [Generation(path) for path in sorted(finished, key=lambda path: path.stat().st_mtime, reverse=True)]


def building(state: State) -> Generation:
    """Where a generation grows until all its marts are there.

    One place for all of them: dbt parses its whole project again when the path of the warehouse changes.
    """
    return Generation(state.warehouse / "next.building.duckdb")


def start_generation(
    state: State, name: str, as_of: pd.Timestamp, *, recipe: str = "", base: Generation | None = None
) -> Generation:
    """A generation that knows its ``as_of`` and how it is made: empty, or a copy of its base.

    What an interrupted run left is dropped. Of a base the tables that dbt built are kept, not what later steps added.
    """
    fresh = building(state)
    discard(fresh)
    if base is not None:
        shutil.copyfile(base.path, fresh.path)
    with engine(fresh._spill, fresh.path) as connection:
        if base is None:
            connection.execute("CREATE TABLE cycle (cycle_id VARCHAR, as_of TIMESTAMP)")
            connection.execute(
                "CREATE TABLE base_digests (input VARCHAR, first_snapshot_at TIMESTAMP, rows BIGINT, digest HUGEINT)"
            )
        else:
            connection.execute("CREATE OR REPLACE TABLE base_digests AS FROM staging.stg_digests")
            _drop_later_tables(connection)
        connection.execute(
            """CREATE OR REPLACE TABLE cycle AS
               SELECT $name AS cycle_id, CAST($as_of AS TIMESTAMP) AS as_of, $recipe AS recipe,
                      (SELECT cycle_id FROM cycle) AS base_cycle_id, (SELECT as_of FROM cycle) AS base_as_of""",
            {"name": name, "as_of": as_of, "recipe": recipe},
        )
    return fresh


def _drop_later_tables(connection: Connection) -> None:
    later = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE (schema_name, table_name) NOT IN (FROM built_tables)"
    ).fetchall()
    for schema, table in later:
        if table != "built_tables":
            connection.execute(f'DROP TABLE "{schema}"."{table}"')


def discard(generation: Generation) -> None:
    remove_database(generation.path)


def finish(state: State, name: str) -> Generation:
    """Give a built generation its final name; it notes which tables were built, for those that begin as its copy."""
    whole, built = generation(state, name), building(state)
    built.execute("CREATE OR REPLACE TABLE built_tables AS SELECT schema_name, table_name FROM duckdb_tables()")
    discard(whole)
    built.path.replace(whole.path)
    return whole


def published(state: State) -> Generation | None:
    """The generation that readers should open."""
    pointer = state.warehouse / "current"
    if not pointer.exists():
        return None
    return generation(state, pointer.read_text(encoding="utf-8").strip())


def publish(state: State, name: str, keep: int = 2) -> None:
    """Point readers to a generation, and drop all but the last ``keep`` and the one they may be reading still."""
    before = published(state)
    publish_text(state.warehouse / "current", name + "\n")
    drop_old(state, keep, besides=before)


def drop_old(state: State, keep: int = 2, besides: Generation | None = None) -> None:
    """Drop all generations but the published one, the last ``keep``, and one ``besides``."""
    newest_first = generations(state)
    for old in newest_first:
        if old not in (published(state), besides, *newest_first[:keep]):
            discard(old)
