"""Intake: the inputs of one raw table read, typed and judged, row by row, before anything is written.

Makes a temporary table ``incoming``: the contract's columns, further ``attr_…`` columns, the texts
that were there before (``given_<column>``) and the reason why a row is set aside, NULL where it is
not. Landing writes it; `aimloop inspect` only looks. Values are cast first, which is cheap; only
what the cast cannot read is read with care (`reading`), by what its column shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra import cleaning_rules, contract_sql
from infra.errors import AimloopError
from infra.raw_contracts import RAW
from infra.reading import flags, numbers, times
from infra.sections import Cleaning
from infra.sources.raw_table import RawTable
from infra.sources.rows import quoted, sql_text
from infra.warehouse import Connection

UNREAD = "unread_lines"
_NO_ORDER = "?"  # an order id that is told from a time that could not be read


@dataclass(frozen=True)
class RuleCount:
    """What a rule did: how many rows of which table and column it read, changed or set aside."""

    table_name: str
    column_name: str
    rule: str
    rows: int


@dataclass(frozen=True)
class Judgement:
    """Whatever is needed to judge rows: the rules, and the instant of landing (naive UTC; None: no clock)."""

    cleaning: Cleaning
    now: object | None = None


def read_table(connection: Connection, name: str, inputs: Sequence[RawTable], judgement: Judgement) -> list[RuleCount]:
    """Make ``incoming`` and ``unread_lines`` of all inputs of a table; returns what the rules did.

    Raises:
        AimloopError: an input lacks a required column.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {UNREAD} (place VARCHAR, problem VARCHAR, text VARCHAR)")
    counts = [
        count
        for position, table in enumerate(inputs)
        for count in _read_input(connection, name, table, f"input_{position}", judgement)
    ]
    _gather(connection, len(inputs))
    cleaning_rules.judge_together(connection, name, judgement.cleaning)
    return counts


def _gather(connection: Connection, inputs: int) -> None:
    connection.execute("DROP TABLE IF EXISTS incoming")
    if inputs == 1:
        connection.execute("ALTER TABLE input_0 RENAME TO incoming")
        return
    parts = " UNION ALL BY NAME ".join(f"FROM input_{position}" for position in range(inputs))
    connection.execute(f"CREATE TEMP TABLE incoming AS {parts}")
    for position in range(inputs):
        connection.execute(f"DROP TABLE input_{position}")


def _read_input(
    connection: Connection, name: str, table: RawTable, target: str, judgement: Judgement
) -> list[RuleCount]:
    for frame_name, frame in table.frames.items():
        connection.register(frame_name, frame)
    if table.prepare:
        table.prepare(connection)
    described = connection.execute(f"DESCRIBE {table.relation}").fetchall()
    given: dict[str, str] = {row[0]: row[1] for row in described}
    refuse_missing_columns(name, set(given), table.origin)
    types = contract_sql.columns(RAW[name])
    recast = {column for column in types if column in given and given[column] != types[column]}
    reason = _reason(name, recast, judgement)
    columns = _casts(name, table, given, judgement.cleaning)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT *, {reason} AS reason "
        f"FROM (SELECT {', '.join(columns)} FROM ({table.relation}))"
    )
    if table.unread:
        connection.execute(f"INSERT INTO {UNREAD} {table.unread}")
        connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    reread = [column for column in recast if given[column] == "VARCHAR" and types[column] != "VARCHAR"]
    counts = [count for column in reread for count in _reread(connection, name, table, column, target)]
    if counts:
        connection.execute(f"UPDATE {target} SET reason = {reason} WHERE reason IS NOT NULL")
    for column in reread:
        _name_ambiguity(connection, column, types[column], target)
    return counts + _count_ids(connection, name, target, given)


def _casts(name: str, table: RawTable, given: Mapping[str, str], cleaning: Cleaning) -> list[str]:
    """Every column of ``input``: cast to its type, further attributes, and what was there before a cast."""
    contract = RAW[name]
    types = contract_sql.columns(contract)
    selected = []
    for column, sql_type in types.items():
        is_text = given.get(column, given.get(contract_sql.event_time(contract) or "")) == "VARCHAR"
        cast = contract_sql.cast_expression(contract, column, given, is_text=is_text)
        if column in given and sql_type == "VARCHAR":
            cast = _text(column, cast, given[column], table, cleaning)
        elif column in given and sql_type == "TIMESTAMP" and given[column] != "TIMESTAMP WITH TIME ZONE":
            text = quoted(column) if given[column] == "VARCHAR" else None
            cast = times.in_utc(text, cast, table.conventions.time_zone)
        elif column == "order_id" and "ordered_at" in given:
            # an order is what a customer buys at one instant (or on one day, where the source tells days)
            time = contract_sql.cast_expression(contract, "ordered_at", given)
            cast = f"coalesce(strftime({time}, '%Y-%m-%d %H:%M:%S'), '{_NO_ORDER}')"
        selected.append(f"{cast} AS {quoted(column)}")
        if column in given and sql_type != "VARCHAR" and given[column] != sql_type:
            before = (
                f'"given_{column}"' if f"given_{column}" in given else _nothing_is_null(quoted(column), table, cleaning)
            )
            selected.append(f'{before} AS "given_{column}"')
        if column.endswith("_id") and cleaning.whole_number_ids and given.get(column) in ("VARCHAR", "DOUBLE", "FLOAT"):
            selected.append(f"suffix(CAST({quoted(column)} AS VARCHAR), '.0') AS \"was_decimal_{column}\"")
    attributes = [column for column in given if column.startswith("attr_")]
    selected += [
        f"{_text(a, f'CAST({quoted(a)} AS VARCHAR)', given[a], table, cleaning)} AS {quoted(a)}" for a in attributes
    ]
    return selected


