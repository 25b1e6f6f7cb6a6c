"""A company's own tables, as ``aimloop.toml`` describes them: any number of inputs a table, from files and databases.

Only columns that are mapped are read. A column of the contract that is not mapped is taken from a
column of the same name, if there is one.
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from infra import contract_sql
from infra.errors import AimloopError, did_you_mean
from infra.expressions import checked_expression
from infra.raw_contracts import RAW
from infra.sections import SourceSettings, TableInput
from infra.settings import Settings
from infra.sources import databases, files, reckoning
from infra.sources.raw_table import UNJUDGED, Conventions, RawTable
from infra.sources.rows import Rows, quoted

_NUMBERS = ("DOUBLE", "BIGINT")


def tables(settings: Settings) -> Sequence[RawTable]:
    """One RawTable an input, in the order of ``aimloop.toml``."""
    with _session() as connection:
        return [_raw_table(settings, *named, connection) for named in _inputs(settings)]


def fingerprint(settings: Settings) -> str:
    """SHA-256 over the description of the tables, the files' bytes and the databases' rows."""
    described = settings.model_dump(mode="json", include={"tables"})
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    with _session() as connection:
        for _, _, table in _inputs(settings):
            for part in _contents(_source(settings, table), table, connection):
                digest.update(part)
    return digest.hexdigest()


def _session() -> Any:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _inputs(settings: Settings) -> Iterator[tuple[str, str, TableInput]]:
    """(table, where it stands in aimloop.toml, input) of every input."""
    if not settings.tables:
        raise AimloopError(
            "no table is described in aimloop.toml", "write it with `aimloop init PATH…`, or take another source"
        )
    for name, inputs in settings.tables.items():
        if name not in RAW:
            raise AimloopError(f"[tables.{name}] is no table of the raw contract", _nearest(name, list(RAW)))
        for position, table in enumerate(inputs):
            yield name, f"tables.{name}" + (f"[{position}]" if len(inputs) > 1 else ""), table


def _source(settings: Settings, table: TableInput) -> SourceSettings:
    if table.source not in settings.sources:
        raise AimloopError(
            f"there is no section [sources.{table.source}]", _nearest(table.source, list(settings.sources))
        )
    return settings.sources[table.source]


def _nearest(name: str, known: list[str], shown: int = 40) -> str:
    listed = ", ".join(known[:shown]) + (", …" if len(known) > shown else "")
    return f"{did_you_mean(name, known)}known: {listed}"


# ── rows and what they are called ─────────────────────────────────────────────────────────────


def read_rows(settings: Settings, table: TableInput, connection: Any) -> Rows:
    """The rows of one input with the columns they have where they come from."""
    source = _source(settings, table)
    if source.kind != "files":
        return databases.rows(table.source, source, table, connection)
    files.open_store(source, connection)
    return files.rows(table, files.find(source, table.files, connection), settings.cleaning.empty_words, connection)


def _raw_table(settings: Settings, name: str, place: str, table: TableInput, connection: Any) -> RawTable:
    source = _source(settings, table)
    _refuse_unknown_zone(place, table.time_zone, connection)
    rows = read_rows(settings, table, connection)
    mapped = mapping(name, place, table, rows.columns)
    return RawTable(
        name,
        _mapped(name, place, table, rows, mapped, connection),
        prepare=functools.partial(_prepare, table.source, source, rows),
        origin=_origin(table),
        conventions=Conventions(table.time_zone, table.day_first, table.decimal_comma),
        unread=rows.unread,
        empties_are_null=rows.empties_are_null,
        mapping={ours: table.columns.get(ours, sql.strip('"')) for ours, sql in mapped.items()},
    )


def _origin(table: TableInput) -> str:
    return ", ".join(table.files) or f"{table.source}: {table.table}"


def _refuse_unknown_zone(place: str, zone: str, connection: Any) -> None:
    known = {row[0] for row in connection.execute("SELECT name FROM pg_timezone_names()").fetchall()}
    if zone not in known:
        raise AimloopError(f"{place}.time_zone: there is no time zone '{zone}'", _nearest(zone, sorted(known), shown=6))


def _prepare(name: str, source: SourceSettings, rows: Rows, connection: Any) -> None:
    """Make ready on the landing's connection what the relation refers to."""
    if source.kind != "files":
        databases.attach(name, source, connection)
        return
    files.open_store(source, connection)
    files.load_readers(rows, connection)


