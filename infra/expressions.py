"""SQL expressions that people write in settings and on the command line: checked before any engine sees them.

An expression may hold columns that are known, texts, numbers, operators and the functions listed here;
nothing that reads a file, asks the machine, writes or holds a query of its own. The text is parsed and
written anew from its syntax tree, node by node against a list of what is allowed, so that what the engine
reads is what was checked.
"""

import difflib
from collections.abc import Collection, Iterable

from sqlglot import TokenType, exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError

from infra.errors import AimloopError

LONGEST = 20_000

_CALLS = {
    "texts": "concat concat_ws contains ends_with instr left length lower lpad ltrim md5 prefix regexp_extract "
    "regexp_full_match regexp_matches regexp_replace replace reverse right rpad rtrim sha256 split_part starts_with "
    "strip_accents strpos struct_extract substr substring suffix trim upper",
    "numbers": "abs ceil ceiling exp floor greatest isfinite isinf isnan least ln log log10 log2 mod pow power round "
    "sign sqrt trunc",
    "times": "date_add date_diff date_part date_sub date_trunc datediff datepart datetrunc day dayofweek dayofyear "
    "epoch epoch_ms hour isodow last_day make_date make_timestamp minute month quarter second strftime strptime "
    "time_bucket to_timestamp try_strptime week year",
    "choices": "coalesce if ifnull nullif try",
}
FUNCTIONS = frozenset(name for names in _CALLS.values() for name in names.split())

_NODES: tuple[type[exp.Expr], ...] = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Anonymous),
    *(exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Is, exp.Between, exp.In, exp.Like, exp.ILike, exp.SimilarTo),
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe),
    *(exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Interval, exp.Extract, exp.Var),
    *(exp.AtTimeZone, exp.Order, exp.Ordered),
)

_TYPES = frozenset(
    {"BOOLEAN", "TEXT", "VARCHAR", "DATE", "TIME", "TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMPTZ"}
    | {"TINYINT", "SMALLINT", "INT", "BIGINT", "UTINYINT", "USMALLINT", "UINT", "UBIGINT"}
    | {"FLOAT", "DOUBLE", "DECIMAL"}
)

# SQL dialects disagree on what a = b is null means, so its parts are asked for in brackets.
_COMPARISONS: tuple[type[exp.Expr], ...] = (
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Is, exp.Between, exp.In, exp.Like, exp.ILike, exp.SimilarTo),
)
_OPERATIONS = (*_COMPARISONS, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe)

_INSTEAD: dict[type[exp.Expr], str] = {
    exp.Pow: "write pow(a, b)",
    exp.RegexpLike: "write regexp_full_match(a, 'pattern')",
}


# Every call stays the call it was written as, instead of becoming what it would be in another dialect.
_Parser = type(
    "_Parser",
    (DuckDB.Parser,),
    {
        "FUNCTIONS": {},
        "FUNCTION_PARSERS": {name: DuckDB.Parser.FUNCTION_PARSERS[name] for name in ("CAST", "TRY_CAST", "EXTRACT")},
        "NO_PAREN_FUNCTIONS": {},
        "NO_PAREN_FUNCTION_PARSERS": {"CASE": DuckDB.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]},
    },
)


def checked_expression(text: str, columns: Iterable[str], place: str) -> str:
    """One expression over ``columns`` as DuckDB SQL, every column under its exact name in double quotes.

    A text that is a column's name, whatever characters that holds, is that column; within an expression
    such names stand in double quotes. Names are found whatever their case. ``a.b`` is the field b of a.

    Args:
        text: what the user wrote.
        columns: the columns it may name.
        place: where it was written, for the error: ``--where``, ``tables.orders.columns.amount``.

    Raises:
        AimloopError: it is no single harmless expression over these columns; names the part that is not.
    """
    known = frozenset(columns)
    if text.strip() in known:
        return _written(_column(text.strip()))
    return _checked(text, exp.Condition, known, place)


def checked_order(text: str, columns: Iterable[str], place: str) -> str:
    """Like `checked_expression`, for ``a desc, b``: what may follow ORDER BY."""
    return _checked(text, exp.Order, frozenset(columns), place).strip().removeprefix("ORDER BY ")


def syntax_tree(sql: str) -> exp.Expr:
    """What was checked, as a tree; ``written`` makes it SQL again."""
    dialect = DuckDB()
    (tree,) = _Parser(dialect=dialect).parse_into(exp.Condition, dialect.tokenize(sql), sql)
    return tree


def written(tree: exp.Expr) -> str:
    return _written(tree)


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that ``name`` was probably meant to be: one it is a part of, or one spelt alike."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    longer = sorted((n for n in by_lower if len(name) > 2 and name.lower() in n), key=len)
    near = longer or difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None


