"""Files of a company as DuckDB relations: CSV of any dialect, Parquet, JSON lines, Excel; local or in an object store.

Columns of text formats stay text: what a text means is decided in one place, later (`reading`).
"""

import codecs
import html
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from infra.errors import AimloopError
from infra.sections import SourceSettings, TableInput
from infra.sources import csv_files, encodings, transcoded
from infra.sources.compressed import refuse_bombs_and_stumps
from infra.sources.extensions import load_extension
from infra.sources.rows import Rows, quoted, sql_list, sql_path, sql_paths, sql_text

CSV = (".csv", ".tsv", ".txt")
JSON_LINES = (".jsonl", ".ndjson")
JSON = (*JSON_LINES, ".json")
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx",)
KNOWN = (*CSV, *JSON, *PARQUET, *EXCEL)


_LONG_LINES = "ignore_errors = true, max_line_size = 16777216"  # as long as the JSON reader takes


def kind_of(path: str) -> tuple[str, ...]:
    """The family a file belongs to by its name: one of CSV, JSON, PARQUET, EXCEL.

    Raises:
        AimloopError: it belongs to none.
    """
    name = path.lower().removesuffix(".gz")
    for family in (CSV, JSON, PARQUET, EXCEL):
        if name.endswith(family):
            return family
    remedy = "unpack it first" if name.endswith((".zip", ".7z", ".tar", ".rar")) else f"known: {', '.join(KNOWN)}, .gz"
    raise AimloopError(f"{path} is of no kind that can be read", remedy)


def find(source: SourceSettings, patterns: Iterable[str], connection: Any) -> list[str]:
    """The files that match, sorted; none outside the source's folder.

    Raises:
        AimloopError: a pattern leads out of the folder, or nothing matches.
    """
    found: set[str] = set()
    for pattern in patterns:
        if pattern.startswith(("/", "\\", "~")) or ".." in Path(pattern).parts or "://" in pattern:
            raise AimloopError(
                f"'{pattern}' leads out of {source.folder}",
                "give a path below the folder of its [sources.…] section, or another folder there",
            )
        try:
            matches = _glob(source, pattern, connection)
        except (ValueError, IndexError, NotImplementedError):
            raise AimloopError(f"'{pattern}' is no file or glob pattern", _what_is_there(source)) from None
        if not matches:
            raise AimloopError(f"no file matches '{pattern}' in {source.folder}", _what_is_there(source))
        found.update(matches)
    return sorted(found)


def _glob(source: SourceSettings, pattern: str, connection: Any) -> list[str]:
    if source.folder.startswith("s3://"):
        full = f"{source.folder.rstrip('/')}/{pattern}"
        try:
            return [row[0] for row in connection.execute("SELECT file FROM glob(?)", [full]).fetchall()]
        except duckdb.Error as error:
            raise AimloopError(
                f"{source.folder} cannot be listed: {str(error).splitlines()[0]}",
                "check endpoint, bucket and keys of its [sources.…] section, and that the store is up",
            ) from None
    folder = Path(source.folder).resolve()
    matches = [path for path in folder.glob(pattern) if path.is_file()]
    for path in matches:
        if not path.resolve().is_relative_to(folder):
            raise AimloopError(
                f"{path} is a link that leads out of {folder}", "copy the file there, or name the folder it lies in"
            )
    return [str(path) for path in matches]


def _what_is_there(source: SourceSettings) -> str:
    if source.folder.startswith("s3://") or not Path(source.folder).is_dir():
        return f"is {source.folder} the right folder? See [sources.…] in aimloop.toml"
    names = sorted(p.name for p in Path(source.folder).iterdir() if p.name.lower().removesuffix(".gz").endswith(KNOWN))
    return f"there are: {', '.join(names[:8]) or 'no files of a kind that can be read'}"


def open_store(source: SourceSettings, connection: Any) -> None:
    """Let a connection read an S3-compatible object store; its secret lives as long as the connection."""
    if not source.folder.startswith("s3://"):
        return
    load_extension(connection, "httpfs")
    options = {"REGION": source.region, "USE_SSL": str(source.use_ssl).lower()}
    if source.endpoint:
        options |= {"ENDPOINT": source.endpoint, "URL_STYLE": "path"}
    if source.access_key and source.secret_key:
        options |= {"KEY_ID": source.access_key.get_secret_value(), "SECRET": source.secret_key.get_secret_value()}
    given = ", ".join(f"{name} {sql_text(value)}" for name, value in options.items())
    scope = sql_text(source.folder.rstrip("/"))
    name = f"store_{abs(zlib.crc32(source.folder.encode()))}"
    connection.execute(f"CREATE OR REPLACE TEMPORARY SECRET {name} (TYPE s3, SCOPE {scope}, {given})")


def load_readers(rows: Rows, connection: Any) -> None:
    """Let a connection read what these rows refer to."""
    if rows.encodings:  # a text, perhaps one that is decoded as it is read
        transcoded.register(connection)
    if rows.is_excel:
        load_extension(connection, "excel")


def rows(table: TableInput, paths: Sequence[str], empty_words: Sequence[str], connection: Any) -> Rows:
    """The rows of files of one kind.

    Raises:
        AimloopError: a file is empty, damaged, no file of its kind, or lies about its size.
    """
    families = {kind_of(path) for path in paths}
    if len(families) > 1:
        raise AimloopError(f"{paths[0]} and {paths[-1]} are of different kinds", "give each kind an input of its own")
    family = families.pop()
    try:
        for path in paths:
            if not path.startswith("s3://"):
                refuse_bombs_and_stumps(path)
        if family == CSV:
            return csv_files.rows(table, paths, empty_words, connection)
        return {JSON: _json, PARQUET: _parquet, EXCEL: _excel}[family](table, paths, connection)
    except OSError as error:
        raise unreadable(error) from None
    except duckdb.Error as error:
        raise AimloopError(
            f"{paths[0]} cannot be read as {Path(paths[0].lower().removesuffix('.gz')).suffix[1:]} "
            f"({type(error).__name__}): truncated, damaged, or of another kind?",
            "open it with the program that wrote it, and export it anew",
        ) from None


