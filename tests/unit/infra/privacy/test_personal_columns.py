"""What landing does with personal data outside the columns meant for them: note, set aside, or refuse."""

from typing import Any

import pytest
from landing_examples import InZone, table_of

from infra.errors import AimloopError
from infra.intake import landing
from infra.intake.raw_zone import Landing
from infra.keys import Keys
from infra.sections import Privacy
from infra.sources.raw_table import RawTable
from infra.state import State

NOTED = "SELECT table_name, column_name, kind, how FROM raw.personal_columns ORDER BY ALL"


def land(state: State, keys: Keys, *tables: RawTable, **privacy: Any) -> dict[str, Landing]:
    landings = landing.land(state, keys, tables, "test", privacy=Privacy(**privacy))
    return {landed.table_name: landed for landed in landings}


def customers(column: str, *values: object) -> RawTable:
    return table_of("customers", ["customer_id", column], *((f"c{i}", value) for i, value in enumerate(values)))


def orders(column: str, *values: object) -> RawTable:
    rows = (("o", "ann", "2017-01-02", i + 1, value) for i, value in enumerate(values))
    return table_of("orders", ["order_id", "customer_id", "ordered_at", "amount", column], *rows)


def test_attributes_and_free_texts_are_noted_and_land_as_they_are(state: State, keys: Keys, in_zone: InZone) -> None:
    rows = [
        ("1", "13812341234", "gold", "likes tea", "4 Low Road", "Ada Lovelace"),
        ("2", "13912341234", "gold", "ring 13812341234", "5 Low Road", "Bob Byte"),
        ("3", None, "silver", "no calls", "6 Low Road", None),
    ]
    columns = ["customer_id", "attr_contact", "attr_tier", "attr_note", "attr_home", "attr_first_name"]
    products = [("p1", "a kettle"), ("p2", "ask ann@example.com"), ("p3", "bob@example.com knows")]
    landed = land(
        state,
        keys,
        table_of("customers", columns, *rows),
        table_of("products", ["product_id", "description"], *products),
    )
    assert (landed["customers"].accepted, landed["products"].accepted) == (3, 3)
    assert in_zone(NOTED) == [
        ("customers", "attr_contact", "phone", "values"),
        ("customers", "attr_first_name", "name", "name"),
        ("customers", "attr_home", "address", "values"),
        ("customers", "attr_note", "text", "values"),
        ("products", "description", "text", "values"),
    ]
    assert in_zone("SELECT attr_contact FROM raw.customers WHERE customer_id = '1'") == [("13812341234",)]


def test_columns_meant_for_personal_data_and_ids_that_staging_replaces_are_not_noted(
    state: State, keys: Keys, in_zone: InZone
) -> None:
    person = ("13812341234", "ann", "13812341234", "ann@example.com", "110101199001011237")
    land(state, keys, table_of("customers", ["customer_id", "name", "phone", "email", "id_number"], person))
    assert in_zone(NOTED) == []


def test_a_stray_phone_in_a_column_of_classes_sets_its_row_aside(state: State, keys: Keys, in_zone: InZone) -> None:
    """Even when slipped lines bring more different phones than there are classes: rows count, not values."""
    slipped = ["13812341234", "13912341234", "ann@example.com"]
    landed = land(state, keys, orders("channel", *["store"] * 20, *slipped))["orders"]
    assert (landed.read, landed.accepted, landed.quarantined) == (23, 20, 3)
    assert in_zone("SELECT DISTINCT reason FROM raw.quarantine") == [
        ("channel: looks like a phone, e-mail, id number or address",)
    ]
    assert in_zone("SELECT DISTINCT channel FROM raw.orders") == [("store",)]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            orders("product_id", "13812341234", "13912341234", "1029743"),
            "67% of the values in orders.product_id look like phone",
        ),
        (orders("store_id", "ann@example.com", None), "100% of the values in orders.store_id look like e-mail"),
        (
            customers("region", "4 Low Road", "12 Main Street", "Springfield"),
            "67% of the values in customers.region look like addr",
        ),
        (
            orders("channel", "4111111111111111", "5500000000000004"),
            "100% of the values in orders.channel look like id numbers",
        ),
    ],
)
def test_a_column_full_of_personal_data_is_a_mapping_gone_wrong(
    table: RawTable, said: str, state: State, keys: Keys, in_zone: InZone
) -> None:
    land(state, keys, orders("channel", "store"))
    with pytest.raises(AimloopError, match=said) as refused:
        land(state, keys, table)
    assert "privacy.not_personal" in refused.value.remedy
    for personal in ("13812341234", "ann@example", "Road", "4111"):
        assert personal not in str(refused.value)
    assert in_zone("SELECT channel FROM raw.orders") == [("store",)]  # the old zone stays


def test_shops_may_have_addresses(state: State, keys: Keys) -> None:
    assert land(state, keys, orders("store_id", "4 Low Road", "12 Main Street"))["orders"].accepted == 2


@pytest.mark.parametrize("name", ["product_id", "orders.product_id"])
def test_article_numbers_like_phones_are_let_through_on_request(name: str, state: State, keys: Keys) -> None:
    landed = land(state, keys, orders("product_id", "13812341234", "13912341234"), not_personal=(name,))
    assert landed["orders"].accepted == 2


@pytest.mark.parametrize("name", ["attr_nick", "customers.attr_nick"])
def test_what_is_declared_is_noted_whatever_its_values(name: str, state: State, keys: Keys, in_zone: InZone) -> None:
    land(state, keys, customers("attr_nick", "sunny", None), personal={name: "name"})
    assert in_zone(NOTED) == [("customers", "attr_nick", "name", "declared")]


def test_a_free_text_may_be_declared_personal_as_a_whole(state: State, keys: Keys, in_zone: InZone) -> None:
    products = table_of("products", ["product_id", "description"], ("p1", "made by Ada"))
    land(state, keys, products, personal={"products.description": "name"})
    assert in_zone(NOTED) == [("products", "description", "name", "declared")]


def test_a_column_that_models_need_cannot_be_declared_personal(state: State, keys: Keys) -> None:
    with pytest.raises(AimloopError, match=r"customers\.region, which models learn from"):
        land(state, keys, customers("region", "north"), personal={"region": "address"})


def test_a_misspelt_declaration_is_refused_with_the_nearest_column(state: State, keys: Keys) -> None:
    with pytest.raises(AimloopError, match="'attr_hoem', which no table has") as refused:
        land(state, keys, customers("attr_home", "north"), personal={"attr_hoem": "address"})
    assert "did you mean 'attr_home'?" in refused.value.remedy
