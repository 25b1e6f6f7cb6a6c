"""Expressions that people write: what is taken, what is refused and in which words, and that nothing harmful passes."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.errors import AimloopError
from infra.expressions import FUNCTIONS, LONGEST, checked_expression, checked_order, nearest

COLUMNS = ["segment", "churn_probability", "Quantity", "Unit Price", 'say "hi"', "a;b", "properties", "properties.size"]


def check(text: str) -> str:
    return checked_expression(text, COLUMNS, "--where")


# ── what is taken ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("segment = 'win-back' and churn_probability > 0.5", '"segment" = \'win-back\' AND "churn_probability" > 0.5'),
        ("quantity * 2", '"Quantity" * 2'),
        ('"unit price" * QUANTITY', '"Unit Price" * "Quantity"'),
        ("Unit Price", '"Unit Price"'),
        (' say "hi" ', '"say ""hi"""'),
        ("a;b", '"a;b"'),
        ("properties.size", '"properties.size"'),
        ("properties.colour", "struct_extract(\"properties\", 'colour')"),
        ("segment not in ('it''s', 'b')", "NOT \"segment\" IN ('it''s', 'b')"),
        ("segment is not null -- they said", 'NOT "segment" IS NULL'),
        ("segment = '; drop table x; --'", "\"segment\" = '; drop table x; --'"),
        ("cast(segment as decimal(10, 2))", 'CAST("segment" AS DECIMAL(10, 2))'),
        ("try_strptime(segment, '%d.%m.%Y')", "try_strptime(\"segment\", '%d.%m.%Y')"),
    ],
)
def test_an_expression_is_written_anew_with_exact_column_names(text: str, sql: str) -> None:
    assert check(text) == sql


def test_an_order_has_columns_and_directions() -> None:
    assert checked_order("Churn_Probability desc, quantity", COLUMNS, "--order-by") == (
        '"churn_probability" DESC, "Quantity"'
    )


def test_the_engine_knows_every_function_that_is_allowed() -> None:
    known = {name for (name,) in duckdb.sql("SELECT function_name FROM duckdb_functions()").fetchall()}
    assert FUNCTIONS - known == {"coalesce", "if", "ifnull", "try"}  # these are syntax of the engine's own


# ── what is refused, and in which words ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("segmnt = 'x'", "there is no column 'segmnt'", "did you mean 'segment'?"),
        ("churn > 0.5", "there is no column 'churn'", "did you mean 'churn_probability'?"),
        ('segment = "win-back"', "there is no column 'win-back'", "a text stands in single quotes: 'win-back'"),
        ("lowr(segment) = 'x'", "the function 'lowr' is not allowed there", "did you mean 'lower'?"),
        ("segment = 'a' or (select true)", "'(SELECT TRUE)' is not allowed there", "an expression is made of columns"),
        ("segment = 'a'; drop table x", "cannot be read at ';'", "write one expression"),
        ("segment = 'a", "cannot be read", "write one expression"),
        ("segment = = 'a'", "cannot be read at '='", "write one expression"),
        ("  ", "there is no expression", "write one expression"),
        ("segment::json", "the type 'JSON' is not allowed there", "allowed are texts"),
        ("quantity ^ 2", "'POWER(\"quantity\", 2)' is not allowed there", "write pow(a, b)"),
        ("quantity = 1 = true", "can be read in two ways", "put brackets around it"),
        ("(" * 400 + "segment" + ")" * 400, "nested too deeply", "fewer brackets"),
        ("1 + " * LONGEST + "1", "80,001 characters", "20,000 at most"),
    ],
)
def test_a_refusal_names_the_place_the_part_and_what_was_meant(text: str, what: str, remedy: str) -> None:
    with pytest.raises(AimloopError) as caught:
        check(text)
    assert caught.value.what.startswith("--where: ")
    assert what in caught.value.what
    assert remedy in caught.value.remedy