def mapping(name: str, place: str, table: TableInput, columns: Sequence[str]) -> dict[str, str]:
    """The contract's column → checked SQL over the input's columns.

    Raises:
        AimloopError: a column of neither side exists, or an expression is none.
    """
    contract = contract_sql.columns(RAW[name])
    for ours in table.columns:
        if ours not in contract and not (name == "customers" and ours.startswith("attr_")):
            further = "; other attributes of a customer are called attr_…" if name == "customers" else ""
            raise AimloopError(
                f"{place}.columns: '{ours}' is no column of {name}", _nearest(ours, list(contract)) + further
            )
    lower = [ours.lower() for ours in table.columns]
    for ours in table.columns:
        if lower.count(ours.lower()) > 1:
            raise AimloopError(
                f"{place}.columns: '{ours}' is there twice, in small letters and in large ones",
                "the engine knows no case in names: rename one of them",
            )
    given = {
        ours: checked_expression(theirs, columns, f"{place}.columns.{ours}") for ours, theirs in table.columns.items()
    }
    by_lower = {theirs.lower(): theirs for theirs in columns}
    own = (*contract, *(c for c in by_lower if c.startswith("attr_") and name == "customers"))
    return given | {ours: quoted(by_lower[ours]) for ours in own if ours in by_lower and ours not in given}


def _mapped(name: str, place: str, table: TableInput, rows: Rows, mapped: Mapping[str, str], connection: Any) -> str:
    """The input's rows under the contract's names; what was computed carries what it was computed from."""
    if not mapped:
        raise AimloopError(
            f"{place}: no column of {name} is found in {_origin(table)}",
            f"its columns are {', '.join(rows.columns[:12])}; write which is which under [{place}.columns]",
        )
    plain = {quoted(column) for column in rows.columns}
    types = contract_sql.columns(RAW[name])
    computed = {ours: (sql, types.get(ours) in _NUMBERS) for ours, sql in mapped.items() if sql not in plain}
    condition = None if table.where is None else checked_expression(table.where, rows.columns, f"{place}.where")
    numeric = {}
    if computed or condition:  # plain columns of numbers tell, too, how this input writes them
        expressions = [(sql, types.get(ours) in _NUMBERS) for ours, sql in mapped.items()]
        expressions += [(condition, False)] if condition else []
        numeric = reckoning.numeric_columns(rows, expressions, table.decimal_comma, connection)
    selected = [f"{sql} AS {quoted(ours)}" for ours, sql in mapped.items() if ours not in computed]
    for ours, (sql, wants_number) in computed.items():
        found = reckoning.over_numbers(sql, wants_number, numeric, rows, f"{place}.columns.{ours}", connection)
        value_as_text = found.value if found.sql_type == "VARCHAR" else "CAST(NULL AS VARCHAR)"
        selected.append(f"{found.value} AS {quoted(ours)}")
        if found.failed != "false" or found.sql_type == "VARCHAR":
            given = f"CASE WHEN {found.failed} THEN {found.texts} ELSE {value_as_text} END"
            selected.append(f"{given} AS {quoted('given_' + ours)}")
    where = ""
    if condition:
        found = reckoning.over_numbers(condition, False, numeric, rows, f"{place}.where", connection)
        selected.append(f"(({found.value}) IS NULL AND ({found.failed})) AS {UNJUDGED}")
        where = f" WHERE coalesce({found.value}, {found.failed})"
    return f"SELECT {', '.join(selected)} FROM ({rows.relation}){where}"


# ── fingerprints ──────────────────────────────────────────────────────────────────────────────


def _contents(source: SourceSettings, table: TableInput, connection: Any) -> Iterator[bytes]:
    """What changes when the input's data do."""
    if source.kind == "files" and source.folder.startswith("s3://"):
        files.open_store(source, connection)
        for path in files.find(source, table.files, connection):
            facts = connection.execute("SELECT filename, size, last_modified FROM read_blob(?)", [path]).fetchone()
            yield str(facts).encode()
    elif source.kind == "files":
        for path in files.find(source, table.files, connection):
            place = Path(path).relative_to(Path(source.folder).resolve()).as_posix()
            try:
                stat = Path(path).stat()
                yield place.encode() + _digest(path, stat.st_size, stat.st_mtime_ns)
            except OSError as error:
                raise files.unreadable(error) from None
    else:
        relation = databases.rows(table.source, source, table, connection).relation
        counted = f"SELECT count(*), sum(hash(t)::HUGEINT) FROM ({relation}) t"
        yield str(connection.execute(counted).fetchone()).encode()


@functools.lru_cache(maxsize=4096)
def _digest(path: str, size: int, modified: int) -> bytes:
    """SHA-256 of a file; asked for again, it is read again only when size or time have changed."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
