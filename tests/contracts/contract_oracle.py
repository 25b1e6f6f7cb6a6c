"""The oracle beside the contracts' SQL: dirty tables, DuckDB's verdict on them, and pandera's, row by row."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import duckdb
import pandas as pd
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from infra import contract_sql
from infra.contracts import Contract

Row = Mapping[str, Any]
Table = tuple[dict[str, str], list[Row]]  # the type of each given column, and rows

# ── dirty tables ──────────────────────────────────────────────────────────────────────────────

OTHERWISE = {"VARCHAR": "BIGINT", "DOUBLE": "BIGINT", "TIMESTAMP": "DATE", "BOOLEAN": "BIGINT"}

_GOOD: dict[str, Any] = {"DOUBLE": 1.0, "TIMESTAMP": datetime(2017, 1, 2, 3, 4), "BOOLEAN": True, "VARCHAR": "a"}
_GOOD_OTHERWISE: dict[str, Any] = {"BIGINT": 1, "DATE": date(2017, 1, 2)}
_TEXTS = ["", " ", "A-1", "naïve", "x" * 200, "x" * 201, "é" * 200, "é" * 201, "🧺" * 200, "🧺" * 201, "e\u0301" * 101]
_WORDS = ["", " ", "much", "1,5", "0x1F", "1e3", "true", "perhaps", "NULL", "2017-02-28", "2017-02-29", "yesterday"]
_NUMBERS = [math.nan, math.inf, -math.inf, -0.0, 1e300, -1e300, 5e-324]


def good(given: str, wanted: str) -> Any:
    """A value that every contract accepts in a column that wants one type and is given another."""
    if given in _GOOD_OTHERWISE:
        return _GOOD_OTHERWISE[given]
    return str(_GOOD[wanted]) if given == "VARCHAR" else _GOOD[wanted]


def edges(given: str, wanted: str, checks: list[Any]) -> list[Any]:
    """Values on both sides of every rule there is for such a column."""
    bounds = [float(bound) for check in checks for bound in check.statistics.values() if bound is not None]
    numbers = [n for b in bounds for n in (b, math.nextafter(b, math.inf), math.nextafter(b, -math.inf))] + _NUMBERS
    by_given: dict[str, list[Any]] = {
        "BIGINT": [0, 1, -1, 2, 91, 181, 2**62],
        "DATE": [date(1970, 1, 1), date(2200, 1, 1)],
        "TIMESTAMP": [datetime(1970, 1, 1), datetime(2200, 1, 1)],
        "BOOLEAN": [True, False],
        "DOUBLE": numbers,
        "VARCHAR": _TEXTS if wanted == "VARCHAR" else _WORDS,
    }
    written = [repr(number) for number in numbers] if (given, wanted) == ("VARCHAR", "DOUBLE") else []
    return [None, *by_given[given], *written]


@st.composite
def tables_of(draw: st.DrawFn, contract: type[Contract]) -> Table:
    """Up to six rows of all required and some optional columns, each as text or as what it is."""
    schema, wanted = contract.to_schema().columns, contract_sql.columns(contract)
    present = [name for name in wanted if (not schema[name].nullable and name != "landed_at") or draw(st.booleans())]
    types = {name: draw(st.sampled_from([wanted[name], "VARCHAR", OTHERWISE[wanted[name]]])) for name in present}
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        row = {name: good(types[name], wanted[name]) for name in present}
        for name in draw(st.lists(st.sampled_from(present), max_size=2)):
            values = st.sampled_from(edges(types[name], wanted[name], schema[name].checks))
            row[name] = draw(values | st.floats() if types[name] == "DOUBLE" else values)
        rows.append(row)
    return types, rows


def table_of_all_edges(contract: type[Contract], types: dict[str, str]) -> Table:
    """A good row, then one row for each edge of each column."""
    schema, wanted = contract.to_schema().columns, contract_sql.columns(contract)
    first = {name: good(types[name], wanted[name]) for name in types}
    rows = [first]
    for name in types:
        rows += [{**first, name: value} for value in edges(types[name], wanted[name], schema[name].checks)]
    return types, rows


# ── DuckDB's verdict ──────────────────────────────────────────────────────────────────────────


def judged_by_sql(contract: type[Contract], table: Table) -> tuple[list[Row], list[str | None]]:
    """The cast rows as they would land, and the reason why each is refused."""
    types, rows = table
    wanted = contract_sql.columns(contract)
    recast = {name for name in types if types[name] != wanted[name]}
    casts = [f'{contract_sql.cast_expression(contract, name, set(types))} AS "{name}"' for name in wanted]
    kept = [f'"{name}" AS "given_{name}"' for name in recast]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE TABLE source ({', '.join(f'{name} {types[name]}' for name in types)})")
        slots = ", ".join("?" * len(types))
        connection.executemany(f"INSERT INTO source VALUES ({slots})", [[row[name] for name in types] for row in rows])
        found = connection.execute(
            f"SELECT {', '.join(wanted)}, {contract_sql.reason_expression(contract, recast)} "
            f"FROM (SELECT {', '.join(casts + kept)}, rowid AS place FROM source) ORDER BY place"
        ).fetchall()
    return [dict(zip(wanted, row, strict=False)) for row in found], [row[-1] for row in found]


def judged(contract: type[Contract], row: Row) -> str | None:
    """Why one row of text is refused; None when it is not."""
    _, reasons = judged_by_sql(contract, (dict.fromkeys(row, "VARCHAR"), [row]))
    return reasons[0]


# ── pandera's ─────────────────────────────────────────────────────────────────────────────────

_PANDAS = {"VARCHAR": "str", "DOUBLE": "float64", "TIMESTAMP": "datetime64[us]", "BOOLEAN": "boolean"}


def rows_that_should_pass(contract: type[Contract], table: Table, cast: list[Row]) -> set[int]:
    """Rows that pandera accepts, less those of which it cannot know.

    In pandas a NaN is a missing value; here it is a number that is not finite, and refused like an
    infinity. And a value that a cast would lose must not pass for one that was never given.
    """
    types, rows = table
    passing = _rows_that_pandera_accepts(contract, cast)
    for place, (before, after) in enumerate(zip(rows, cast, strict=True)):
        lost = any(before[name] is not None and after[name] is None for name in types)
        infinite = any(isinstance(value, float) and not math.isfinite(value) for value in after.values())
        if lost or infinite:
            passing.discard(place)
    return passing


def _rows_that_pandera_accepts(contract: type[Contract], cast: list[Row]) -> set[int]:
    wanted = contract_sql.columns(contract)
    frame = pd.DataFrame(
        {name: pd.Series([row[name] for row in cast], dtype=_PANDAS[wanted[name]]) for name in wanted},
    )
    try:
        contract.validate(frame, lazy=True)
    except SchemaErrors as error:
        failed = error.failure_cases["index"]
    else:
        failed = pd.Series(dtype=int)
    assert failed.notna().all()  # a failure of the whole table would hide rows
    return set(frame.index) - {int(row) for row in failed}