ATTACKS = [
    *("(select 1)", "exists (select 1)", "segment in (select segment)", "segment in (from read_csv('/etc/passwd'))"),
    *("read_csv('/etc/passwd')", "read_text('/etc/passwd')", "glob('*')", "getenv('HOME')", '"getenv"(\'HOME\')'),
    *("main.getenv('HOME')", "system.main.getenv('HOME')", "current_setting('home_directory')", "query('select 1')"),
    *("query_table('t')", "nextval('s')", "setseed(1)", "random()", "uuid()", "now()", "current_date", "current_user"),
    *("segment; attach 'x'", "pragma version", "copy t to 'x'", "attach 'x'", "install httpfs", "load httpfs"),
    *("columns(*)", "columns('s.*') = 'x'", "*", "*columns(*)", "count(*)", "sum(quantity) over ()", "max(segment)"),
    *("list_filter([1], x -> x > 0)", "list_transform([1], lambda x: x)", "x -> x", "apply(segment, getenv)"),
    *("segment.getenv()", "segment[1]", "[segment]", "{'a': segment}", "map {'a': 1}", "row(1)", "if(x := 1, 2, 3)"),
    *("$1", "?", ":segment", "@segment", "#1", "e'x'", "$$x$$", "x'41'", "segment::regclass", 'segment::"int; x"'),
    *("cast(segment as struct(a int))", "segment as s", "segment, quantity", "segment order by 1", "segment limit 1"),
    *("segment union select 1", "1) union select (1", "/* x */ select 1", 'interval 1 "day; x"', "segment collate de"),
    *("rowid", "segment\0", "lower(distinct segment)", "any_value(segment)", "1 = any (select 1)", "try(select 1)"),
    *("segment = 'a\0b'", 'extract("a;b" from segment)'),
]  # fmt: skip


@pytest.mark.parametrize("text", ATTACKS)
def test_what_could_read_write_or_ask_the_machine_is_refused(text: str) -> None:
    with pytest.raises(AimloopError, match="--where: "):
        check(text)
    if text == "segment, quantity":  # an order may have several parts
        return
    with pytest.raises(AimloopError, match="--order-by: "):
        checked_order(f"quantity, {text} desc", COLUMNS, "--order-by")


# ── generated ones ────────────────────────────────────────────────────────────────────────────

_HARMLESS = {"COLUMN_REF", "CONSTANT", "FUNCTION", "CASE", "CAST", "OPERATOR", "COMPARISON", "CONJUNCTION", "BETWEEN"}
_OPERATORS = {"+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*"} | {
    "regexp_full_match",
    "timezone",
    "like_escape",
}
_OPERATORS |= {"not_like_escape", "date_part", "trunc"}
_OPERATORS |= {f"to_{unit}s" for unit in ("year", "month", "week", "day", "hour", "minute", "second", "quarter")}
_PIECES = st.sampled_from(
    [*COLUMNS, '"Unit Price"', "'x'", "1", "0.5", "(", ")", ",", "and", "or", "not", "=", "<>", "<", "+", "-", "*", "/"]
    + ["||", "in", "between", "is null", "is", "like", "case when", "then", "end", "date '2017-01-01'", "::int", "."]
    + [f"{name}(" for name in sorted(FUNCTIONS)]
    + ATTACKS
)
_SHAPES = [
    *("{} = {}", "{} and {}", "not {}", "({})", "{} + {}", "{} || {}", "-{}", "{} in ({}, {})", "{} between {} and {}"),
    *("lower({})", "coalesce({}, {})", "case when {} then {} else {} end", "case {} when {} then 1 end", "{} is null"),
    *("cast({} as varchar)", "try_cast({} as date)", "{}::double", "{} at time zone 'UTC'", "extract(year from {})"),
    *("{} similar to {}", "{} is not distinct from {}", "{} - interval 7 day", "try({})"),
]
_GROWN = st.recursive(
    st.sampled_from([*COLUMNS[:3], '"a;b"', "properties.size", "'it''s'", "1", "true", "null", *ATTACKS[::4]]),
    lambda inner: st.sampled_from(_SHAPES).flatmap(
        lambda shape: st.tuples(*[inner] * shape.count("{}")).map(lambda parts: shape.format(*parts))
    ),
    max_leaves=5,
)


