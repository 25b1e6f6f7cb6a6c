"""Raw contracts as SQL, so that millions of rows are cast and checked where they are.

Only the checks that the contracts use are translated; another one is refused at once rather than
skipped. ``tests/contracts`` holds pandera itself beside this as the oracle.
"""

from collections.abc import Callable, Collection
from typing import Any

from infra.contracts import Contract
from infra.sources.rows import sql_text

_TYPES = {
    "string[pyarrow]": "VARCHAR",
    "string": "VARCHAR",
    "str": "VARCHAR",
    "float64": "DOUBLE",
    "Int64": "BIGINT",
    "int64": "BIGINT",
    "boolean": "BOOLEAN",
    "bool": "BOOLEAN",
}

ALWAYS = "TIMESTAMP '1970-01-01'"


def columns(contract: type[Contract]) -> dict[str, str]:
    """Column name → DuckDB type, in the contract's order."""
    return {name: _duckdb_type(str(c.dtype)) for name, c in contract.to_schema().columns.items()}


def key(contract: type[Contract]) -> list[str]:
    """The columns that identify a row; empty where rows have no identity of their own."""
    return list(_metadata(contract)["key"] or [])


def order(contract: type[Contract]) -> list[str]:
    """The columns that rows are read in the order of: first those that say the same under any pseudonym key.

    What models learn depends a little on the order of rows; the same data is to give the same figures.
    """
    return [*(_metadata(contract).get("order") or []), *key(contract)]


def event_time(contract: type[Contract]) -> str | None:
    return _metadata(contract)["event_time"]


def cast_expression(contract: type[Contract], column: str, given: Collection[str], *, is_text: bool = False) -> str:
    """How a column of the source becomes the contract's; absent optional columns become NULL."""
    sql_type = columns(contract)[column]
    if column in given and sql_type == "TIMESTAMP":
        # by way of TIMESTAMPTZ, in a session whose zone is UTC: an offset in a text is heeded, not dropped
        heeded = f'try(CAST(try_cast("{column}" AS TIMESTAMPTZ) AS TIMESTAMP))'
        plain = f'try_cast("{column}" AS TIMESTAMP)'
        if not is_text:
            return f"coalesce({heeded}, {plain})"
        # most texts are 2017-01-31 or 2017-01-31 23:59:59: these cast five times as fast without a zone;
        # texts that do not begin with a year of four digits (12/1/10, epoch) the engine reads in its own way
        text = f'"{column}"'
        short = f"({text}[5] = '-' AND (length({text}) = 10 OR (length({text}) = 19 AND {text}[17] = ':')))"
        iso = f"regexp_matches({text}, '^\\s*\\d{{4}}-')"
        return f"CASE WHEN {short} THEN {plain} WHEN {iso} THEN coalesce({heeded}, {plain}) END"
    if column in given and sql_type == "BOOLEAN":  # the engine takes any number but 0 for true
        cast = f'try_cast("{column}" AS BOOLEAN)'
        return f'CASE WHEN coalesce(try_cast("{column}" AS DOUBLE) IN (0, 1), true) THEN {cast} END'
    if column in given:
        return f'try_cast("{column}" AS {sql_type})'
    if column == "landed_at":
        time = event_time(contract)
        if time is None or time not in given:
            return ALWAYS
        return f"coalesce({cast_expression(contract, time, given, is_text=is_text)}, {ALWAYS})"
    return f"CAST(NULL AS {sql_type})"


def reason_expression(contract: type[Contract], given: set[str]) -> str:
    """SQL for the first reason why a row breaks the contract, NULL when it does not.

    Expects the cast columns under their own names and the given ones also as ``given_<name>``.
    """
    cases = []
    types = columns(contract)
    if contract.to_schema().checks:
        raise KeyError("checks of whole rows have no translation")
    for name, column in contract.to_schema().columns.items():
        quoted = f'"{name}"'
        if name in given and types[name] != "VARCHAR":
            cases.append((f'{quoted} IS NULL AND "given_{name}" IS NOT NULL', f"{name}: not a {types[name].lower()}"))
        if not column.nullable:
            cases.append((f"{quoted} IS NULL", f"{name}: missing"))
        if column.unique:
            raise KeyError("unique columns are declared as the contract's key")
        if types[name] == "DOUBLE":
            cases.append((f"NOT isfinite({quoted})", f"{name}: not finite"))
        if types[name] == "TIMESTAMP":  # what pandas can hold, in whole years
            cases.append((f"year({quoted}) NOT BETWEEN 1678 AND 2261", f"{name}: must be in the years 1678 to 2261"))
            cases.append((f"NOT isfinite({quoted})", f"{name}: not finite"))
        for check in column.checks:
            condition, rule = _CHECKS[check.name](quoted, check.statistics)
            cases.append((f"NOT ({condition})", f"{name}: must be {rule}"))
    whens = " ".join(f"WHEN {condition} THEN '{_quoted(reason)}'" for condition, reason in cases)
    return f"CASE {whens} END"


def _str_length(column: str, s: dict[str, Any]) -> tuple[str, str]:
    low, high = s["min_value"] or 0, s["max_value"]
    if high is None:
        return f"length({column}) >= {low}", f"at least {low} characters"
    return f"length({column}) BETWEEN {low} AND {high}", f"{low} to {high} characters"


def _isin(column: str, s: dict[str, Any]) -> tuple[str, str]:
    values = list(s["allowed_values"])
    return f"{column} IN ({', '.join(sql_text(value) for value in values)})", f"one of {', '.join(map(str, values))}"


_CHECKS: dict[str, Callable[[str, dict[str, Any]], tuple[str, str]]] = {
    "greater_than": lambda c, s: (f"{c} > {s['min_value']}", f"above {s['min_value']}"),
    "greater_than_or_equal_to": lambda c, s: (f"{c} >= {s['min_value']}", f"at least {s['min_value']:g}"),
    "less_than_or_equal_to": lambda c, s: (f"{c} <= {s['max_value']}", f"at most {s['max_value']:g}"),
    "not_equal_to": lambda c, s: (f"{c} <> {s['value']}", f"other than {s['value']:g}"),
    "str_length": _str_length,
    "isin": _isin,
}


def _metadata(contract: type[Contract]) -> dict[str, Any]:
    return contract.Config.metadata  # type: ignore[attr-defined]


def _duckdb_type(dtype: str) -> str:
    return "TIMESTAMP" if dtype.startswith("datetime64") else _TYPES[dtype]


def _quoted(text: str) -> str:
    return text.replace("'", "''")