def unreadable(error: OSError) -> AimloopError:
    """A file that is gone, or that this user may not read."""
    return AimloopError(f"{error.filename} cannot be read: {error.strerror}", "check that it is there and readable")


def _json(table: TableInput, paths: Sequence[str], connection: Any) -> Rows:
    """Nested properties become columns such as ``device.os``; lists stay JSON text."""
    is_lines = all(path.lower().removesuffix(".gz").endswith(JSON_LINES) for path in paths)
    form = "newline_delimited" if is_lines else "auto"
    foreign = _foreign(table, paths) if is_lines else {}
    plain = [path for path in paths if path not in foreign]
    readers = [f"SELECT json FROM read_json_objects({sql_paths(plain)}, format = '{form}', ignore_errors = true)"]
    readers = readers if plain else []
    if foreign:
        transcoded.register(connection)
        urls = sql_list(transcoded.transcoded(path, encoding) for path, encoding in foreign.items())
        lines = f"read_csv({urls}, {csv_files.LINES}, encoding = 'utf-8', compression = 'none', {_LONG_LINES})"
        readers.append(f"SELECT CASE WHEN json_valid(line) THEN line::JSON END AS json FROM {lines}")
    reader = f"({' UNION ALL '.join(readers)})"
    # a line that is no JSON at all is NULL here; one that is no object (a list, a number, null) has nothing to offer
    is_object = "coalesce(json_type(json), '') = 'OBJECT'"
    query = f"SELECT json_group_structure(json) FROM {reader} WHERE {is_object}"
    structure = connection.execute(query).fetchone()[0]
    try:
        properties = dict(_flattened(json.loads(structure))) if structure else {}
    except RecursionError:
        raise AimloopError(f"{paths[0]} is nested too deeply", "flatten it where it is exported") from None
    if not properties:
        raise AimloopError(f"{paths[0]} holds no JSON objects", 'a line should look like {"customer_id": "17", …}')
    cells = ", ".join(
        f"json_extract_string(json, {sql_text(path)}) AS {quoted(name)}" for name, path in properties.items()
    )
    unread = f"""SELECT 'a line' AS place, 'not a JSON object' AS problem, coalesce(json::VARCHAR, '') AS text
                 FROM {reader} WHERE NOT {is_object}"""
    texts = tuple(sorted(set(foreign.values())))
    return Rows(f"SELECT {cells} FROM {reader} WHERE {is_object}", tuple(properties), True, unread, texts)


def _foreign(table: TableInput, paths: Sequence[str]) -> dict[str, str]:
    """Path → encoding of those that are not UTF-8 from the first byte on; the JSON reader knows nothing else."""
    found = {}
    for path in paths:
        if not path.startswith("s3://"):
            encoding = encodings.of_file(path, table.encoding)
            with transcoded.opened(Path(path)) as file:
                is_marked = file.read(3) == codecs.BOM_UTF8
            if is_marked or codecs.lookup(encoding).name not in ("utf-8", "ascii"):
                found[path] = encoding
    return found


def _flattened(structure: dict[str, Any], name: str = "", path: str = "") -> Iterable[tuple[str, str]]:
    """(column, JSON pointer, RFC 6901) of every property."""
    for key, below in structure.items():
        inner = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if isinstance(below, dict):
            yield from _flattened(below, f"{name}{key}.", inner)
        else:
            yield f"{name}{key}", inner


def _parquet(table: TableInput, paths: Sequence[str], connection: Any) -> Rows:
    """Names of folders such as ``year=2024`` are columns, too, where the files have no such column themselves."""

    def relation(are_columns: bool) -> tuple[str, list[str]]:
        options = f"union_by_name = true, hive_partitioning = {str(are_columns).lower()}"
        select = f"SELECT * FROM read_parquet({sql_paths(paths)}, {options})"
        return select, [row[0] for row in connection.execute(f"DESCRIBE {select}").fetchall()]

    select, columns = relation(False)
    folders = {part.partition("=")[0].lower() for path in paths for part in path.split("/")[:-1] if "=" in part}
    if folders and folders.isdisjoint(column.lower() for column in columns):
        select, columns = relation(True)
    return Rows(select, tuple(columns), is_text=False)


def _excel(table: TableInput, paths: Sequence[str], connection: Any) -> Rows:
    load_extension(connection, "excel")
    sheet = f", sheet = {sql_text(table.table)}" if table.table else ""
    options = f"header = true, all_varchar = true, stop_at_empty = false{sheet}"
    relation = " UNION ALL BY NAME ".join(f"SELECT * FROM read_xlsx({sql_path(path)}, {options})" for path in paths)
    try:
        described = connection.execute(f"DESCRIBE {relation}").fetchall()
    except duckdb.BinderException:
        raise AimloopError(f"{paths[0]} has no sheet '{table.table}'", f"it has: {_sheets(paths[0])}") from None
    columns = tuple(row[0] for row in described)
    is_filled = f"coalesce({', '.join(map(quoted, columns))}) IS NOT NULL"
    return Rows(f"SELECT * FROM ({relation}) WHERE {is_filled}", columns, is_text=True, is_excel=True)


def _sheets(path: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return ", ".join(
            html.unescape(n)
            for n in re.findall(r'<sheet[^>]* name="([^"]*)"', archive.read("xl/workbook.xml").decode())
        )
