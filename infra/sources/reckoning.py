"""Expressions over columns of text: where an expression reckons, it is given the numbers that the texts stand for.

Which columns hold numbers is seen in a sample; where a column stands for a number and where for its
text (``concat(day, ' ', time)``, ``coalesce(card, email)``) is seen in the expression.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlglot import exp

from infra.errors import AimloopError
from infra.expressions import syntax_tree, written
from infra.reading import numbers
from infra.sources.rows import Rows, quoted

_SAMPLED_ROWS = 10_000
_NUMBERS_AT_LEAST = 0.9

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between, exp.In)
_NUMERIC_CALLS = frozenset(
    [
        *("abs", "ceil", "ceiling", "exp", "floor", "isfinite", "isinf", "isnan", "ln", "log", "log10", "log2", "mod"),
        *("pow", "power", "round", "sign", "sqrt", "trunc", "epoch_ms", "make_date", "make_timestamp", "to_timestamp"),
    ]
)
_PASSED_ON = frozenset(("coalesce", "if", "ifnull", "nullif", "try", "greatest", "least"))  # one of the arguments


@dataclass(frozen=True)
class Reckoned:
    """SQL of an expression's value, its type, whether a number that it needs is there and is none, and those texts."""

    value: str
    sql_type: str
    failed: str
    texts: str


def numeric_columns(
    rows: Rows, expressions: Iterable[tuple[str, bool]], decimal_comma: bool | None, connection: Any
) -> dict[str, str]:
    """Text columns that hold numbers: quoted column → SQL of the number.

    Args:
        rows: the columns.
        expressions: checked SQL, and whether the whole stands for a number; columns that none of them
            reckons with are not looked at.
        decimal_comma: what the settings say.
        connection: where a sample is taken.
    """
    reckoned = {
        written(column)
        for sql, wants_number in expressions
        for column in syntax_tree(sql).find_all(exp.Column)
        if _stands_for_number(column, wants_number)
    }
    columns = [column for name in rows.columns if (column := quoted(name)) in reckoned]
    if not rows.is_text or not columns:
        return {}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE sampled AS FROM ({rows.relation}) LIMIT {_SAMPLED_ROWS}")
    found = {}
    commas = numbers.decimal_commas("sampled", columns, decimal_comma, connection)
    for column in columns:
        number = numbers.expression(column, commas[column])
        counts = connection.execute(f"SELECT count({column}), count({number}) FROM sampled").fetchone()
        if counts[0] and counts[1] >= _NUMBERS_AT_LEAST * counts[0]:
            found[column] = number
    connection.execute("DROP TABLE sampled; DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    return found


def over_numbers(
    sql: str, wants_number: bool, numeric: dict[str, str], rows: Rows, place: str, connection: Any
) -> Reckoned:
    """The expression with numbers where it reckons.

    Args:
        sql: checked SQL (`checked_expression`).
        wants_number: the whole stands for a number.
        numeric: what `numeric_columns` found.
        rows: the columns it is over.
        place: where it was written, for the error.
        connection: where it is tried.

    Raises:
        AimloopError: it does not fit the columns.
    """
    tree = syntax_tree(sql)
    reckoned = {
        id(column): name
        for column in tree.find_all(exp.Column)
        if (name := written(column)) in numeric and _stands_for_number(column, wants_number)
    }
    typed = written(
        tree.transform(
            lambda node: exp.Paren(this=syntax_tree(numeric[reckoned[id(node)]])) if id(node) in reckoned else node,
            copy=False,
        )
    )
    try:
        described = connection.execute(f"DESCRIBE SELECT {typed} FROM ({rows.relation})").fetchone()
    except duckdb.Error as error:
        raise AimloopError(
            f"{place}: {sql} does not fit the columns ({str(error).splitlines()[0]})",
            "columns of texts that are mostly no numbers cannot be reckoned with; see `aimloop inspect`",
        ) from None
    used = dict.fromkeys(reckoned.values())
    failed = " OR ".join(f"({name} IS NOT NULL AND {numeric[name]} IS NULL)" for name in used) or "false"
    texts = f"concat_ws(' | ', {', '.join(used)})" if used else "CAST(NULL AS VARCHAR)"
    return Reckoned(typed, described[1], failed, texts)


def _stands_for_number(node: exp.Expr, wants_number: bool) -> bool:
    """Does what holds this node take it for a number?"""
    parent = node.parent
    if parent is None:
        return wants_number
    if isinstance(parent, _ARITHMETIC):
        return True
    if isinstance(parent, _COMPARISONS):
        others = [other for other in parent.iter_expressions() if other is not node]
        return not any(isinstance(other, exp.Literal) and other.is_string for other in others) and any(
            _is_number(other) for other in others
        )
    if isinstance(parent, exp.Cast | exp.TryCast):
        return bool(parent.to.this in exp.DataType.NUMERIC_TYPES)
    if isinstance(parent, exp.Anonymous):
        name = str(parent.this).lower()
        is_condition = name == "if" and parent.expressions[0] is node
        return name in _NUMERIC_CALLS or (
            name in _PASSED_ON and not is_condition and _stands_for_number(parent, wants_number)
        )
    if isinstance(parent, exp.If):  # WHEN … THEN …
        return parent.this is not node and _stands_for_number(parent, wants_number)
    if isinstance(parent, exp.Case | exp.Paren):
        return _stands_for_number(parent, wants_number)
    return False


def _is_number(node: exp.Expr) -> bool:
    """Is this a number by its own form: 1, a * b, abs(a)?"""
    if isinstance(node, exp.Paren):
        return _is_number(node.this)
    if isinstance(node, exp.Literal):
        return not node.is_string
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower() in _NUMERIC_CALLS
    return isinstance(node, _ARITHMETIC)
