"""Erasure in the databases: raw zone and warehouse are written anew without some people.

Each function may be repeated; what it removes, and from which file, goes into the journal first.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from infra import warehouse
from infra.contract_sql import event_time
from infra.erasing import rewriting
from infra.erasing.journal import Journal
from infra.erasing.people import DISTINCTIVE, Person, register
from infra.erasing.rewriting import Table
from infra.errors import AimloopError
from infra.files import remove_database
from infra.keys import Keys
from infra.raw_contracts import RAW
from infra.sources.rows import quoted, sql_text
from infra.state import State, disk_trouble
from infra.warehouse import Connection, EngineError, attach_encrypted, engine

# A row set aside is theirs when it carries their id as customer, or, since it may be broken in any way,
# any text that can be nobody else's: as a value of its own, or as a word in a longer text.
IN_QUARANTINE = f"""
    SELECT DISTINCT q.rowid AS row_id, p.tombstone FROM old.quarantine q JOIN people p
      ON json_extract_string(q.row_json, '$.customer_id') = p.customer_id
      OR json_extract_string(q.row_json, '$.given_customer_id') = p.customer_id
      OR (length(p.customer_id) >= {DISTINCTIVE}
          AND list_contains(json_extract_string(q.row_json, '$.*'), p.customer_id))
    UNION
    SELECT DISTINCT q.rowid, d.tombstone FROM old.quarantine q JOIN details d
      ON contains(lower(q.row_json), lower(d.detail)) AND regexp_matches(
         lower(q.row_json), '(^|[^[:alnum:]])' || regexp_escape(lower(d.detail)) || '($|[^[:alnum:]])')
"""


def holdings(state: State, keys: Keys, persons: Sequence[Person]) -> dict[str, dict[str, int]]:
    """How many rows of whom lie where (place → tombstone → rows), in every database there is."""
    found: dict[str, dict[str, int]] = {}
    if state.raw_zone.exists():
        with opened(state.raw_zone, keys, persons) as connection:
            counts = _counts(connection)
        found |= {f"raw zone: {name}": count for name, count in counts.items() if count}
    for path in (generation.path for generation in warehouse.generations(state)):
        with engine(path.parent / "spill") as connection, _discreet(path):
            connection.execute(f"ATTACH {sql_text(path)} AS old (READ_ONLY)")
            register(connection, persons)
            counts = _counts(connection)
        for name, count in counts.items():
            place = found.setdefault(f"warehouse: {name}", {})
            place.update({who: max(n, place.get(who, 0)) for who, n in count.items()})
    return {place: counts for place, counts in found.items() if counts}


def first_seen(state: State, keys: Keys, persons: Sequence[Person]) -> dict[str, pd.Timestamp]:
    """Tombstone → the earliest instant from which a model may have learned of that person.

    Whoever is found without a time, or in scores and marts alone, has always been there.
    """
    seen = {tombstone: pd.Timestamp.min for counts in holdings(state, keys, persons).values() for tombstone in counts}
    if not state.raw_zone.exists():
        return seen
    times = [
        f"SELECT customer_id, {time} AS happened_at FROM old.{name}"
        for name, contract in RAW.items()
        if (time := event_time(contract)) and "customer_id" in contract.to_schema().columns
    ]
    with opened(state.raw_zone, keys, persons) as connection:
        rows = connection.execute(
            f"SELECT tombstone, min(least(happened_at, TIMESTAMP '2261-01-01')) FROM ({' UNION ALL '.join(times)}) "
            "JOIN people USING (customer_id) GROUP BY tombstone HAVING min(happened_at) IS NOT NULL"
        ).fetchall()
    return seen | {tombstone: pd.Timestamp(at) for tombstone, at in rows}


def erase_from_raw_zone(state: State, keys: Keys, persons: Sequence[Person], journal: Journal) -> None:
    """Every table, the crosswalk and the quarantine; what is gone counts as suppressed from now on."""
    zone = state.raw_zone
    remove_database(zone.with_name("zone.building.duckdb"))
    shutil.rmtree(zone.parent / "spill", ignore_errors=True)
    if not zone.exists():
        return
    fresh = zone.with_name("zone.erasing.duckdb")
    remove_database(fresh)
    with opened(state.raw_zone, keys, persons) as connection:
        counts, mentions = _counts(connection), _mentions(connection)
        if not any(counts.values()) and not mentions:
            return
        for name, count in (counts | mentions).items():
            journal.removed(f"raw zone: {name}", count)
        connection.register("moved", _moved(connection, counts))
        connection.execute(f"CREATE TEMP TABLE in_quarantine AS {IN_QUARANTINE}")
        attach_encrypted(connection, fresh, "fresh", keys.storage, read_only=False)
        rewriting.copy(connection, _rows_of_others)
        connection.execute("DETACH fresh")
    journal.replace(fresh, zone)


def erase_from_warehouse(state: State, persons: Sequence[Person], journal: Journal) -> None:
    """The published generation is written anew; all others, finished or not, are dropped."""
    published = warehouse.published(state)
    shutil.rmtree(state.warehouse / "spill", ignore_errors=True)
    for path in sorted(state.warehouse.glob("*.duckdb")):
        if published is None or path != published.path:
            journal.drop(path)
    if published is None or not published.path.exists():
        return
    with _discreet(published.path), engine(published.path.parent / "spill", published.path) as connection:
        connection.execute("CHECKPOINT")  # nothing stays beside the file that takes its place
    fresh = published.path.with_suffix(".erasing")
    with _discreet(published.path), rewriting.between(published.path, fresh) as connection:
        register(connection, persons)
        counts = _counts(connection) | _mentions(connection)
        if any(counts.values()):
            for name, count in counts.items():
                journal.removed(f"warehouse: {name}", count)
            rewriting.copy(connection, _rows_of_others)
    if any(counts.values()):
        journal.replace(fresh, published.path)
    remove_database(fresh)


# ── helpers ───────────────────────────────────────────────────────────────────────────────────


@contextmanager
def opened(zone: Path, keys: Keys, persons: Sequence[Person]) -> Iterator[Connection]:
    """An encrypted zone, attached as ``old``, beside the tables of ``people.register``."""
    with engine(zone.parent / "spill") as connection, _discreet(zone):
        attach_encrypted(connection, zone, "old", keys.storage, read_only=True)
        register(connection, persons)
        yield connection


@contextmanager
def _discreet(path: Path) -> Iterator[None]:
    """The engine's words may quote a row of the person, and errors end up in logs: its kind must do."""
    try:
        yield
    except EngineError as error:
        raise disk_trouble(error, path) or AimloopError(
            f"{path} cannot be read or copied ({type(error).__name__}); the erasure is not finished",
            "mend or remove that file; `aimloop forget` or `aimloop run` then goes on with the erasure",
        ) from None


