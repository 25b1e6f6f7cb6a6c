"""Intake: the inputs of one raw table read, typed and judged, row by row, before anything is written.

Makes a temporary table ``incoming``: the contract's columns, further ``attr_…`` columns, the texts
that were there before (``given_<column>``) and the reason why a row is set aside, NULL where it is
not. Landing writes it; `aimloop inspect` only looks. Values are cast first, which is cheap; only
what the cast cannot read is read with care (`reading`), by what its column shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra import contract_sql
from infra.contracts import Contract
from infra.errors import AimloopError
from infra.intake import cleaning_rules, second_reading
from infra.intake.second_reading import NO_ORDER, RuleCount
from infra.raw_contracts import RAW
from infra.reading import times
from infra.sections import Cleaning
from infra.sources.raw_table import UNJUDGED, RawTable
from infra.sources.rows import RUNAWAY_QUOTE, quoted, sql_text
from infra.warehouse import Connection

WHOLE_NUMBER = r"^(-?\d+)\.0$"  # an id that a spreadsheet took for a number
UNREAD = "unread_lines"


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
    recast = {c for c in types if c in given and (given[c] != types[c] or f"given_{c}" in given)}
    reason = _reason(name, recast, judgement)
    if UNJUDGED in given:
        reason = f"CASE WHEN {UNJUDGED} THEN 'where: cannot be judged' ELSE {reason} END"
    columns = _casts(name, table, given, judgement.cleaning)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {target} AS SELECT *, {reason} AS reason "
        f"FROM (SELECT {', '.join(columns)} FROM ({table.relation}))"
    )
    _keep_unread(connection, table)
    counts = second_reading.read_again(connection, name, table.conventions, given, target)
    if counts is not None:  # what was read may be read otherwise now, or not at all
        connection.execute(f"UPDATE {target} SET reason = {reason} WHERE reason IS DISTINCT FROM ({reason})")
        second_reading.name_ambiguities(connection, name, table.conventions, given, target)
    return (counts or []) + _count_ids(connection, name, target, given)


def _keep_unread(connection: Connection, table: RawTable) -> None:
    """Raises:
    AimloopError: a quote never closes, so that nobody can say which lines are missing.
    """
    if not table.unread:
        return
    connection.execute(f"INSERT INTO {UNREAD} {table.unread}")
    connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    runaway = connection.execute(
        f"SELECT min(place) FROM {UNREAD} WHERE problem = {sql_text(RUNAWAY_QUOTE)}"
    ).fetchone()
    if runaway and runaway[0]:
        raise AimloopError(
            f"{runaway[0]} begins a text with a quote that never closes: the lines after it cannot be told apart",
            "close it, or set quote = '' for that table if its texts are not quoted",
        )


def _casts(name: str, table: RawTable, given: Mapping[str, str], cleaning: Cleaning) -> list[str]:
    """Every column of ``input``: cast to its type, further attributes, and what was there before a cast."""
    contract = RAW[name]
    types = contract_sql.columns(contract)
    selected = []
    for column, sql_type in types.items():
        cast = contract_sql.cast_expression(contract, column, given, is_text=given.get(column) == "VARCHAR")
        event_time = contract_sql.event_time(contract)
        if column in given and sql_type == "VARCHAR":
            cast = _text(column, cast, given[column], table, cleaning)
        elif column in given and sql_type == "TIMESTAMP":
            cast = _time(contract, column, table, given)
        elif column == "landed_at" and event_time in given:
            cast = f"coalesce({_time(contract, str(event_time), table, given)}, {contract_sql.ALWAYS})"
        elif column == "order_id" and "ordered_at" in given:
            # an order is what a customer buys at one instant (or on one day, where the source tells days)
            cast = (
                f"coalesce(strftime({_time(contract, 'ordered_at', table, given)}, '%Y-%m-%d %H:%M:%S'), '{NO_ORDER}')"
            )
        selected.append(f"{cast} AS {quoted(column)}")
        if column in given and sql_type != "VARCHAR" and (given[column] != sql_type or f"given_{column}" in given):
            before = (
                f'"given_{column}"' if f"given_{column}" in given else _nothing_is_null(quoted(column), table, cleaning)
            )
            selected.append(f'{before} AS "given_{column}"')
        if column.endswith("_id") and cleaning.whole_number_ids and given.get(column) in ("VARCHAR", "DOUBLE", "FLOAT"):
            text = f"trim(CAST({quoted(column)} AS VARCHAR))"
            marker = f"suffix({text}, '.0') AND regexp_matches({text}, '{WHOLE_NUMBER}')"
            selected.append(f'{marker} AS "was_decimal_{column}"')
    if UNJUDGED in given:
        selected.append(UNJUDGED)
    attributes = [column for column in given if column.startswith("attr_")]
    selected += [
        f"{_text(a, f'CAST({quoted(a)} AS VARCHAR)', given[a], table, cleaning)} AS {quoted(a)}" for a in attributes
    ]
    return selected


def _time(contract: type[Contract], column: str, table: RawTable, given: Mapping[str, str]) -> str:
    """A time in UTC."""
    is_text = given[column] == "VARCHAR"
    cast = contract_sql.cast_expression(contract, column, given, is_text=is_text)
    if given[column] == "TIMESTAMP WITH TIME ZONE":
        return cast
    return times.in_utc(quoted(column) if is_text else None, cast, table.conventions.time_zone)


def _text(column: str, cast: str, given_type: str, table: RawTable, cleaning: Cleaning) -> str:
    """A text without surrounding blanks, NULL for words that mean nothing; ids without a needless .0."""
    text = _nothing_is_null(quoted(column), table, cleaning) if given_type == "VARCHAR" else cast
    if column.endswith("_id") and cleaning.whole_number_ids and given_type in ("VARCHAR", "DOUBLE", "FLOAT"):
        return f"CASE WHEN suffix({text}, '.0') THEN regexp_replace({text}, '{WHOLE_NUMBER}', '\\1') ELSE {text} END"
    return text


def _nothing_is_null(text: str, table: RawTable, cleaning: Cleaning) -> str:
    """SQL of a text without surrounding blanks, NULL for words that mean nothing."""
    if table.empties_are_null:
        return f"nullif(trim(CAST({text} AS VARCHAR)), '')"
    words = ", ".join(sql_text(word.lower()) for word in {*cleaning.empty_words, ""})
    longest = max((len(word) for word in cleaning.empty_words), default=0)
    trimmed = f"trim(CAST({text} AS VARCHAR))"
    return f"CASE WHEN length({trimmed}) > {longest} OR lower({trimmed}) NOT IN ({words}) THEN {trimmed} END"


def _reason(name: str, recast: set[str], judgement: Judgement) -> str:
    contract = contract_sql.reason_expression(RAW[name], recast)
    return f"coalesce({contract}, {cleaning_rules.judge_alone(name, judgement.cleaning, judgement.now)})"


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
