"""Evidence of data quality, counted in the raw zone: what was accepted and set aside, as known at ``as_of``.

Counts and instants only: no value that a company brought leaves the raw zone this way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from pandera.typing.pandas import DataFrame

from infra import contract_sql
from infra.contracts import BinCounts, FieldCounts, NewestRows, ReferenceCounts, WeeklyRows
from infra.intake.cleaning_rules import NOBODY
from infra.intake.raw_zone import open_raw_zone
from infra.keys import Keys
from infra.raw_contracts import RAW
from infra.sources.rows import sql_text
from infra.state import State
from infra.warehouse import Connection, T, checked

LATELY_DAYS = 28
BEFORE_DAYS = 84
MOST_WEEKS = 53
MOST_LATENESS_DAYS = 28  # a history that was loaded in one go looks later than that

# Columns whose mix is watched; beside them the amount of a whole order.
_CATEGORIES = {
    "orders": ("channel", "store_id"),
    "impressions": ("channel", "placement", "device"),
    "events": ("type",),
}
_MOST_CATEGORIES = 20


@dataclass(frozen=True)
class Evidence:
    """What judgements of data quality are made from; tables that were not brought have no rows in it."""

    fields: DataFrame[FieldCounts]
    newest: DataFrame[NewestRows]
    weeks: DataFrame[WeeklyRows]
    references: DataFrame[ReferenceCounts]
    bins: DataFrame[BinCounts]
    not_brought: tuple[str, ...]


def gather(state: State, keys: Keys, as_of: pd.Timestamp) -> Evidence:
    """Count the raw zone as known at ``as_of`` (naive UTC); rows set aside are counted whatever their time."""
    with open_raw_zone(state, keys) as zone:
        read = {name for (name,) in zone.execute("SELECT table_name FROM raw.landings WHERE read > 0").fetchall()}
        brought = [name for name in RAW if name in read]
        timed = [name for name in brought if contract_sql.event_time(RAW[name])]
        return Evidence(
            fields=_counted(zone, FieldCounts, (_fields(name) for name in brought), as_of),
            newest=_counted(zone, NewestRows, (_newest(name) for name in timed), as_of),
            weeks=_counted(zone, WeeklyRows, (_weeks(name) for name in timed), as_of),
            references=_counted(zone, ReferenceCounts, _references(brought), as_of),
            bins=_counted(zone, BinCounts, _bins(brought), as_of),
            not_brought=tuple(name for name in RAW if name not in brought),
        )


def _counted(zone: Connection, contract: type[T], queries: Iterator[str], as_of: pd.Timestamp) -> DataFrame[T]:
    """The rows of all queries together; each may refer to ``as_of``, a table of one row."""
    types = ", ".join(f"{column} {kind}" for column, kind in contract_sql.columns(contract).items())
    zone.execute(f"CREATE OR REPLACE TEMP TABLE counted ({types})")
    zone.execute("CREATE OR REPLACE TEMP TABLE cycle AS SELECT CAST(? AS TIMESTAMP) AS as_of", [as_of])
    for query in queries:
        zone.execute(f"INSERT INTO counted BY NAME {query}")
    return checked(contract, zone.execute("FROM counted ORDER BY ALL").df(), "the evidence of data quality")


AS_OF = "(SELECT cycle.as_of FROM temp.cycle)"


def _known(table: str) -> str:
    """Rows that had happened and had arrived by as_of, as staging takes them."""
    time = contract_sql.event_time(RAW[table])
    happened = f"{time} < {AS_OF} AND " if time else ""
    return f"(SELECT * FROM raw.{table} WHERE {happened}landed_at <= {AS_OF})"


def _fields(table: str) -> str:
    types = contract_sql.columns(RAW[table])
    required = ", ".join(
        f"('{name}', '{types[name].lower()}')"
        for name, column in RAW[table].to_schema().columns.items()
        if not column.nullable and name != "landed_at"  # without one, the event's time stands for it
    )
    return f"""
        SELECT '{table}' AS table_name, required.column_name, landings.read AS rows,
               coalesce(sum(aside.rows) FILTER (WHERE reason = column_name || ': missing'
                   OR reason = {sql_text(NOBODY)} AND column_name = 'customer_id'), 0) AS missing,
               coalesce(sum(aside.rows) FILTER (WHERE reason = column_name || ': not a ' || type), 0) AS unreadable
        FROM (VALUES {required}) AS required(column_name, type)
        CROSS JOIN (SELECT read FROM raw.landings WHERE table_name = '{table}') AS landings
        LEFT JOIN (SELECT reason, count(*) AS rows FROM raw.quarantine WHERE table_name = '{table}' GROUP BY ALL)
            AS aside ON true
        GROUP BY ALL"""


def _newest(table: str) -> str:
    time = contract_sql.event_time(RAW[table])
    return f"SELECT '{table}' AS table_name, count(*) AS rows, max({time}) AS newest_at FROM {_known(table)}"


def _weeks(table: str) -> str:
    """Complete weeks of the grid, up to the last for which the rows that usually come late are there too."""
    time = contract_sql.event_time(RAW[table])
    grid = "TIMESTAMP '1970-01-05'"  # a Monday, as in dbt_project/macros/time.sql
    return f"""
        WITH known AS {_known(table)},
        settled AS (
            SELECT {AS_OF} - to_microseconds(CAST(least(
                coalesce(quantile_cont(epoch(landed_at) - epoch({time}), 0.95), 0), {MOST_LATENESS_DAYS} * 86400
            ) * 1000000 AS BIGINT)) AS until
            FROM known WHERE {time} >= {AS_OF} - INTERVAL {BEFORE_DAYS} DAY
        ),
        weeks AS (
            SELECT time_bucket(INTERVAL 7 DAY, {time}, {grid}) AS week_at, count(*) AS rows FROM known GROUP BY week_at
        ),
        grid AS (
            SELECT unnest(generate_series(
                greatest(first, until - INTERVAL {7 * MOST_WEEKS} DAY), until - INTERVAL 7 DAY, INTERVAL 7 DAY
            )) AS week_at
            FROM (SELECT min(week_at) AS first FROM weeks),
                 (SELECT time_bucket(INTERVAL 7 DAY, until, {grid}) AS until FROM settled)
        )
        SELECT '{table}' AS table_name, week_at, coalesce(rows, 0) AS rows FROM grid LEFT JOIN weeks USING (week_at)"""


def _references(brought: Sequence[str]) -> Iterator[str]:
    """Every column that is called as the key of another table which was brought."""
    for parent in brought:
        for table in brought:
            column, *more = contract_sql.key(RAW[parent]) or [""]
            if table == parent or more or column not in contract_sql.columns(RAW[table]):
                continue
            yield f"""
                SELECT '{table}' AS table_name, '{column}' AS column_name, '{parent}' AS parent,
                       coalesce(sum(named.rows), 0) AS rows,
                       coalesce(sum(named.rows) FILTER (WHERE parents.{column} IS NULL), 0) AS orphans
                FROM (SELECT {column}, count(*) AS rows FROM {_known(table)}
                      WHERE {column} IS NOT NULL GROUP BY {column}) AS named
                LEFT JOIN {_known(parent)} AS parents ON named.{column} = parents.{column}"""


def _bins(brought: Sequence[str]) -> Iterator[str]:
    if "orders" in brought:
        yield _deciles("orders", "amount", _whole_orders("sum(amount)"))
    for table in brought:
        time = contract_sql.event_time(RAW[table])
        for column in _CATEGORIES.get(table, ()):
            rows = f"(SELECT {column} AS value, {time} AS happened_at FROM {_known(table)})"
            yield _categories(table, column, _whole_orders(f"any_value({column})") if table == "orders" else rows)


def _whole_orders(value: str) -> str:
    """One row an order: its lines share their channel and store, and would count it many times."""
    return f"""(SELECT {value} AS value, min(ordered_at) AS happened_at
                FROM {_known("orders")} GROUP BY customer_id, order_id)"""


_COUNTS = "count(*) FILTER (WHERE NOT is_late) AS before, count(*) FILTER (WHERE is_late) AS lately"


def _recent(relation: str) -> str:
    """The rows of both stretches, each saying in which it lies."""
    return f"""
        SELECT value, happened_at >= {AS_OF} - INTERVAL {LATELY_DAYS} DAY AS is_late FROM {relation}
        WHERE happened_at >= {AS_OF} - INTERVAL {LATELY_DAYS + BEFORE_DAYS} DAY"""


def _deciles(table: str, column: str, relation: str) -> str:
    """Bins between the deciles of the weeks before."""
    return f"""
        WITH recent AS ({_recent(relation)}),
        cuts AS (SELECT list_distinct(quantile_cont(value, [i / 10.0 FOR i IN range(1, 10)])) AS edges
                 FROM recent WHERE NOT is_late)
        SELECT '{table}' AS table_name, '{column}' AS column_name,
               coalesce(len(list_filter(edges, lambda edge: recent.value > edge)), 0) AS bin, {_COUNTS}
        FROM recent CROSS JOIN cuts GROUP BY bin"""


def _categories(table: str, column: str, relation: str) -> str:
    """The most frequent categories of the weeks before; all others share one bin, what is missing another."""
    return f"""
        WITH counts AS (SELECT value, {_COUNTS} FROM ({_recent(relation)}) GROUP BY value),
        ranked AS (SELECT *, row_number() OVER (ORDER BY value IS NULL, before DESC, value) AS rank FROM counts)
        SELECT '{table}' AS table_name, '{column}' AS column_name, sum(before) AS before, sum(lately) AS lately,
               CASE WHEN value IS NULL THEN -1 ELSE least(rank - 1, {_MOST_CATEGORIES}) END AS bin
        FROM ranked GROUP BY bin"""
