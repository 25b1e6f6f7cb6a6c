"""The only way to DuckDB: connections, generations of the warehouse, contract tables in and out.

A generation is one DuckDB file, written by one cycle and published by an atomic pointer; readers
open published generations read-only, so writers never block them.
"""

import importlib.resources
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pandas as pd
from pandera.errors import SchemaError, SchemaErrors
from pandera.typing.pandas import DataFrame

from infra.contracts import Contract
from infra.errors import AimloopError
from infra.state import State, publish_text

T = TypeVar("T", bound=Contract)

EngineError = duckdb.Error
Connection = duckdb.DuckDBPyConnection

DBT_PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
MEMORY_LIMIT = "3GB"


def sql_text(value: object) -> str:
    """A value as a SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


@contextmanager
def engine(spill: Path, database: Path | None = None, *, read_only: bool = False) -> Iterator[Connection]:
    """A DuckDB connection in UTC that spills to ``spill``, encrypted, when memory is short."""
    connection = duckdb.connect(str(database) if database else ":memory:", read_only=read_only)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET temp_file_encryption = true")
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
    connection.execute(f"LOAD {sql_text(_packaged_extension('httpfs'))}")
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


def _packaged_extension(name: str) -> Path:
    """A DuckDB extension that came as a Python package: loaded from there, nothing is downloaded or copied."""
    package = Path(str(importlib.resources.files(f"duckdb_extension_{name}")))
    return package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


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

    def read(self, contract: type[T], table: str, where: str = "true", **parameters: Any) -> DataFrame[T]:
        """A table of the marts, checked against its contract; ``attr_…`` columns come along."""
        frame = self.query(f"SELECT * FROM marts.{table} WHERE {where}", **parameters)
        return checked(contract, frame, f"marts.{table}")

    def write(self, contract: type[Contract], table: str, frame: pd.DataFrame) -> None:
        """Create or replace a table of the marts in one transaction."""
        fresh = checked(contract, frame, f"marts.{table}")
        with engine(self._spill, self.path) as connection:
            connection.register("fresh", fresh)
            connection.execute(f"CREATE OR REPLACE TABLE marts.{table} AS SELECT * FROM fresh")

    def execute(self, sql: str, **parameters: Any) -> None:
        """Run one writing statement."""
        with engine(self._spill, self.path) as connection:
            connection.execute(sql, parameters or None)

    @property
    def _spill(self) -> Path:
        return self.path.parent / "spill"


def checked(contract: type[T], frame: pd.DataFrame, name: str) -> DataFrame[T]:
    """The frame with the contract's types.

    Raises:
        AimloopError: naming the table, the column and what is wrong with it.
    """
    try:
        return contract.validate(frame)  # type: ignore[return-value]
    except (SchemaError, SchemaErrors) as error:
        first = str(error).splitlines()[0]
        raise AimloopError(
            f"{name} breaks its contract {contract.__name__}: {first}", f"see {contract.__name__} in infra/contracts.py"
        ) from error


def generation(state: State, name: str) -> Generation:
    return Generation(state.warehouse / f"{name}.duckdb")


def building(state: State, name: str) -> Generation:
    """Where a generation grows until all its marts are there."""
    return Generation(state.warehouse / f"{name}.building.duckdb")


def discard(generation: Generation) -> None:
    generation.path.unlink(missing_ok=True)
    generation.path.with_name(generation.path.name + ".wal").unlink(missing_ok=True)


def finish(state: State, name: str) -> Generation:
    """Give a built generation its final name."""
    finished = generation(state, name)
    discard(finished)
    building(state, name).path.replace(finished.path)
    return finished


def published(state: State) -> Generation | None:
    """The generation that readers should open."""
    pointer = state.warehouse / "current"
    if not pointer.exists():
        return None
    return generation(state, pointer.read_text(encoding="utf-8").strip())


def publish(state: State, name: str, keep: int = 2) -> None:
    """Point readers to a generation, and drop all but the last ``keep``."""
    publish_text(state.warehouse / "current", name + "\n")
    newest_first = sorted(state.warehouse.glob("*.duckdb"), key=lambda path: path.stat().st_mtime, reverse=True)
    kept = {generation(state, name).path} | set(newest_first[:keep])
    for path in newest_first:
        if path not in kept and ".building" not in path.name:
            discard(Generation(path))


@contextmanager
def dbt_environment(state: State, target: Generation, storage_key: str) -> Iterator[Mapping[str, str]]:
    """What ``profiles.yml`` reads, set only while dbt runs.

    The key's name starts with ``DBT_ENV_SECRET_``: dbt accepts such a variable in profiles alone and
    scrubs its value from everything it prints (docs.getdbt.com, "env_var").
    """
    values = {
        "MARTS_WAREHOUSE": str(target.path),
        "MARTS_RAW_ZONE": str(state.raw_zone),
        "MARTS_SPILL": str(state.warehouse / "spill"),
        "MARTS_MEMORY_LIMIT": MEMORY_LIMIT,
        "DBT_ENV_SECRET_STORAGE_KEY": storage_key,
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(state.dbt / "target"),
        "DBT_LOG_PATH": str(state.dbt / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield values
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