def _counts(connection: Connection) -> dict[str, dict[str, int]]:
    """Table of the database attached as ``old`` → tombstone → rows."""
    counts = {}
    for table in rewriting.tables(connection, "old"):
        if table.name == "quarantine":
            owners = f"({IN_QUARANTINE})"
        elif key := _key(table):
            owners = f"(SELECT tombstone FROM {table.source} JOIN people USING ({key}))"
        else:
            continue
        rows = connection.execute(f"SELECT tombstone, count(*) FROM {owners} GROUP BY tombstone").fetchall()
        counts[table.name] = {str(tombstone): int(count) for tombstone, count in rows}
    return counts


# A customer's id may also be an article's, so that it tells nothing where nobody is the customer.
_CONTACT = "(FROM details WHERE detail NOT IN (SELECT customer_id FROM people))"


def _mentions(connection: Connection) -> dict[str, dict[str, int]]:
    """Table in which nobody owns a row, such as products → tombstone → rows whose texts name that person."""
    found = {}
    for table in rewriting.tables(connection, "old"):
        if _key(table) is None and (columns := _free_texts(table)):
            told = f"lower(concat_ws(chr(31), {', '.join(columns)}))"
            rows = connection.execute(
                f"SELECT tombstone, count(DISTINCT t.rowid) FROM {table.source} AS t "
                f"JOIN {_CONTACT} ON contains({told}, lower(detail)) GROUP BY tombstone"
            ).fetchall()
            if rows:
                found[f"{table.name} (redacted)"] = {str(tombstone): int(count) for tombstone, count in rows}
    return found


def _free_texts(table: Table) -> list[str]:
    """Text columns that join nothing, of a table that the company brought."""
    is_brought = table.name in RAW or table.name.startswith(("staging.", "marts."))
    return [quoted(column) for column in table.texts if is_brought and not column.endswith("_id")]


def _key(table: Table) -> str | None:
    return next((column for column in ("customer_id", "pseudonym") if table.has(column)), None)


def _rows_of_others(table: Table) -> str:
    if table.name == "quarantine":
        return f"SELECT * FROM {table.source} WHERE rowid NOT IN (SELECT row_id FROM in_quarantine)"
    if table.name == "landings":
        return f"""SELECT * REPLACE (accepted - coalesce(moved.from_accepted, 0) AS accepted
                                   , quarantined - coalesce(moved.from_quarantine, 0) AS quarantined
                                   , suppressed + coalesce(moved.from_accepted, 0)
                                     + coalesce(moved.from_quarantine, 0) AS suppressed)
                   FROM {table.source} LEFT JOIN moved USING (table_name) ORDER BY position"""
    if key := _key(table):
        return f"SELECT * FROM {table.source} ANTI JOIN people USING ({key})"
    if columns := _free_texts(table):
        pattern = f"(SELECT string_agg(regexp_escape(detail), '|') FROM {_CONTACT})"
        redacted = ", ".join(
            f"coalesce(regexp_replace({column}, {pattern}, '****', 'gi'), {column}) AS {column}" for column in columns
        )
        return f"SELECT * REPLACE ({redacted}) FROM {table.source}"
    return f"SELECT * FROM {table.source}"


def _moved(connection: Connection, counts: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """How many rows of each landed table leave its accepted ones and its quarantine."""
    aside = connection.execute(
        f"SELECT table_name, count(DISTINCT rowid) FROM old.quarantine "
        f"WHERE rowid IN (SELECT row_id FROM ({IN_QUARANTINE})) GROUP BY table_name"
    ).fetchall()
    in_quarantine = {str(name): int(count) for name, count in aside}
    rows = [(name, sum(counts.get(name, {}).values()), in_quarantine.get(name, 0)) for name in RAW]
    return pd.DataFrame(rows, columns=["table_name", "from_accepted", "from_quarantine"])
