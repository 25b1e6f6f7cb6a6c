"""Landing of what services logged and applications reported, each file and each report once, whatever is killed when.

A file's rows, its name and its SHA-256 go into the log zone in one transaction; then the file is removed. One that
is still there although the zone knows it is removed without being read again. Reports stay in their own file, which
tells repeated ones apart; the zone knows up to which one it has read.

Of a broken line the text is kept where it is JSON, written anew: half a line may hold half a pseudonym, which no
erasure would find. An outcome whose prediction is not known is accepted: the prediction may lie in a file that is
still written; where it never comes (lost, or of someone erased), the outcome stays without.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from infra import contract_sql, outcomes
from infra.erasing import tombstones
from infra.files import sha256
from infra.intake import log_lines
from infra.intake.log_lines import Line
from infra.intake.log_zone import open_log_zone
from infra.keys import Keys
from infra.log_contracts import LOG
from infra.state import State
from infra.warehouse import Connection


@dataclass(frozen=True)
class Landed:
    """What became of the rows of one table: read = accepted + quarantined + suppressed."""

    read: int
    accepted: int
    quarantined: int
    suppressed: int


@dataclass(frozen=True)
class _Origin:
    """Where lines come from: a file, or the reports up to one."""

    name: str
    lines: Iterable[Line]
    sha256: str | None = None
    up_to: int | None = None


def land(
    state: State,
    keys: Keys,
    now: datetime,
    files: Sequence[Path],
    *,
    renamed: Mapping[str, str] | None = None,
    counted_elsewhere: Collection[str] = (),
) -> dict[str, Landed]:
    """Land files that have no writer, and all reports; returns what became of the rows of each table.

    Args:
        state: whose zone it is.
        keys: for the file, and for telling erased people by their pseudonyms.
        now: the instant of landing (naive UTC).
        files: what to land; they are removed.
        renamed: pseudonyms in the files → those under ``keys``; others are left empty. None: they are the same.
        counted_elsewhere: marks of erased people whose rows are landed all the same: an erasure counts them.
    """
    marks = set(tombstones.of_pseudonyms(state, keys)) - set(counted_elsewhere)
    with open_log_zone(state, keys, read_only=False) as connection:
        connection.execute("BEGIN")
        logged = [
            _Origin(path.name, log_lines.of_file(path), digest)
            for path in files
            if (digest := sha256(path)) and not _is_known(connection, path.name, digest)
        ]
        landed = {
            "predictions": _land(connection, "predictions", logged, now, renamed, (keys, marks)),
            "outcomes": _land(connection, "outcomes", _reports(connection, state.outcomes), now, None, None),
        }
        connection.execute("COMMIT")
    for path in files:
        path.unlink()
    return landed


def _is_known(connection: Connection, name: str, digest: str) -> bool:
    query = "SELECT 1 FROM log.landings WHERE name = ? AND sha256 = ?"
    return connection.execute(query, [name, digest]).fetchone() is not None


def _reports(connection: Connection, path: Path) -> list[_Origin]:
    if not path.exists():
        return []
    (seen,) = connection.execute("SELECT coalesce(max(up_to), 0) FROM log.landings").fetchone() or (0,)
    columns = list(contract_sql.columns(LOG["outcomes"]))
    with closing(outcomes.connect(path)) as reports:
        query = f"SELECT position, {', '.join(columns)} FROM outcomes WHERE position > ? ORDER BY position"
        rows = reports.execute(query, (seen,)).fetchall()
    last = rows[-1][0] if rows else seen
    return [_Origin(f"reports up to {last}", log_lines.of_rows(columns, rows), up_to=last)] if rows else []


def _land(
    connection: Connection,
    name: str,
    origins: Sequence[_Origin],
    now: datetime,
    renamed: Mapping[str, str] | None,
    erased: tuple[Keys, set[str]] | None,
) -> Landed:
    if not origins:
        return Landed(0, 0, 0, 0)
    (last,) = connection.execute("SELECT coalesce(max(landing), 0) FROM log.landings").fetchone() or (0,)
    contract = LOG[name]
    log_lines.begin(connection, contract)
    for landing, origin in enumerate(origins, start=last + 1):
        log_lines.add(connection, contract, landing, origin.lines)
    if renamed is not None:
        _rename(connection, renamed)
    _judge(connection, name)
    _suppress(connection, *erased) if erased else None
    columns = ", ".join(contract_sql.columns(contract))
    connection.execute(
        f"INSERT INTO log.{name} BY NAME SELECT {columns}, landing, CAST($now AS TIMESTAMP) AS landed_at "
        "FROM incoming WHERE reason IS NULL AND NOT is_suppressed",
        {"now": now},
    )
    connection.execute(
        f"INSERT INTO log.quarantine BY NAME SELECT '{name}' AS table_name, line, reason, row_json, landing "
        "FROM incoming WHERE reason IS NOT NULL AND NOT is_suppressed"
    )
    return _describe(connection, name, origins, last + 1, now)


def _judge(connection: Connection, name: str) -> None:
    """Make the table ``incoming``: typed rows with the reason why they are set aside."""
    contract = LOG[name]
    kinds, key = contract_sql.columns(contract), ", ".join(contract_sql.key(contract))
    times = {column for column, kind in kinds.items() if kind == "TIMESTAMP"}
    casts = [
        f'{contract_sql.cast_expression(contract, c, kinds, is_text=True)} AS "{c}", "{c}" AS "given_{c}"'
        if c in times
        else f'"{c}"'
        for c in kinds
    ]
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE incoming AS
            WITH typed AS (SELECT landing, line, row_json, problem, {", ".join(casts)} FROM lines)
               , judged AS (SELECT *, coalesce(problem, {contract_sql.reason_expression(contract, times)}) AS reason
                            FROM typed)
               , numbered AS (SELECT *, row_number() OVER (PARTITION BY reason IS NULL, {key} ORDER BY landing, line)
                                        > 1 AS is_repeated FROM judged)
            SELECT numbered.* REPLACE (
                       CASE WHEN reason IS NULL AND (is_repeated OR known.is_known) THEN '{key}: there already'
                            ELSE reason END AS reason)
                 , false AS is_suppressed
            FROM numbered LEFT JOIN (SELECT {key}, true AS is_known FROM log.{name}) AS known USING ({key})"""
    )


