"""Databases written anew, table by table, with other rows: what a DELETE leaves in a file is not copied.

A deleted value survives DELETE and CHECKPOINT in DuckDB's file until the file is rewritten (measured).
Two things are written anew: a database without some people, and one under new pseudonyms.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from infra.files import remove_database, sync
from infra.sources.rows import sql_text
from infra.warehouse import Connection, engine


@dataclass(frozen=True)
class Table:
    """A table of the old database: how SQL names it there, its columns, and those of them that hold text."""

    name: str
    source: str
    columns: tuple[str, ...]
    texts: tuple[str, ...] = ()

    def has(self, column: str) -> bool:
        return column in self.columns


Rows = Callable[[Table], str]
"""The SELECT that says which rows a table's copy holds; the columns stay those of the table."""


def tables(connection: Connection, database: str) -> list[Table]:
    """Every table of an attached DuckDB database."""
    found = connection.execute(
        "SELECT schema_name, table_name, list(column_name ORDER BY column_index), "
        "list(column_name ORDER BY column_index) FILTER (WHERE data_type = 'VARCHAR') FROM duckdb_columns() "
        "WHERE database_name = $database AND NOT internal GROUP BY ALL ORDER BY ALL",
        {"database": database},
    ).fetchall()
    return [
        Table(
            name if schema == "main" else f"{schema}.{name}",
            f'{database}."{schema}"."{name}"',
            tuple(columns),
            tuple(texts or ()),
        )
        for schema, name, columns, texts in found
    ]


def copy(connection: Connection, rows: Rows) -> None:
    """Fill the empty database attached as ``fresh`` from the one attached as ``old``; definitions stay the same."""
    connection.execute("USE fresh")
    schemas = connection.execute("SELECT DISTINCT schema_name FROM duckdb_tables() WHERE database_name = 'old'")
    for (schema,) in schemas.fetchall():
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    definitions = connection.execute("SELECT sql FROM duckdb_tables() WHERE database_name = 'old' AND NOT internal")
    for (definition,) in definitions.fetchall():
        connection.execute(definition)
    for table in tables(connection, "old"):
        target = table.source.replace("old.", "fresh.", 1)
        columns = ", ".join(f'"{column}"' for column in table.columns)
        connection.execute(f"INSERT INTO {target} SELECT {columns} FROM ({rows(table)})")
    connection.execute("USE memory")


def renamed(table: Table, digests: Collection[str] = ()) -> str:
    """A table's rows with new pseudonyms, and new ``digests`` of them, as the tables of that name say.

    Rows of people whom the crosswalk no longer knows have no new pseudonym and go.
    """
    if not table.has("pseudonym"):
        return f"SELECT * FROM {table.source}"
    columns, joins = ["renamed.fresh AS pseudonym"], ["JOIN renamed ON renamed.old = theirs.pseudonym"]
    for column in (name for name in table.columns if name != "pseudonym"):
        if column in digests:
            joins.append(f"LEFT JOIN digests_{column} ON digests_{column}.was = theirs.{column}")
            fresh = f"coalesce(digests_{column}.becomes, md5(renamed.fresh || theirs.{column}))"
            columns.append(f"if(theirs.{column} IS NULL, NULL, {fresh}) AS {column}")
        else:
            columns.append(f'theirs."{column}"')
    return f"SELECT {', '.join(columns)} FROM {table.source} AS theirs {' '.join(joins)}"


@contextmanager
def between(old: Path, fresh: Path) -> Iterator[Connection]:
    """A connection with a warehouse file attached as ``old`` and a new file as ``fresh``; on the disk at the end."""
    remove_database(fresh)
    with engine(old.parent / "spill") as connection:
        connection.execute(f"ATTACH {sql_text(old)} AS old (READ_ONLY)")
        connection.execute(f"ATTACH {sql_text(fresh)} AS fresh")
        yield connection
        connection.execute("DETACH fresh")
    sync(fresh)


def copy_sqlite(old: Path, fresh: Path, frames: dict[str, pd.DataFrame], rows: Rows) -> None:
    """The same for SQLite; ``frames`` of texts are tables that the SELECTs may refer to."""
    fresh.unlink(missing_ok=True)
    connection = sqlite3.connect(fresh)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")  # people's pseudonyms stay out of temporary files
        connection.execute("PRAGMA synchronous = OFF")  # the file counts only once it is whole and synced
        connection.execute("ATTACH ? AS old", (str(old),))
        for name, frame in frames.items():
            listed, slots = ", ".join(frame.columns), ", ".join("?" for _ in frame.columns)
            connection.execute(f"CREATE TEMP TABLE {name} ({listed}, PRIMARY KEY ({frame.columns[0]}))")
            connection.executemany(f"INSERT INTO {name} VALUES ({slots})", frame.itertuples(index=False, name=None))
        definitions = connection.execute("SELECT name, sql FROM old.sqlite_master WHERE type = 'table'").fetchall()
        for name, definition in definitions:
            connection.execute(definition)
            columns = tuple(row[1] for row in connection.execute(f'PRAGMA old.table_info("{name}")'))
            listed = ", ".join(f'"{column}"' for column in columns)
            table = Table(name, f'old."{name}"', columns)
            connection.execute(f'INSERT INTO main."{name}" SELECT {listed} FROM ({rows(table)})')
        connection.commit()
    finally:
        connection.close()
    sync(fresh)