def parsed_by_the_engine(sql: str) -> Iterator[dict[str, Any]]:
    """Every node of the expression as DuckDB itself reads it, and nothing but one expression."""
    asked = duckdb.execute("SELECT json_serialize_sql($1)", [f"SELECT {sql}"]).fetchone()
    document = json.loads(asked[0]) if asked else {}
    assert not document["error"], (sql, document)
    (statement,) = document["statements"]
    (expression,) = statement["node"]["select_list"]
    open_nodes: list[Any] = [expression]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, dict):
            if "class" in node:
                yield node
            open_nodes += node.values()
        elif isinstance(node, list):
            open_nodes += node


def assert_harmless(sql: str) -> None:
    for node in parsed_by_the_engine(sql):
        assert node["class"] in _HARMLESS, sql
        if node["class"] == "COLUMN_REF":
            assert node["column_names"][0] in COLUMNS, sql
        if node["class"] == "FUNCTION":
            assert node["function_name"] in FUNCTIONS | _OPERATORS, sql


@given(_GROWN | st.lists(_PIECES, min_size=1, max_size=8).map(" ".join))
@settings(max_examples=1000, deadline=None)
@example("properties . colour")
@example("segment between 1 and 2")
def test_what_passes_is_harmless_as_the_engine_itself_reads_it(text: str) -> None:
    try:
        sql = check(text)
    except AimloopError:
        return
    assert_harmless(sql)


@given(st.text(max_size=40))
@settings(max_examples=500, deadline=None)
def test_no_text_at_all_makes_it_stumble(text: str) -> None:
    try:
        sql = check(text)
    except AimloopError:
        return
    assert_harmless(sql)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
@example("a--b")
@example("/* x")
@example('"')
@example("'; drop table t; --")
def test_a_column_may_have_any_name(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    values = duckdb.sql(f"SELECT 7 AS {quoted}")
    sql = checked_expression(f"{quoted} + 1", [name], "--where")
    assert values.project(sql).fetchall() == [(8,)]
    if name == name.strip():
        assert values.project(checked_expression(name, [name], "--where")).fetchall() == [(7,)]


_numbers = st.sampled_from(["a", "b", "1", "2.5", "-a", "abs(b)", "coalesce(c, 1)"])
_values = st.recursive(
    _numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "%"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("greatest({}, 1)".format),
        inner.map("{}::double".format),
        inner.map("case when {} > 1 then 2 else 3 end".format),
    ),
    max_leaves=6,
)
_conditions = st.recursive(
    st.tuples(_values, st.sampled_from(["=", "<>", "<", ">=", "is not distinct from", "==", "!="]), _values).map(
        " ".join
    )
    | _values.map("{} between 1 and 2".format)
    | _values.map("{} not in (1, 2)".format)
    | _values.map("{} is not null".format)
    | st.just("s not like 'x%'")
    | st.just("s || 'y' = 'xy'"),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map("not {}".format),
        inner.map("({})".format),
    ),
    max_leaves=5,
)


@given(_conditions)
@settings(max_examples=300, deadline=None)
def test_what_is_written_anew_means_what_was_written(text: str) -> None:
    rows = duckdb.sql("SELECT * FROM (VALUES (1, 2.0, NULL, 'x'), (2, -3.5, 4, 'xy'), (0, 1, 1, NULL)) t(a, b, c, s)")
    assert rows.project(checked_expression(text, "abcs", "--where")).fetchall() == rows.project(text).fetchall(), text


def test_the_nearest_name_is_one_it_is_part_of_or_one_spelt_alike() -> None:
    known = ["churn_probability", "orders_28d", "orders_56d", "Segment"]
    assert nearest("churn", known) == "churn_probability"
    assert nearest("order_28d", known) == "orders_28d"
    assert nearest("SEGMENTS", known) == "Segment"
    assert nearest("weather", known) is None


def test_a_time_zone_between_and_is_written_as_the_engine_reads_it() -> None:
    written = checked_expression("a between b at time zone 'UTC' and c", ["a", "b", "c"], "here")
    assert written == """"a" BETWEEN ("b" AT TIME ZONE 'UTC') AND "c\""""
