"""What lies in the files and databases a user points at: their columns, measured on a sample, for `aimloop init`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb

from infra.errors import AimloopError
from infra.guess import Column, Guess, guess
from infra.privacy.personal_data import detect
from infra.reading import flags, numbers, times
from infra.sections import Cleaning, SourceSettings, TableInput
from infra.sources import databases, files
from infra.sources.rows import Rows, quoted
from infra.warehouse import EngineError

_SAMPLED_ROWS = 5_000
_SQLITE = (".sqlite", ".sqlite3", ".db")
_DATABASES = {"postgres": "postgres", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}


@dataclass(frozen=True)
class Find:
    """Rows that belong together (files of the same columns, or one database table) and what they seem to be.

    ``origin`` is a pattern below the source's folder, or a table's name; ``times_unclear`` are time
    columns that do not show whether day or month comes first.
    """

    source: str
    origin: str
    is_file: bool
    columns: tuple[Column, ...]
    guess: Guess | None
    times_unclear: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explored:
    """Sources by name, what was found in them, and what could not be read (path, why)."""

    sources: dict[str, SourceSettings]
    finds: tuple[Find, ...]
    unread: tuple[tuple[str, str], ...]


def explore(paths: Sequence[str], folder: Path, secrets: dict[str, Any]) -> Explored:
    """Look at files, folders and databases (``postgres://user@host/database``, ``mysql://…``, an SQLite file).

    Args:
        paths: what the user named.
        folder: where ``aimloop.toml`` will lie.
        secrets: passwords by name of source, from the environment.

    Raises:
        AimloopError: a path does not exist, or a database cannot be reached.
    """
    sources: dict[str, SourceSettings] = {}
    finds: list[Find] = []
    unread: list[tuple[str, str]] = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for path in (path for path in paths if _is_database(path)):
            name, source = _database(path, folder, secrets)
            sources[name] = source
            finds += _explore_database(name, source, connection)
        found = _files(path for path in paths if not _is_database(path))
        if found:
            base = _common_folder(found, folder)
            sources["files"] = SourceSettings(folder=str(base))
            finds += _explore_files(found, base, sources["files"], unread, connection)
    return Explored(sources, tuple(finds), tuple(unread))


# ── databases ─────────────────────────────────────────────────────────────────────────────────


def _is_database(path: str) -> bool:
    return path.lower().endswith(_SQLITE) or urlsplit(path).scheme in _DATABASES


def _database(path: str, folder: Path, secrets: dict[str, Any]) -> tuple[str, SourceSettings]:
    url = urlsplit(path)
    if url.scheme not in _DATABASES:
        return Path(path).stem.lower(), SourceSettings(kind="sqlite", path=str((folder / path).resolve()))
    if url.password:
        raise AimloopError(
            "the address of the database holds a password: it would end up in your shell's history",
            f"leave it out, and set AIMLOOP_SOURCES__{(url.path.strip('/') or 'DB').upper()}__PASSWORD",
        )
    name = url.path.strip("/").lower() or "db"
    return name, SourceSettings.model_validate(
        {
            "kind": _DATABASES[url.scheme],
            "host": url.hostname or "localhost",
            "port": url.port,
            "database": url.path.strip("/"),
            "user": unquote(url.username) if url.username else None,
            "password": secrets.get(name),
        }
    )


def _explore_database(name: str, source: SourceSettings, connection: Any) -> list[Find]:
    alias = databases.attach(name, source, connection)
    finds = []
    for table in databases.tables(alias, connection):
        rows = databases.rows(name, source, TableInput(table=table), connection)
        finds.append(_measured(name, table, False, rows, connection))
    return finds


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def _files(paths: Iterable[str]) -> list[Path]:
    found: list[Path] = []
    for given in paths:
        path = Path(given).expanduser().resolve()
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not _is_hidden(p, path))
            found += [p for p in inside if p.name.lower().removesuffix(".gz").endswith(files.KNOWN)]
        elif path.is_file():
            files.kind_of(str(path))
            found.append(path)
        else:
            raise AimloopError(f"{given} does not exist", "name a file, a folder, or postgres://user@host/database")
    return found


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _common_folder(found: Sequence[Path], folder: Path) -> Path:
    parents = [path.parent for path in found]
    if all(parent.is_relative_to(folder) for parent in parents):
        return folder
    common = parents[0]
    while not all(parent.is_relative_to(common) for parent in parents):
        common = common.parent
    return common


def _explore_files(
    found: Sequence[Path], base: Path, source: SourceSettings, unread: list[tuple[str, str]], connection: Any
) -> list[Find]:
    """Files of the same folder, kind and columns are one find."""
    groups: dict[tuple[Any, ...], list[Path]] = {}
    for path in found:
        try:
            rows = files.rows(TableInput(files=(path.name,)), [str(path)], Cleaning().empty_words, connection)
        except AimloopError as error:
            unread.append((str(path.relative_to(base)), error.what))
            continue
        except EngineError as error:
            unread.append((str(path.relative_to(base)), type(error).__name__))
            continue
        groups.setdefault((files.kind_of(str(path)), rows.columns), []).append(path)
    finds = []
    for members in groups.values():
        table = TableInput(files=("*",))
        rows = files.rows(table, [str(path) for path in members], Cleaning().empty_words, connection)
        files.load_readers(rows, connection)
        finds.append(_measured("files", _pattern(members, base), True, rows, connection))
    return finds


def _pattern(members: Sequence[Path], base: Path) -> str:
    """One glob that matches exactly these files, or their names separated by |."""
    names = [path.relative_to(base).as_posix() for path in members]
    if len(names) == 1:
        return names[0]
    prefix, suffix = _shared(names), _shared([name[::-1] for name in names])[::-1]
    stars = "**/*" if len({path.parent for path in members}) > 1 else "*"
    pattern = (
        (prefix.rsplit("/", 1)[0] + "/" if "/" in prefix and stars == "**/*" else prefix) + stars + suffix.lstrip("/")
    )
    matched = sorted(path for path in base.glob(pattern) if path.is_file())
    return pattern if matched == sorted(members) else "|".join(names)


def _shared(names: Sequence[str]) -> str:
    shortest = min(names, key=len)
    length = next((i for i, letter in enumerate(shortest) if any(name[i] != letter for name in names)), len(shortest))
    return shortest[:length].rstrip("0123456789")


# ── columns ───────────────────────────────────────────────────────────────────────────────────


def _measured(source: str, origin: str, is_file: bool, rows: Rows, connection: Any) -> Find:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE sampled AS FROM ({rows.relation}) LIMIT {_SAMPLED_ROWS}")
    types = {row[0]: row[1] for row in connection.execute("DESCRIBE sampled").fetchall()}
    personal = {found.column for found in detect(connection, "sampled", rows.columns, {}, ())}
    columns = tuple(_column(name, types[name], name in personal, connection) for name in rows.columns)
    found = guess(columns)
    unclear = []
    for ours, theirs in (found.columns if found else {}).items():
        if ours.endswith("_at") and types.get(theirs) == "VARCHAR" and _is_unclear(rows.relation, theirs, connection):
            unclear.append(theirs)
    connection.execute("DROP TABLE sampled; DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    return Find(source, origin, is_file, columns, found, tuple(unclear))


def _column(name: str, sql_type: str, is_personal: bool, connection: Any) -> Column:
    text = f"trim(CAST({quoted(name)} AS VARCHAR))"
    is_text = sql_type == "VARCHAR"
    time = (
        f"coalesce(try_cast({text} AS TIMESTAMP), {times.expression(text, True)}, {times.expression(text, False)})"
        if is_text
        else f"try_cast({quoted(name)} AS TIMESTAMP)"
    )
    number = f"coalesce({numbers.expression(text, True)}, {numbers.expression(text, False)})"
    flag = f"coalesce(try_cast({text} AS BOOLEAN), {flags.expression(text)})"
    filled, are_numbers, are_times, are_flags, distinct = connection.execute(
        f"SELECT count(nullif({text}, '')), count({number}), count({time}), count({flag}), count(DISTINCT {text}) "
        "FROM sampled"
    ).fetchone()
    share = max(filled, 1)
    return Column(name, are_numbers / share, are_times / share, are_flags / share, distinct, filled, is_personal)


def _is_unclear(relation: str, column: str, connection: Any) -> bool:
    """Day or month first: the sample is asked, and where it is silent, the whole column."""
    text = quoted(column)
    shaped = f"{times.rule(text)} = 'day and month' AND NOT contains({text}, '.')"
    if not connection.execute(f"SELECT count(*) FILTER ({shaped}) FROM sampled").fetchone()[0]:
        return False
    if times.shows_day_first("sampled", text, None, connection) is not None:
        return False
    return times.shows_day_first(f"({relation})", text, None, connection) is None
