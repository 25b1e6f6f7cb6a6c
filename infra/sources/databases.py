"""Tables of PostgreSQL, MySQL (MariaDB) and SQLite databases as DuckDB relations, attached read-only.

The password goes into a secret of the connection (``CREATE TEMPORARY SECRET``), never into the
attached name, so that no error can quote it.
"""

from pathlib import Path
from typing import Any

import duckdb

from infra.errors import AimloopError, did_you_mean
from infra.sections import SourceSettings, TableInput
from infra.sources.extensions import load_extension
from infra.sources.rows import Rows, quoted, sql_text

_EXTENSIONS = {"postgres": "postgres_scanner", "mysql": "mysql_scanner", "sqlite": "sqlite_scanner"}
_OWN_SCHEMAS = ("information_schema", "pg_catalog", "mysql", "performance_schema", "sys")


def attach(name: str, source: SourceSettings, connection: Any) -> str:
    """Attach the database read-only; returns its alias. A second call changes nothing.

    Raises:
        AimloopError: it cannot be reached, or refuses.
    """
    alias = f"source_{name}"
    if (alias,) in connection.execute("SELECT database_name FROM duckdb_databases()").fetchall():
        return alias
    load_extension(connection, _EXTENSIONS[source.kind])
    try:
        if source.kind == "sqlite":
            connection.execute("SET GLOBAL sqlite_all_varchar = true")
            connection.execute(
                f"ATTACH {sql_text(_sqlite_file(name, source))} AS {quoted(alias)} (TYPE sqlite, READ_ONLY)"
            )
        else:
            connection.execute(f"CREATE OR REPLACE TEMPORARY SECRET {quoted(alias)} ({_secret(name, source)})")
            connection.execute(f"ATTACH '' AS {quoted(alias)} (TYPE {source.kind}, SECRET {quoted(alias)}, READ_ONLY)")
        tables(alias, connection)  # a file that is no database is noticed only now
    except duckdb.Error as error:
        place = source.path or f"{source.host}:{source.port or _PORTS[source.kind]}"
        raise AimloopError(
            f"the {source.kind} database of [sources.{name}] ({place}) cannot be opened: {_without(error, source)}",
            f"check host, port, database and user there, and AIMLOOP_SOURCES__{name.upper()}__PASSWORD",
        ) from None
    return alias


_PORTS = {"postgres": 5432, "mysql": 3306}


def _secret(name: str, source: SourceSettings) -> str:
    if source.database is None:
        raise AimloopError(f"[sources.{name}] names no database", 'add database = "…"')
    options = {"HOST": source.host, "PORT": source.port or _PORTS[source.kind], "DATABASE": source.database}
    if source.user:
        options["USER"] = source.user
    if source.password:
        options["PASSWORD"] = source.password.get_secret_value()
    return f"TYPE {source.kind}, " + ", ".join(f"{key} {sql_text(value)}" for key, value in options.items())


def _sqlite_file(name: str, source: SourceSettings) -> str:
    if source.path is None:
        raise AimloopError(f"[sources.{name}] names no file", 'add path = "shop.sqlite"')
    if not Path(source.path).is_file():
        raise AimloopError(f"{source.path} of [sources.{name}] is missing", "check the path; it starts at aimloop.toml")
    return source.path


def _without(error: duckdb.Error, source: SourceSettings) -> str:
    text = str(error).splitlines()[0]
    return text.replace(source.password.get_secret_value(), "***") if source.password else text


def rows(name: str, source: SourceSettings, table: TableInput, connection: Any) -> Rows:
    """The rows of a table or view.

    Raises:
        AimloopError: there is none of that name; names the nearest.
    """
    alias = attach(name, source, connection)
    present = tables(alias, connection)
    wanted = table.table or ""
    matching = [full for full in present if wanted in (full, full.split(".", 1)[1])]
    if not matching:
        hint = did_you_mean(wanted, [*present, *(full.split(".", 1)[1] for full in present)])
        raise AimloopError(
            f"[sources.{name}] has no table '{wanted}'", f"{hint}there are: {', '.join(present[:12]) or 'none'}"
        )
    schema, _, relation = matching[0].partition(".")
    select = f"SELECT * FROM {quoted(alias)}.{quoted(schema)}.{quoted(relation)}"
    described = connection.execute(f"DESCRIBE {select}").fetchall()
    return Rows(select, tuple(row[0] for row in described), is_text=source.kind == "sqlite")


def tables(alias: str, connection: Any) -> list[str]:
    """Every table and view of an attached database, as schema.table."""
    found = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = ? ORDER BY ALL", [alias]
    ).fetchall()
    return [f"{schema}.{table}" for schema, table in found if schema not in _OWN_SCHEMAS]
