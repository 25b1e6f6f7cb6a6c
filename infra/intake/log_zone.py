"""The log zone: an encrypted file beside the raw zone, with what services said and what came of it.

`log_landing` adds to it. Of every landing, read = accepted + quarantined + suppressed, and these are the rows that
carry its number.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from infra import contract_sql
from infra.files import remove_database
from infra.intake.raw_zone import explained_damage
from infra.keys import Keys
from infra.log_contracts import LOG
from infra.state import State
from infra.warehouse import Connection, attach_encrypted, engine


@contextmanager
def open_log_zone(state: State, keys: Keys, *, read_only: bool = True) -> Iterator[Connection]:
    """The log zone, attached as ``log``; begun where there is none.

    Opened for writing, it gets the columns that a zone of an older version lacks; a reader may not find them.
    """
    begin(state, keys.storage)
    spill, remedy = state.log_zone.parent / "spill", "put a copy back; without it, move it away: a new one is begun"
    with engine(spill) as connection, explained_damage(state.log_zone, remedy):
        attach_encrypted(connection, state.log_zone, "log", keys.storage, read_only=read_only)
        if not read_only:
            _complete(connection)
        yield connection
        connection.execute("DETACH log")


def landings(state: State, keys: Keys) -> pd.DataFrame:
    """Every landing: landing, table_name, name (of the file), sha256, landed_at, and what became of its rows."""
    with open_log_zone(state, keys) as connection:
        return connection.execute("SELECT * EXCLUDE (up_to) FROM log.landings ORDER BY landing").df()


def begin(state: State, storage_key: str) -> None:
    """Make the zone, empty, where there is none."""
    if state.log_zone.exists():
        return
    fresh = state.log_zone.with_name("log.building.duckdb")
    remove_database(fresh)
    with engine(state.log_zone.parent / "spill") as connection:
        attach_encrypted(connection, fresh, "log", storage_key, read_only=False)
        for name, contract in LOG.items():
            columns = contract_sql.columns(contract) | {"landed_at": "TIMESTAMP", "landing": "BIGINT"}
            listed = ", ".join(f'"{column}" {sql_type}' for column, sql_type in columns.items())
            connection.execute(f"CREATE TABLE log.{name} ({listed})")
        connection.execute(
            "CREATE TABLE log.quarantine "
            "(table_name VARCHAR, line BIGINT, reason VARCHAR, row_json VARCHAR, landing BIGINT)"
        )
        connection.execute(
            "CREATE TABLE log.landings (landing BIGINT, table_name VARCHAR, name VARCHAR, sha256 VARCHAR, up_to BIGINT,"
            " landed_at TIMESTAMP, read BIGINT, accepted BIGINT, quarantined BIGINT, suppressed BIGINT)"
        )
        connection.execute("DETACH log")
    fresh.replace(state.log_zone)


def _complete(connection: Connection) -> None:
    for name, contract in LOG.items():
        for column, sql_type in contract_sql.columns(contract).items():
            connection.execute(f'ALTER TABLE log.{name} ADD COLUMN IF NOT EXISTS "{column}" {sql_type}')