def _text(column: str, cast: str, given_type: str, table: RawTable, cleaning: Cleaning) -> str:
    """A text without surrounding blanks, NULL for words that mean nothing; ids without a needless .0."""
    text = _nothing_is_null(quoted(column), table, cleaning) if given_type == "VARCHAR" else cast
    if column.endswith("_id") and cleaning.whole_number_ids and given_type in ("VARCHAR", "DOUBLE", "FLOAT"):
        return f"CASE WHEN suffix({text}, '.0') THEN regexp_replace({text}, '^(-?\\d+)\\.0+$', '\\1') ELSE {text} END"
    return text


def _nothing_is_null(text: str, table: RawTable, cleaning: Cleaning) -> str:
    """SQL of a text without surrounding blanks, NULL for words that mean nothing."""
    if table.empties_are_null:
        return f"nullif(trim({text}), '')"
    words = ", ".join(sql_text(word.lower()) for word in {*cleaning.empty_words, ""})
    longest = max((len(word) for word in cleaning.empty_words), default=0)
    trimmed = f"trim(CAST({text} AS VARCHAR))"
    return f"CASE WHEN length({trimmed}) > {longest} OR lower({trimmed}) NOT IN ({words}) THEN {trimmed} END"


def _reason(name: str, recast: set[str], judgement: Judgement) -> str:
    contract = contract_sql.reason_expression(RAW[name], recast)
    return f"coalesce({contract}, {cleaning_rules.judge_alone(name, judgement.cleaning, judgement.now)})"


def _reread(connection: Connection, name: str, table: RawTable, column: str, target: str) -> list[RuleCount]:
    """Read with care what the cast could not; the rules that served are counted."""
    text, failed = f'"given_{column}"', f'{quoted(column)} IS NULL AND "given_{column}" IS NOT NULL'
    sql_type = contract_sql.columns(RAW[name])[column]
    conventions = table.conventions
    if sql_type == "DOUBLE":
        failing = connection.execute(f"SELECT count(*) FROM {target} WHERE {failed}").fetchone() or (0,)
        if not failing[0] and not conventions.decimal_comma:
            return []
        comma = numbers.shows_decimal_comma(target, text, conventions.decimal_comma, connection)
        reading = numbers.expression(text, comma)
        rule = {True: "'decimal comma'", False: "'thousands or currency'", None: "'both decimal signs'"}[comma]
        failed = failed if comma is False else f"{text} IS NOT NULL"
    elif sql_type == "TIMESTAMP":
        day_first = times.shows_day_first(f"(FROM {target} WHERE {failed})", text, conventions.day_first, connection)
        reading = times.in_utc(None, times.expression(text, day_first), conventions.time_zone)
        order = {True: "day first", False: "month first", None: "day or month first, by each value"}[day_first]
        rule = f"replace({times.rule(text)}, 'day and month', '{order}')"
    else:
        reading, rule = flags.expression(text), "'yes and no'"
    return _apply(connection, name, column, target, reading, rule, failed)


def _name_ambiguity(connection: Connection, column: str, sql_type: str, target: str) -> None:
    """Values that could be read in two ways are not read at all; their reason says which setting decides."""
    text = f'"given_{column}"'
    shown, question = {
        "TIMESTAMP": (f"{times.rule(text)} = 'day and month'", "day or month first? Set day_first"),
        "DOUBLE": (f"regexp_full_match({text}, '-?\\d+[.,]\\d{{3}}')", "decimals or thousands? Set decimal_comma"),
    }.get(sql_type, ("false", ""))
    connection.execute(
        f"UPDATE {target} SET reason = {sql_text(f'{column}: {question}')} "
        f"WHERE {quoted(column)} IS NULL AND {text} IS NOT NULL AND {shown}"
    )


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
            f"WHERE {was_read} AND ordered_at IS NOT NULL AND order_id = '{_NO_ORDER}'"
        )


def _count_ids(connection: Connection, name: str, target: str, given: Mapping[str, str]) -> list[RuleCount]:
    columns = [row[0] for row in connection.execute(f"DESCRIBE {target}").fetchall()]
    counts = []
    for marker in (column for column in columns if column.startswith("was_decimal_")):
        rows = (connection.execute(f"SELECT count(*) FROM {target} WHERE {quoted(marker)}").fetchone() or (0,))[0]
        if rows:
            counts.append(RuleCount(name, marker.removeprefix("was_decimal_"), "whole number id", rows))
    return counts


def refuse_missing_columns(name: str, given: set[str], origin: str = "") -> None:
    """Raises:
    AimloopError: a required column is not given.
    """
    contract = RAW[name]
    derived = {"landed_at", "order_id"}
    for column, rule in contract.to_schema().columns.items():
        if not rule.nullable and column not in given and column not in derived:
            raise AimloopError(
                f"the source's table '{name}' lacks the required column '{column}'"
                + (f" ({origin})" if origin else ""),
                f"'{name}' is {str(contract.__doc__).strip().rstrip('.').lower()}: give it that column",
            )
