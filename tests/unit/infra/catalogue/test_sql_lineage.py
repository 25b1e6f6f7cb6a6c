"""Lineage of SQL small enough to follow with a finger, in the shapes that the project uses."""

from typing import Any

import pytest

from infra.catalogue.lineage import Lineage, Ref
from infra.catalogue.project import Compiled
from infra.catalogue.sql_lineage import read_lineage
from infra.errors import AimloopError

RAW = {
    "orders": ["customer", "amount", "day"],
    "clicks": ["customer", "page", "day"],
}


def node(name: str, sql: str, after: list[str]) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "database": "w",
        "schema": "marts",
        "alias": name,
        "relation_name": name,
        "fqn": ["aimloop", "marts", name],
        "original_file_path": f"models/{name}.sql",
        "compiled_code": sql,
        "depends_on": {"nodes": after},
    }


def source(name: str) -> dict[str, Any]:
    return {
        "resource_type": "source",
        "source_name": "raw",
        "name": name,
        "database": "raw",
        "schema": "main",
        "identifier": name,
        "relation_name": name,
        "original_file_path": "models/sources.yml",
    }


def read(**models: str) -> Lineage:
    """Models in order, each depending on those before; none is given in that order."""
    names = list(models)
    nodes = {name: node(name, sql, names[:position]) for position, (name, sql) in enumerate(models.items())}
    manifest = {
        "sources": {name: source(name) for name in RAW},
        "nodes": dict(reversed(nodes.items())),
        "exposures": {
            "m": {"name": "m", "type": "ml", "description": "A\nmodel.", "depends_on": {"nodes": names[-1:]}},
        },
    }
    tables = {("raw", "main", name): dict.fromkeys(columns, "VARCHAR") for name, columns in RAW.items()}
    return read_lineage(Compiled(manifest, tables))


def of(sql: str) -> dict[str, list[str]]:
    """Each column of one query over the raw tables with what it is computed from."""
    lineage = read(t=sql)
    return {column: [str(ref) for ref in sources] for column, sources in lineage.tables["t"].columns.items()}


def chosen_by(sql: str) -> list[str]:
    return [str(ref) for ref in read(t=sql).tables["t"].chosen_by]


ORDERS, CLICKS = "raw.main.orders", "raw.main.clicks"


def test_names_expressions_and_constants() -> None:
    assert of(f"select customer as who, amount * 2 + length(day) as figure, 7 as seven from {ORDERS}") == {
        "who": ["raw.orders.customer"],
        "figure": ["raw.orders.amount", "raw.orders.day"],
        "seven": [],
    }


def test_stars_without_some_columns() -> None:
    sql = f"""
        with o as (select * from {ORDERS})
        select o.* exclude (day), c.page from o join {CLICKS} as c using (customer)"""
    assert of(sql) == {
        "customer": ["raw.orders.customer"],
        "amount": ["raw.orders.amount"],
        "page": ["raw.clicks.page"],
    }


def test_both_sides_of_a_union_by_position() -> None:
    sql = f"select customer as who from {ORDERS} union all select page from {CLICKS}"
    assert of(sql) == {"who": ["raw.clicks.page", "raw.orders.customer"]}


def test_as_of_joins_windows_and_qualify() -> None:
    sql = f"""
        select o.amount, c.page, row_number() over (partition by o.customer order by o.day) as n
        from {ORDERS} as o asof left join {CLICKS} as c on o.customer = c.customer and o.day >= c.day
        qualify n = 1"""
    assert of(sql) == {
        "amount": ["raw.orders.amount"],
        "page": ["raw.clicks.page"],
        "n": ["raw.orders.customer", "raw.orders.day"],
    }
    assert chosen_by(sql) == ["raw.clicks.customer", "raw.clicks.day", "raw.orders.customer", "raw.orders.day"]


def test_a_count_of_rows_comes_from_the_rows_of_its_table() -> None:
    sql = f"""
        with visits as (select customer, page, count(*) as visits, max(day) as latest from {CLICKS} group by all)
        select o.amount, v.visits from {ORDERS} as o join visits as v on o.customer = v.customer"""
    assert of(sql)["visits"] == ["rows of raw.clicks"]
    # by all that is no aggregate
    assert chosen_by(sql) == ["raw.clicks.customer", "raw.clicks.page", "raw.orders.customer"]


def test_a_condition_on_a_step_before_is_one_on_what_that_was_computed_from() -> None:
    sql = f"""
        with visits as (select customer as visitor, day || page as visit from {CLICKS})
        select o.amount from {ORDERS} as o join visits on visits.visit = o.day"""
    assert chosen_by(sql) == ["raw.clicks.day", "raw.clicks.page", "raw.orders.day"]


def test_what_filters_choose_is_followed_through_earlier_steps() -> None:
    lineage = read(
        first=f"""
            select customer, day as first_day, amount from {ORDERS}
            where customer in (select customer from {CLICKS})""",
        second="select amount from w.marts.first where first_day > '2020'",
    )
    (amount,) = lineage.find("second.amount")
    assert [str(ref) for ref in lineage.beginnings(amount)] == ["raw.orders.amount"]
    assert [str(ref) for ref in lineage.choosers(amount)] == [
        "raw.clicks.customer",
        "raw.orders.customer",
        "raw.orders.day",
    ]
    assert lineage.chosen(Ref("raw.orders", "day")) == ["second"]
    assert [str(ref) for ref in lineage.fed(Ref("raw.orders", "amount"))] == ["first.amount", "second.amount"]
    assert lineage.fed(Ref("first", "amount")) == [amount]
    assert lineage.readers_of([amount, Ref("first", "amount")]) == {"m": [amount]}
    assert lineage.readers[0].description == "A model."


def test_a_name_prefers_the_marts_and_falls_back_to_any_table() -> None:
    lineage = read(t=f"select amount, 1 as page from {ORDERS}")
    assert lineage.find("page") == [Ref("t", "page")]
    assert lineage.find("day") == [Ref("raw.orders", "day"), Ref("raw.clicks", "day")]
    with pytest.raises(AimloopError, match=r"no column 't.amuont'") as unknown:
        lineage.find("t.amuont")
    assert "did you mean t.amount" in unknown.value.remedy


@pytest.mark.parametrize(
    "sql", ["select x from w.marts.nowhere", "select from where", "select nothing from raw.main.orders"]
)
def test_sql_that_cannot_be_followed_is_named(sql: str) -> None:
    with pytest.raises(AimloopError, match=r"dbt_project/models/t.sql"):
        read(t=sql)
