"""The second reading: what a cast could not read is read with care, by what its column shows.

Works on a table that intake has made: the cast columns, and ``given_<column>``, the texts that were
there before. Each distinct text is read once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra import contract_sql
from infra.raw_contracts import RAW
from infra.reading import flags, numbers, times
from infra.sources.raw_table import Conventions
from infra.sources.rows import quoted, sql_text
from infra.warehouse import Connection

NO_ORDER = "?"  # an order id that is told from a time that could not be read
_NUMERIC = ("BIGINT", "INTEGER", "DOUBLE", "DECIMAL", "UBIGINT", "UINTEGER", "HUGEINT")


@dataclass(frozen=True)
class RuleCount:
    """What a rule did: how many rows of which table and column it read, changed or set aside."""

    table_name: str
    column_name: str
    rule: str
    rows: int


def read_again(
    connection: Connection, name: str, conventions: Conventions, given: Mapping[str, str], target: str
) -> list[RuleCount] | None:
    """Read what the casts could not; what each rule did, or None: there was nothing to read.

    Args:
        connection: where ``target`` is.
        name: the raw table.
        conventions: what the settings say of the input.
        given: its columns and their types as they came.
        target: the table that intake has made of it.
    """
    columns = _legible(name, given)
    types = contract_sql.columns(RAW[name])
    commas = _decimal_commas(connection, [c for c in columns if types[c] == "DOUBLE"], conventions, target)
    outcomes = [_reread(connection, name, column, target, conventions, commas) for column in columns]
    if all(outcome is None for outcome in outcomes):
        return None
    return [count for outcome in outcomes for count in outcome or ()]


def name_ambiguities(
    connection: Connection, name: str, conventions: Conventions, given: Mapping[str, str], target: str
) -> None:
    """Values that could be read in two ways are not read at all; their reason says which setting decides."""
    types = contract_sql.columns(RAW[name])
    for column in _legible(name, given):
        text = f'"given_{column}"'
        if types[column] == "TIMESTAMP" and conventions.day_first is None:
            shown, question = times.is_ambiguous(text), "day or month first? Set day_first"
        elif types[column] == "DOUBLE" and conventions.decimal_comma is None:
            shown, question = numbers.is_ambiguous(text), "decimals or thousands? Set decimal_comma"
        else:
            continue
        connection.execute(
            f"UPDATE {target} SET reason = {sql_text(f'{column}: {question}')} WHERE {_failed(column)} AND {shown}"
        )


def _legible(name: str, given: Mapping[str, str]) -> list[str]:
    """Columns whose values came as texts, or as numbers that may be times (epochs, 20170403)."""
    return [
        column
        for column, sql_type in contract_sql.columns(RAW[name]).items()
        if sql_type != "VARCHAR"
        and (given.get(column) == "VARCHAR" or (sql_type == "TIMESTAMP" and given.get(column, "").startswith(_NUMERIC)))
    ]


def _decimal_commas(
    connection: Connection, columns: Sequence[str], conventions: Conventions, target: str
) -> dict[str, bool | None]:
    """Which columns have decimal commas, or may have; where every number could be cast, none is looked at."""
    if not columns:
        return {}
    failing = " OR ".join(_failed(column) for column in columns)
    anything = connection.execute(f"SELECT 1 FROM {target} WHERE {failing} LIMIT 1").fetchone()
    if anything is None and not conventions.decimal_comma:
        return dict.fromkeys(columns, False)
    texts = {f'"given_{column}"': column for column in columns}
    found = numbers.decimal_commas(target, list(texts), conventions.decimal_comma, connection)
    return {texts[text]: comma for text, comma in found.items()}


def _failed(column: str) -> str:
    """SQL: something is there that the cast could not read."""
    return f'({quoted(column)} IS NULL AND "given_{column}" IS NOT NULL)'


def _reread(
    connection: Connection,
    name: str,
    column: str,
    target: str,
    conventions: Conventions,
    commas: Mapping[str, bool | None],
) -> list[RuleCount] | None:
    """Read with care what the cast could not; the rules that served are counted. None: there was nothing to do."""
    text, failed = f'"given_{column}"', _failed(column)
    sql_type = contract_sql.columns(RAW[name])[column]
    failing = connection.execute(f"SELECT count(*) FROM {target} WHERE {failed}").fetchone() or (0,)
    if not failing[0] and commas.get(column, False) is False:
        return None
    if sql_type == "DOUBLE":
        comma = commas[column]
        reading = numbers.expression(text, comma)
        rule = {True: "'decimal comma'", False: "'thousands or currency'", None: "'both decimal signs'"}[comma]
        failed = failed if comma is False else f"{text} IS NOT NULL"
    elif sql_type == "TIMESTAMP":
        day_first = times.shows_day_first(f"(FROM {target} WHERE {failed})", text, conventions.day_first, connection)
        reading = times.expression(text, day_first, conventions.time_zone)
        order = {True: "day first", False: "month first", None: "day or month first, by each value"}[day_first]
        rule = f"replace({times.rule(text)}, 'day and month', '{order}')"
    else:
        reading, rule = flags.expression(text), "'yes and no'"
    return _apply(connection, name, column, target, reading, rule, failed)


def _apply(
    connection: Connection, name: str, column: str, target: str, reading: str, rule: str, which: str
) -> list[RuleCount]:
    """Each distinct text is read once; the rows that hold it get what it says."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE readings AS SELECT text, {reading} AS value, {rule} AS rule, rows FROM "
        f'(SELECT "given_{column}" AS text, "given_{column}", count(*) AS rows '
        f"FROM {target} WHERE {which} GROUP BY ALL)"
    )
    connection.execute(
        f'UPDATE {target} SET {quoted(column)} = value FROM readings WHERE {which} AND "given_{column}" = text'
    )
    _follow_event_time(connection, name, column, target, which)
    served = connection.execute(
        "SELECT rule, sum(rows)::BIGINT FROM readings WHERE value IS NOT NULL GROUP BY rule ORDER BY rule"
    )
    counts = [RuleCount(name, column, rule, rows) for rule, rows in served.fetchall()]
    connection.execute("DROP TABLE readings")
    return counts


def _follow_event_time(connection: Connection, name: str, column: str, target: str, which: str) -> None:
    """What was filled in from an event's time, where that is known only now."""
    if column != contract_sql.event_time(RAW[name]):
        return
    was_read = f'"given_{column}" IS NOT NULL'
    columns = {row[0] for row in connection.execute(f"DESCRIBE {target}").fetchall()}
    if "given_landed_at" not in columns:
        connection.execute(
            f"UPDATE {target} SET landed_at = coalesce({quoted(column)}, landed_at) "
            f"WHERE {was_read} AND landed_at = {contract_sql.ALWAYS}"
        )
    if name == "orders":
        connection.execute(
            f"UPDATE {target} SET order_id = strftime(ordered_at, '%Y-%m-%d %H:%M:%S') "
            f"WHERE {was_read} AND ordered_at IS NOT NULL AND order_id = '{NO_ORDER}'"
        )
