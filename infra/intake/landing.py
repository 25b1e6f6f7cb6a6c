"""Landing: the source's tables into a new raw zone, which takes the old one's place in one step.

Each table is cast and checked against its contract; failing rows are set aside with their reason,
erased people are left out by their tombstones, and the crosswalk from customer ids to pseudonyms is
kept. For every table read = accepted + quarantined + suppressed.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple
from datetime import datetime
from pathlib import Path

import pandas as pd

from infra import contract_sql
from infra.erasing import tombstones
from infra.errors import AimloopError
from infra.files import remove_database
from infra.intake import consents
from infra.intake.judgement import UNREAD, Judgement, read_table
from infra.intake.raw_zone import Landing, explained_damage
from infra.keys import Keys
from infra.privacy import personal_columns
from infra.raw_contracts import RAW
from infra.sections import Cleaning, Privacy
from infra.sources.raw_table import RawTable
from infra.state import State, disk_trouble
from infra.warehouse import Connection, EngineError, attach_encrypted, engine


def land(
    state: State,
    keys: Keys,
    tables: Sequence[RawTable],
    fingerprint: str,
    cleaning: Cleaning | None = None,
    privacy: Privacy | None = None,
    now: datetime | None = None,
) -> list[Landing]:
    """Write a new raw zone from ``tables`` and let it take the old one's place.

    Args:
        state: whose zone it is.
        keys: for the file and the pseudonyms.
        tables: any number of inputs a table; the rows of inputs of one name are added up.
        fingerprint: a label of the data, to recognise them by.
        cleaning: the rules for dirt; default: all of them as they come.
        privacy: what is personal; default: what looks so.
        now: the instant of landing (naive UTC): later events are set aside, changed answers about consent are known
            from then on; None: nobody knows the time.

    Raises:
        AimloopError: a table cannot be read or lacks a required column.
    """
    privacy = privacy or Privacy.model_validate({})
    fresh = state.raw_zone.with_name("zone.building.duckdb")
    remove_database(fresh)
    inputs: dict[str, list[RawTable]] = {name: [] for name in RAW}
    for table in tables:
        if table.name not in inputs:
            known = ", ".join(RAW)
            raise AimloopError(f"the source has a table '{table.name}' that no contract knows", f"known: {known}")
        inputs[table.name].append(table)
    judgement = Judgement(cleaning or Cleaning(), now)
    with _removed_on_failure(fresh), engine(state.raw_zone.parent / "spill") as connection:
        _refuse_another_key(connection, state, keys)
        _recall_tombstones(connection, state, keys)
        attach_encrypted(connection, fresh, "raw", keys.storage, read_only=False)
        connection.execute("CREATE TABLE raw.crosswalk (customer_id VARCHAR PRIMARY KEY, pseudonym VARCHAR UNIQUE)")
        connection.execute("CREATE TABLE raw.quarantine (table_name VARCHAR, reason VARCHAR, row_json VARCHAR)")
        connection.execute(
            "CREATE TABLE raw.rules (table_name VARCHAR, column_name VARCHAR, rule VARCHAR, rows BIGINT)"
        )
        connection.execute(
            "CREATE TABLE raw.personal_columns "
            "(table_name VARCHAR, column_name VARCHAR, kind VARCHAR, how VARCHAR, share DOUBLE)"
        )
        landings = [_land_table(connection, state, keys, name, inputs[name], judgement, privacy) for name in RAW]
        personal_columns.refuse_unknown(connection, privacy)
        consents.record(connection, state, keys, inputs["customers"], now)
        _describe(connection, landings, fingerprint)
        connection.execute("DETACH raw")
    fresh.replace(state.raw_zone)
    return landings


def _land_table(
    connection: Connection,
    state: State,
    keys: Keys,
    name: str,
    inputs: Sequence[RawTable],
    judgement: Judgement,
    privacy: Privacy,
) -> Landing:
    contract = RAW[name]
    if not inputs:
        types = ", ".join(f'"{column}" {sql_type}' for column, sql_type in contract_sql.columns(contract).items())
        connection.execute(f"CREATE TABLE raw.{name} ({types})")
        return Landing(name, 0, 0, 0, 0)
    try:
        applied = read_table(connection, name, inputs, judgement)
    except EngineError as error:
        # the engine's own words may quote a customer's data, and errors end up in logs: its kind must do
        origins = ", ".join(table.origin for table in inputs if table.origin)
        raise disk_trouble(error, state.raw_zone) or AimloopError(
            f"the source's table '{name}' cannot be read ({type(error).__name__})"
            + (f": {origins}" if origins else ""),
            "check the files it is read from, and the types of their columns; nothing has been changed",
        ) from None
    personal_columns.note(connection, name, privacy)
    if "customer_id" in contract_sql.columns(contract):
        _extend_crosswalk(connection, keys)
        suppressed = "customer_id IN (FROM erased)"
    else:
        suppressed = "false"
    connection.execute(
        f"INSERT INTO raw.quarantine SELECT '{name}', reason, to_json(incoming)::VARCHAR FROM incoming "
        f"WHERE reason IS NOT NULL AND coalesce(NOT ({suppressed}), true)"
    )
    connection.execute(
        f"INSERT INTO raw.quarantine SELECT '{name}', 'line: ' || problem, to_json({UNREAD})::VARCHAR FROM {UNREAD}"
    )
    connection.execute(
        f"CREATE TABLE raw.{name} AS SELECT COLUMNS(c -> {_BELONGS}) FROM incoming "
        f"WHERE reason IS NULL AND NOT ({suppressed})"
    )
    for count in applied:
        connection.execute("INSERT INTO raw.rules VALUES (?, ?, ?, ?)", list(astuple(count)))
    read, quarantined, accepted, left_out = connection.execute(
        f"""SELECT (SELECT count(*) FROM incoming) + (SELECT count(*) FROM {UNREAD}),
                   (SELECT count(*) FROM raw.quarantine WHERE table_name = '{name}'),
                   (SELECT count(*) FROM raw.{name}),
                   (SELECT count(*) FROM incoming WHERE {suppressed})"""
    ).fetchone() or (0, 0, 0, 0)
    connection.execute("DROP TABLE incoming")
    synthetic = tuple(dict.fromkeys(column for table in inputs for column in table.synthetic))
    return Landing(name, read, accepted, quarantined, left_out, synthetic)


# what helped to read and judge a row stays behind
_BELONGS = "c <> 'reason' AND c NOT LIKE 'given\\_%' ESCAPE '\\' AND c NOT LIKE 'was\\_decimal\\_%' ESCAPE '\\'"


def _extend_crosswalk(connection: Connection, keys: Keys) -> None:
    new = connection.execute(
        "SELECT DISTINCT customer_id FROM incoming ANTI JOIN raw.crosswalk USING (customer_id) "
        "ANTI JOIN erased USING (customer_id) WHERE customer_id IS NOT NULL ORDER BY customer_id"
    ).df()
    new = _without_erased(connection, keys, new)
    if new.empty:
        return
    new["pseudonym"] = [keys.pseudonymise(customer_id) for customer_id in new["customer_id"]]
    connection.register("newcomers", new)
    connection.execute("INSERT INTO raw.crosswalk SELECT customer_id, pseudonym FROM newcomers")
    connection.unregister("newcomers")


def _refuse_another_key(connection: Connection, state: State, keys: Keys) -> None:
    """A zone that does not open is not replaced: whoever has its key may want it."""
    if state.raw_zone.exists():
        with explained_damage(state.raw_zone):
            attach_encrypted(connection, state.raw_zone, "old", keys.storage, read_only=True)
            connection.execute("DETACH old")


def _recall_tombstones(connection: Connection, state: State, keys: Keys) -> None:
    """Tombstones of erased people, and a place for the ids among the incoming ones that they belong to."""
    marks = sorted(tombstones.read(state, keys))
    connection.execute("CREATE TEMP TABLE tombstones AS SELECT unnest($marks::VARCHAR[]) AS mark", {"marks": marks})
    connection.execute("CREATE TEMP TABLE erased (customer_id VARCHAR)")


def _without_erased(connection: Connection, keys: Keys, new: pd.DataFrame) -> pd.DataFrame:
    """Erased people who come back with this export are told apart before anything of them is written."""
    marks = {mark for (mark,) in connection.execute("FROM tombstones").fetchall()}
    if not marks:
        return new
    is_erased = new["customer_id"].map(keys.entomb).isin(marks)
    connection.register("returned", new.loc[is_erased, ["customer_id"]])
    connection.execute("INSERT INTO erased FROM returned")
    connection.unregister("returned")
    return new[~is_erased].copy()


def _describe(connection: Connection, landings: Sequence[Landing], fingerprint: str) -> None:
    frame = pd.DataFrame([asdict(landing) for landing in landings])
    frame["synthetic"] = [json.dumps(landing.synthetic) for landing in landings]
    frame["position"] = range(len(frame))
    connection.register("described", frame)
    connection.execute("CREATE TABLE raw.landings AS FROM described")
    connection.execute("CREATE TABLE raw.contents AS SELECT ? AS fingerprint", [fingerprint])


@contextmanager
def _removed_on_failure(database: Path) -> Iterator[None]:
    """What was half-written does not stay."""
    try:
        yield
    except BaseException:
        remove_database(database)
        raise
