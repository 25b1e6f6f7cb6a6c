"""Landing: the source's tables into a new raw zone, which takes the old one's place in one step.

Each table is cast and checked against its contract; failing rows are set aside with their reason,
erased people are left out, and the crosswalk from customer ids to pseudonyms is kept. For every
table read = accepted + quarantined + suppressed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from infra import contract_sql, personal_columns
from infra.errors import AimloopError
from infra.keys import Keys
from infra.raw_contracts import RAW
from infra.raw_zone import Landing, explained_damage
from infra.sections import Privacy
from infra.sources.raw_table import RawTable
from infra.state import State, disk_trouble
from infra.warehouse import Connection, EngineError, attach_encrypted, engine


def land(
    state: State, keys: Keys, tables: Sequence[RawTable], fingerprint: str, privacy: Privacy | None = None
) -> list[Landing]:
    """Write a new raw zone from ``tables`` and let it take the old one's place.

    Raises:
        AimloopError: a table cannot be read or lacks a required column.
    """
    privacy = privacy or Privacy.model_validate({})
    fresh = state.raw_zone.with_name("zone.building.duckdb")
    _remove(fresh)
    by_name = {table.name: table for table in tables}
    if unknown := sorted(set(by_name) - set(RAW)):
        raise AimloopError(f"the source has a table '{unknown[0]}' that no contract knows", f"known: {', '.join(RAW)}")
    with engine(state.raw_zone.parent / "spill") as connection:
        _carry_tombstones(connection, state, keys)
        attach_encrypted(connection, fresh, "raw", keys.storage, read_only=False)
        connection.execute("CREATE TABLE raw.tombstones AS FROM tombstones")
        connection.execute("CREATE TABLE raw.crosswalk (customer_id VARCHAR PRIMARY KEY, pseudonym VARCHAR UNIQUE)")
        connection.execute("CREATE TABLE raw.quarantine (table_name VARCHAR, reason VARCHAR, row_json VARCHAR)")
        connection.execute(
            "CREATE TABLE raw.personal_columns "
            "(table_name VARCHAR, column_name VARCHAR, kind VARCHAR, how VARCHAR, share DOUBLE)"
        )
        landings = [_land_table(connection, state, keys, name, by_name.get(name), privacy) for name in RAW]
        personal_columns.refuse_unknown(connection, privacy)
        connection.execute("DELETE FROM raw.crosswalk WHERE pseudonym IN (FROM raw.tombstones)")
        _describe(connection, landings, fingerprint)
        connection.execute("DETACH raw")
    fresh.replace(state.raw_zone)
    return landings


def _land_table(
    connection: Connection, state: State, keys: Keys, name: str, table: RawTable | None, privacy: Privacy
) -> Landing:
    contract = RAW[name]
    if table is None:
        types = ", ".join(f'"{column}" {sql_type}' for column, sql_type in contract_sql.columns(contract).items())
        connection.execute(f"CREATE TABLE raw.{name} ({types})")
        return Landing(name, 0, 0, 0, 0)
    for frame_name, frame in table.frames.items():
        connection.register(frame_name, frame)
    try:
        _read(connection, name, table)
    except EngineError as error:
        # the engine's own words may quote a customer's data, and errors end up in logs: its kind must do
        raise disk_trouble(error, state.raw_zone) or AimloopError(
            f"the source's table '{name}' cannot be read ({type(error).__name__})",
            "check the files it is read from, and the types of their columns; nothing has been changed",
        ) from None
    _set_duplicates_aside(connection, contract_sql.key(contract))
    personal_columns.note(connection, name, privacy)
    if "customer_id" in contract_sql.columns(contract):
        _extend_crosswalk(connection, keys)
        suppressed = "customer_id IN (SELECT customer_id FROM raw.crosswalk SEMI JOIN raw.tombstones USING (pseudonym))"
    else:
        suppressed = "false"
    connection.execute(
        f"INSERT INTO raw.quarantine SELECT '{name}', reason, to_json(incoming)::VARCHAR FROM incoming "
        f"WHERE reason IS NOT NULL AND coalesce(NOT ({suppressed}), true)"
    )
    connection.execute(
        f"CREATE TABLE raw.{name} AS SELECT COLUMNS(c -> c <> 'reason' AND c NOT LIKE 'given_%') "
        f"FROM incoming WHERE reason IS NULL AND NOT ({suppressed})"
    )
    read, quarantined, accepted, left_out = connection.execute(
        f"""SELECT (SELECT count(*) FROM incoming),
                   (SELECT count(*) FROM raw.quarantine WHERE table_name = '{name}'),
                   (SELECT count(*) FROM raw.{name}),
                   (SELECT count(*) FROM incoming WHERE {suppressed})"""
    ).fetchone() or (0, 0, 0, 0)
    connection.execute("DROP TABLE incoming")
    return Landing(name, read, accepted, quarantined, left_out, table.synthetic)


def _read(connection: Connection, name: str, table: RawTable) -> None:
    """Make ``incoming``: cast columns, the given ones where a cast could lose them, the reason."""
    contract = RAW[name]
    described = connection.execute(f"DESCRIBE {table.relation}").fetchall()
    given: Mapping[str, str] = {row[0]: row[1] for row in described}
    types = contract_sql.columns(contract)
    _refuse_missing_columns(name, set(given))
    recast = {column for column in types if column in given and given[column] != types[column]}
    casts = [f'{contract_sql.cast_expression(contract, column, set(given))} AS "{column}"' for column in types]
    kept = [f'"{column}" AS "given_{column}"' for column in recast if types[column] != "VARCHAR"]
    attributes = [column.replace('"', '""') for column in given if column.startswith("attr_")]
    further = [f'CAST("{column}" AS VARCHAR) AS "{column}"' for column in attributes]
    reason = contract_sql.reason_expression(contract, recast)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT *, {reason} AS reason "
        f"FROM (SELECT {', '.join(casts + further + kept)} FROM ({table.relation}))"
    )


def _refuse_missing_columns(name: str, given: set[str]) -> None:
    contract = RAW[name]
    for column, rule in contract.to_schema().columns.items():
        if not rule.nullable and column not in given and column != "landed_at":
            raise AimloopError(
                f"the source's table '{name}' lacks the required column '{column}'",
                f"'{name}' is {str(contract.__doc__).strip().rstrip('.').lower()}: give it that column",
            )


def _set_duplicates_aside(connection: Connection, key: list[str]) -> None:
    if not key:
        return
    columns = ", ".join(key)
    connection.execute(
        f"""UPDATE incoming SET reason = '{columns}: duplicate'
            WHERE rowid IN (
                SELECT row_id FROM (
                    SELECT rowid AS row_id, row_number() OVER (PARTITION BY {columns} ORDER BY rowid) AS copy
                    FROM incoming
                    WHERE reason IS NULL AND ({columns}) IN (
                        SELECT ({columns}) FROM incoming WHERE reason IS NULL GROUP BY {columns} HAVING count(*) > 1
                    )
                ) WHERE copy > 1)"""
    )


def _extend_crosswalk(connection: Connection, keys: Keys) -> None:
    new = connection.execute(
        "SELECT DISTINCT customer_id FROM incoming ANTI JOIN raw.crosswalk USING (customer_id) "
        "WHERE customer_id IS NOT NULL ORDER BY customer_id"
    ).df()
    if new.empty:
        return
    new["pseudonym"] = [keys.pseudonymise(customer_id) for customer_id in new["customer_id"]]
    connection.register("newcomers", new)
    connection.execute("INSERT INTO raw.crosswalk SELECT customer_id, pseudonym FROM newcomers")
    connection.unregister("newcomers")


def _carry_tombstones(connection: Connection, state: State, keys: Keys) -> None:
    """Erased people stay erased: their pseudonyms move from the old zone to the new one."""
    connection.execute("CREATE TEMP TABLE tombstones (pseudonym VARCHAR)")
    if state.raw_zone.exists():
        with explained_damage(state.raw_zone):
            attach_encrypted(connection, state.raw_zone, "old", keys.storage, read_only=True)
            connection.execute("INSERT INTO tombstones FROM old.tombstones")
            connection.execute("DETACH old")


def _describe(connection: Connection, landings: Sequence[Landing], fingerprint: str) -> None:
    frame = pd.DataFrame([asdict(landing) for landing in landings])
    frame["synthetic"] = [json.dumps(landing.synthetic) for landing in landings]
    frame["position"] = range(len(frame))
    connection.register("described", frame)
    connection.execute("CREATE TABLE raw.landings AS FROM described")
    connection.execute("CREATE TABLE raw.contents AS SELECT ? AS fingerprint", [fingerprint])


def _remove(database: Path) -> None:
    database.unlink(missing_ok=True)
    database.with_name(database.name + ".wal").unlink(missing_ok=True)