def _rename(connection: Connection, renamed: Mapping[str, str]) -> None:
    """New pseudonyms for old ones, which stay nowhere: the texts of broken rows go as well."""
    connection.register("renamed", pd.DataFrame(list(renamed.items()), columns=["old", "fresh"], dtype=str))
    connection.execute("UPDATE lines SET row_json = NULL")
    connection.execute("UPDATE lines SET pseudonym = (SELECT fresh FROM renamed WHERE old = lines.pseudonym)")
    connection.unregister("renamed")


def _suppress(connection: Connection, keys: Keys, marks: set[str]) -> None:
    """Mark the rows of erased people, who are told by the marks of their pseudonyms."""
    if not marks:
        return
    asked = connection.execute("SELECT DISTINCT pseudonym FROM incoming WHERE pseudonym IS NOT NULL").fetchall()
    found = [pseudonym for (pseudonym,) in asked if tombstones.mark_of_pseudonym(keys, pseudonym) in marks]
    connection.execute("UPDATE incoming SET is_suppressed = true WHERE list_contains(?, pseudonym)", [found])


def _describe(connection: Connection, name: str, origins: Sequence[_Origin], first: int, now: datetime) -> Landed:
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE fates AS SELECT landing, count(*) AS read, "
        "count(*) FILTER (WHERE reason IS NULL AND NOT is_suppressed) AS accepted, "
        "count(*) FILTER (WHERE reason IS NOT NULL AND NOT is_suppressed) AS quarantined, "
        "count(*) FILTER (WHERE is_suppressed) AS suppressed FROM incoming GROUP BY landing"
    )
    for landing, origin in enumerate(origins, start=first):
        counts = connection.execute(
            "SELECT read, accepted, quarantined, suppressed FROM fates WHERE landing = ?", [landing]
        ).fetchone() or (0, 0, 0, 0)
        connection.execute(
            "INSERT INTO log.landings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [landing, name, origin.name, origin.sha256, origin.up_to, now, *counts],
        )
    total = "SELECT coalesce(sum(read), 0), coalesce(sum(accepted), 0), coalesce(sum(quarantined), 0), "
    rows = connection.execute(total + "coalesce(sum(suppressed), 0) FROM fates").fetchone() or (0, 0, 0, 0)
    return Landed(*map(int, rows))
