"""Personal data outside the columns meant for them, looked for as a table lands.

Attributes and free texts are written down in ``raw.personal_columns`` and masked in staging. Any other
column of the contract is a code or a class (``channel``, ``region``, ``product_id``) that joins tables or
goes into models: a mask would falsify it. A stray phone there sets its row aside; a column full of
them is a mapping gone wrong, and refused.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra import contract_sql
from infra.errors import AimloopError, did_you_mean
from infra.privacy.personal_data import MOSTLY, PersonalColumn, detect, test_of
from infra.raw_contracts import RAW
from infra.sections import Privacy
from infra.warehouse import Connection

# what staging hashes, exchanges for a pseudonym, or masks always
_TREATED = {"customer_id", "order_id", "impression_id", "event_id", "name", "phone", "email", "id_number"}
STRAY = "looks like a phone, e-mail, id number or address"  # why a row is set aside, after its column's name
_FREE_TEXT = {("products", "description"), ("campaigns", "kind"), ("events", "properties")}
_ACCEPTED = "(FROM incoming WHERE reason IS NULL)"
_WORDS = {
    "phone": "phone numbers",
    "email": "e-mail addresses",
    "id_number": "id numbers",
    "address": "addresses",
    "text": "phone numbers, e-mail addresses or id numbers",
}


def note(connection: Connection, table: str, privacy: Privacy) -> None:
    """Judge ``incoming`` and write its personal columns into ``raw.personal_columns``.

    Raises:
        AimloopError: as `judge`.
    """
    for found in judge(connection, table, privacy):
        connection.execute(
            "INSERT INTO raw.personal_columns VALUES (?, ?, ?, ?, ?)",
            [table, found.column, found.kind, found.how, found.share],
        )


def judge(connection: Connection, table: str, privacy: Privacy) -> list[PersonalColumn]:
    """The personal columns of ``incoming``, which staging masks; rows with stray personal values are set aside.

    ``incoming`` holds the cast rows of a table that is about to land, ``reason`` why a row will not.

    Raises:
        AimloopError: a column that joins tables or goes into models is personal for the most part, or declared so.
    """
    declared = _of_table(privacy.personal, table)
    exempt = _of_table(dict.fromkeys(privacy.not_personal, True), table)
    _, contract = _text_columns(connection, table)
    masked = _attributes(connection, table, privacy)
    for found in detect(connection, _ACCEPTED, contract, declared, exempt, by_name=False):
        if (table, found.column) in _FREE_TEXT:
            masked.append(found if found.how == "declared" else replace(found, kind="text"))
        elif found.how == "declared":
            raise AimloopError(
                f"privacy.personal names {table}.{found.column}, which models learn from or tables are joined by",
                "map nothing to that column; as a further column (attr_…) it would be masked",
            )
        elif found.kind != "address" or table == "customers":  # shops may have addresses
            _set_aside(connection, table, found)
    return masked


def _attributes(connection: Connection, table: str, privacy: Privacy) -> list[PersonalColumn]:
    """The personal ones among the company's own attributes (``attr_…``) in ``incoming``."""
    own, _ = _text_columns(connection, table)
    exempt = _of_table(dict.fromkeys(privacy.not_personal, True), table)
    return detect(connection, _ACCEPTED, own, _of_table(privacy.personal, table), exempt)


def refuse_unknown(connection: Connection, privacy: Privacy) -> None:
    """A misspelt column in privacy.personal would go on unmasked.

    Raises:
        AimloopError: a column declared personal is in no table of the raw zone.
    """
    rows = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'raw'"
    ).fetchall()
    known = {name for table, column in rows if table in RAW for name in (column, f"{table}.{column}")}
    for column in privacy.personal:
        if column not in known:
            raise AimloopError(
                f"privacy.personal names the column '{column}', which no table has",
                f"{did_you_mean(column, known)}further columns are called attr_…; mend the name, or remove the line",
            )


def _of_table(columns: Mapping[str, Any], table: str) -> dict[str, Any]:
    """What is said of columns, for one table: ``attr_home`` is every table's, ``customers.attr_home`` one's."""
    return {name.removeprefix(f"{table}."): value for name, value in columns.items()}


def _text_columns(connection: Connection, table: str) -> tuple[list[str], list[str]]:
    """The text columns of ``incoming``: the company's own attributes, and those of the contract."""
    rows = connection.execute(
        "SELECT column_name FROM (DESCRIBE incoming) WHERE column_type = 'VARCHAR' AND column_name <> 'reason'"
    ).fetchall()
    texts = [column for (column,) in rows]
    contract = contract_sql.columns(RAW[table])
    attributes = [column for column in texts if column.startswith("attr_")]
    return attributes, [column for column in texts if column in contract and column not in _TREATED]


def _set_aside(connection: Connection, table: str, found: PersonalColumn) -> None:
    """Rows with a stray value; by rows, since a few slipped lines bring many distinct values to a column of classes."""
    column, test = found.column, test_of(found.kind)
    accepted = f"(SELECT rowid AS row_id, {column} AS v FROM incoming WHERE reason IS NULL AND {column} IS NOT NULL)"
    (share,) = connection.execute(f"SELECT avg(CAST({test} AS INT)) FROM {accepted}").fetchone() or (0.0,)
    if share > MOSTLY:
        raise AimloopError(
            f"{share:.0%} of the values in {table}.{column} look like {_WORDS[found.kind]}",
            "models and joins would use them unmasked: map another column to it, or none; "
            f"if they only look so, add '{table}.{column}' to privacy.not_personal",
        )
    connection.execute(
        f"UPDATE incoming SET reason = '{column}: {STRAY}' WHERE rowid IN (SELECT row_id FROM {accepted} WHERE {test})"
    )