def _checked(text: str, kind: type[exp.Expr], known: Collection[str], place: str) -> str:
    if len(text) > LONGEST:
        raise AimloopError(f"{place}: {len(text):,} characters", f"an expression has {LONGEST:,} at most")
    try:
        tree = _parsed(text, kind, place)
        for node in tree.walk():
            _check_node(node, place)
        return _written(_with_known_columns(tree, known, place))
    except RecursionError:
        raise AimloopError(f"{place}: nested too deeply", "write it with fewer brackets") from None


def _parsed(text: str, kind: type[exp.Expr], place: str) -> exp.Expr:
    remedy = "write one expression, such as: amount * quantity, or: region = 'north' and orders_28d > 0"
    dialect, sql = DuckDB(), f"order by {text}" if kind is exp.Order else text
    try:
        tokens = dialect.tokenize(sql)
        odd = next((token for token in tokens if token.token_type is TokenType.SEMICOLON or "\0" in token.text), None)
        if odd is not None:
            raise ParseError("", [{"highlight": odd.text}])
        (tree,) = _Parser(dialect=dialect).parse_into(kind, tokens, sql) or (None,)
    except SqlglotError as error:
        highlight = next((found.get("highlight") for found in getattr(error, "errors", ())), None)
        near = f" at '{_short(highlight)}'" if highlight else ""
        raise AimloopError(f"{place}: '{_short(text)}' cannot be read{near}", remedy) from None
    if tree is None:
        raise AimloopError(f"{place}: there is no expression", remedy)
    return tree


def _check_node(node: exp.Expr, place: str) -> None:
    if type(node) not in _NODES or (isinstance(node, exp.Var) and not node.name.isalpha()):
        raise AimloopError(
            f"{place}: '{_short(_written(node))}' is not allowed there",
            _INSTEAD.get(
                type(node), "an expression is made of columns, texts, numbers, operators and functions of them"
            ),
        )
    if isinstance(node, exp.Anonymous) and (not isinstance(node.this, str) or node.this.lower() not in FUNCTIONS):
        raise AimloopError(
            f"{place}: the function '{node.name}' is not allowed there", _meant(node.name, FUNCTIONS, "allowed")
        )
    if isinstance(node, exp.DataType) and (not isinstance(node.this, exp.DType) or node.this.name not in _TYPES):
        raise AimloopError(
            f"{place}: the type '{_short(_written(node))}' is not allowed there",
            "allowed are texts, numbers, truth values, dates and times, such as varchar, double, date, timestamp",
        )
    if isinstance(node, (*_COMPARISONS, exp.Not)) and isinstance(node.parent, _OPERATIONS):
        raise AimloopError(
            f"{place}: '{_short(_written(node))}' beside another operator can be read in two ways",
            "put brackets around it",
        )


def _with_known_columns(tree: exp.Expr, known: Collection[str], place: str) -> exp.Expr:
    by_lower = {name.lower(): name for name in known}

    def resolve(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        parts = [part.name for part in node.parts]
        for name, fields in ((".".join(parts), []), (parts[0], parts[1:])):
            column = name if name in known else by_lower.get(name.lower())
            if column is not None:
                return _field(_column(column), fields)
        raise _unknown_column(".".join(parts), known, place)

    return tree.transform(resolve)


def _unknown_column(name: str, known: Collection[str], place: str) -> AimloopError:
    hint = "" if nearest(name, known) else f"a text stands in single quotes: '{name}'; "
    return AimloopError(f"{place}: there is no column '{name}'", hint + _meant(name, known, "columns"))


def _meant(name: str, known: Collection[str], label: str) -> str:
    near = nearest(name, known)
    return f"did you mean '{near}'?" if near else f"{label}: {', '.join(sorted(known))}"


def _column(name: str) -> exp.Expr:
    return exp.Column(this=exp.Identifier(this=name, quoted=True))


def _field(value: exp.Expr, fields: Iterable[str]) -> exp.Expr:
    for field in fields:
        value = exp.Anonymous(this="struct_extract", expressions=[value, exp.Literal.string(field)])
    return value


def _written(node: exp.Expr) -> str:
    for zoned in list(node.find_all(exp.AtTimeZone)):  # the engine reads `between x at time zone 'UTC' and y` wrong
        if isinstance(zoned.parent, exp.Between):
            zoned.replace(exp.Paren(this=zoned.copy()))
    return node.sql(
        "duckdb", comments=False, identify=True, normalize_functions=False, unsupported_level=ErrorLevel.IGNORE
    )


def _short(text: str) -> str:
    """On one line, without what a terminal would obey, cut to a readable length."""
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))
    return line if len(line) <= 60 else line[:57] + "…"
