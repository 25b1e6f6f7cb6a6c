"""The search for a person: it decrypts, decompresses and reads every column of every store, and the raw bytes besides.

Details are looked for in any case and in the encodings a store might use.
"""

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd

from infra.keys import Keys
from infra.state import State
from infra.warehouse import attach_encrypted, engine


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def search_folder(folder: Path, person: dict[str, str], keys: Keys | None) -> Iterator[tuple[Path, str]]:
    """Every (file, place) that holds the person; the raw zone's columns are not searched: they belong there."""
    for path in files(folder):
        content = path.read_bytes()
        if keys is not None and path.parent.name in ("raw", "erasure"):
            # encrypted: nobody may read it without the key
            assert not holds(content, person), path
        elif content[8:12] == b"DUCK":
            with duckdb.connect(str(path), read_only=True) as connection:
                yield from ((path, str(place)) for place in search_duckdb(connection, None, person))
        elif content.startswith(b"SQLite format 3"):
            yield from ((path, place) for place in search_sqlite(path, person))
        elif content.startswith(b"PAR1") and holds(pd.read_parquet(path).to_csv().encode(), person):
            yield path, "rows"
        if any(holds(layer, person) for layer in layers(content)):
            yield path, "bytes"


def holds(content: bytes, person: dict[str, str]) -> bool:
    lowered = content.lower()
    return any(
        needle.lower().encode(encoding) in lowered
        for needle in person.values()
        for encoding in ("utf-8", "utf-16-le", "utf-16-be")
    )


def layers(content: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes themselves, and what they hold when they are compressed or an archive."""
    yield content
    if depth == 3:
        return
    for unpack in (gzip.decompress, bz2.decompress, lzma.decompress, zlib.decompress, _unzip, _untar):
        try:
            inside = unpack(content)
        except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError):
            continue  # not of that kind
        yield from layers(inside, depth + 1)


def _unzip(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def _untar(content: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return b"\n".join(f.read() for member in archive if (f := archive.extractfile(member)))


def search_duckdb(
    connection: duckdb.DuckDBPyConnection, database: str | None, person: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Every (table, column) with a value that contains a detail of the person, whatever its type."""
    columns = connection.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE NOT internal AND database_name = coalesce(?, current_database())",
        [database],
    ).fetchall()
    prefix = f"{database}." if database else ""
    for schema, table, column in columns:
        text = f'lower(CAST("{column}" AS VARCHAR))'
        condition = " OR ".join(f"contains({text}, ?)" for _ in person)
        query = f'SELECT count(*) FROM {prefix}"{schema}"."{table}" WHERE {condition}'
        if connection.execute(query, [needle.lower() for needle in person.values()]).fetchone() != (0,):
            yield table, column


def search_sqlite(path: Path, person: dict[str, str]) -> Iterator[str]:
    # not read-only: beside a service that comes and goes, such a connection has no say in the write-ahead log
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA query_only = ON")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                cells = (v if isinstance(v, bytes) else str(v).encode() for v in row)
                if holds(b"\n".join(cells), person):
                    yield table
                    break


def search_everything(state: State, person: dict[str, str], keys: Keys) -> Iterator[tuple[Path, str]]:
    """``search_folder``, and every column of what is encrypted, decrypted."""
    yield from search_folder(state.root, person, keys)
    for path in files(state.root):
        if path.parent.name in ("raw", "erasure") and path.suffix == ".duckdb":
            with engine(path.parent / "spill") as connection:
                attach_encrypted(connection, path, "searched", keys.storage, read_only=True)
                yield from ((path, str(place)) for place in search_duckdb(connection, "searched", person))
