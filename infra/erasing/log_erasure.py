"""Erasure in what services logged and applications reported: files, the log zone and the reports' own file.

Whatever lies in files is landed first, so that there is one place to erase from: services that write are made to let
go of theirs. A row that one of them logs later, because it has not seen the tombstone yet, is told by the mark of its
pseudonym when it is landed (`infra.intake.log_landing`). Each function may be repeated.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from infra import outcomes
from infra.erasing import rewriting, tombstones
from infra.erasing.erasure import IN_QUARANTINE, opened
from infra.erasing.journal import Journal
from infra.erasing.people import Person
from infra.erasing.rewriting import Table
from infra.files import remove_database
from infra.intake import prediction_files
from infra.intake.log_landing import land
from infra.intake.log_zone import open_log_zone
from infra.keys import Keys
from infra.state import State
from infra.warehouse import Connection, attach_encrypted

# An outcome belongs to who was predicted about; a row set aside to whom it names, by pseudonym too.
_THEIR_PREDICTIONS = "(SELECT DISTINCT prediction_id, tombstone FROM old.predictions JOIN people USING (pseudonym))"
_OWNED = f"""
    CREATE TEMP TABLE owned AS
    SELECT 'predictions' AS table_name, t.rowid AS row_id, landing, tombstone
    FROM old.predictions t JOIN people USING (pseudonym)
    UNION ALL
    SELECT 'outcomes', t.rowid, landing, tombstone FROM old.outcomes t JOIN {_THEIR_PREDICTIONS} USING (prediction_id)
    UNION ALL
    SELECT 'quarantine', row_id, landing, tombstone FROM old.quarantine t JOIN (
        {IN_QUARANTINE}
        UNION SELECT q.rowid, tombstone FROM old.quarantine q JOIN people ON contains(row_json, pseudonym)
        UNION SELECT q.rowid, tombstone FROM old.quarantine q JOIN {_THEIR_PREDICTIONS} AS said
              ON json_extract_string(row_json, '$.prediction_id') = said.prediction_id
    ) ON t.rowid = row_id
"""


def holdings(state: State, keys: Keys, persons: Sequence[Person], now: datetime) -> dict[str, dict[str, int]]:
    """How many rows of whom lie in the log (place → tombstone → rows), once all that waits has been landed."""
    land(state, keys, now, prediction_files.every(state.predictions))
    with opened(state.log_zone, keys, persons) as connection:
        connection.execute(_OWNED)
        return _counts(connection)


def erase_from_log(state: State, keys: Keys, persons: Sequence[Person], now: datetime, journal: Journal) -> None:
    """Their predictions, what came of these, and rows set aside; what is gone counts as suppressed from now on."""
    marks = [tombstones.mark_of_pseudonym(keys, person.pseudonym) for person in persons]
    land(state, keys, now, prediction_files.every(state.predictions), counted_elsewhere=marks)
    zone = state.log_zone
    with open_log_zone(state, keys, read_only=False) as connection:
        connection.execute("CHECKPOINT log")  # nothing stays beside the file that takes its place
    fresh = zone.with_name("log.erasing.duckdb")
    remove_database(fresh)
    with opened(zone, keys, persons) as connection:
        connection.execute(_OWNED)
        counts = _counts(connection)
        if not counts:
            return
        for place, count in counts.items():
            journal.removed(place, count)
        _erase_reports(connection, state.outcomes, journal)
        attach_encrypted(connection, fresh, "fresh", keys.storage, read_only=False)
        rewriting.copy(connection, _rows_of_others)
        connection.execute("DETACH fresh")
    journal.replace(fresh, zone)


def _counts(connection: Connection) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    found = connection.execute("SELECT table_name, tombstone, count(*) FROM owned GROUP BY ALL ORDER BY ALL")
    for name, tombstone, count in found.fetchall():
        counts.setdefault(f"prediction log: {name}", {})[tombstone] = count
    return counts


def _rows_of_others(table: Table) -> str:
    if table.name != "landings":
        theirs = f"SELECT row_id FROM owned WHERE table_name = '{table.name}'"
        return f"SELECT * FROM {table.source} WHERE rowid NOT IN ({theirs})"
    return f"""
        SELECT * REPLACE (accepted - coalesce(from_accepted, 0) AS accepted
                        , quarantined - coalesce(from_quarantine, 0) AS quarantined
                        , suppressed + coalesce(from_accepted, 0) + coalesce(from_quarantine, 0) AS suppressed)
        FROM {table.source} LEFT JOIN (
            SELECT landing, count(DISTINCT row_id) FILTER (WHERE owned.table_name <> 'quarantine') AS from_accepted
                 , count(DISTINCT row_id) FILTER (WHERE owned.table_name = 'quarantine') AS from_quarantine
            FROM owned GROUP BY landing) USING (landing)
        ORDER BY landing"""


def _erase_reports(connection: Connection, path: Path, journal: Journal) -> None:
    """Reports of what came of their predictions, out of a file that services write meanwhile."""
    found = connection.execute(f"SELECT prediction_id, tombstone FROM {_THEIR_PREDICTIONS}").fetchall()
    if not path.exists():
        return
    with closing(outcomes.connect(path)) as reports:
        reports.execute("PRAGMA secure_delete = ON")
        reports.execute("PRAGMA temp_store = MEMORY")
        reports.execute("CREATE TEMP TABLE theirs (prediction_id PRIMARY KEY, tombstone)")
        reports.executemany("INSERT INTO theirs VALUES (?, ?)", found)
        counts = reports.execute(
            "SELECT tombstone, count(*) FROM outcomes JOIN theirs USING (prediction_id) GROUP BY tombstone"
        ).fetchall()
        if not counts:
            return
        journal.removed("outcomes as they were reported", dict(counts))
        with journal.changing(path):
            reports.execute("DELETE FROM outcomes WHERE prediction_id IN (SELECT prediction_id FROM theirs)")
            outcomes.compact(reports)
