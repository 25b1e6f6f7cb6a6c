"""Landing: what is accepted, what is set aside and why, and that every row read is accounted for."""

import json
from datetime import datetime

import pandas as pd
import pytest
from landing_examples import InZone, table_of

from infra.errors import AimloopError
from infra.intake.landing import land
from infra.intake.raw_zone import Landing, data_range, landed, quarantine_reasons
from infra.keys import Keys
from infra.sections import Cleaning
from infra.sources.raw_table import RawTable
from infra.state import State

EMPTY = ("customers", "orders", "products", "impressions", "campaigns", "contacts", "events")


def land_one(state: State, keys: Keys, table: RawTable) -> Landing:
    return next(landing for landing in land(state, keys, [table], "f") if landing.table_name == table.name)


# ── accounting ────────────────────────────────────────────────────────────────────────────────

ORDERS = table_of(
    "orders",
    ["order_id", "customer_id", "ordered_at", "amount", "quantity"],
    ("o1", "ann", "2017-03-01 10:00", "5.50", "1"),
    ("o2", "bob", "2017-03-02 10:00", "-2.00", None),
    ("o3", "ann", "2017-03-03 10:00", "much", "1"),
    ("o4", None, "2017-03-04 10:00", "1.00", "1"),
    ("o5", "cyd", "2017-03-05 10:00", "1.00", "0"),
    ("o6", "ann", "2017-03-06 10:00", "1.00", "0"),
)


def test_rows_read_are_accepted_or_set_aside(state: State, keys: Keys, in_zone: InZone) -> None:
    assert land_one(state, keys, ORDERS) == Landing("orders", read=6, accepted=2, quarantined=4, suppressed=0)
    assert in_zone("SELECT order_id, customer_id, ordered_at, amount, quantity FROM raw.orders ORDER BY ALL") == [
        ("o1", "ann", datetime(2017, 3, 1, 10), 5.5, 1.0),
        ("o2", "bob", datetime(2017, 3, 2, 10), -2.0, None),
    ]


def test_the_quarantine_keeps_the_row_as_it_came_with_its_reason(state: State, keys: Keys, in_zone: InZone) -> None:
    land_one(state, keys, ORDERS)

    aside = in_zone("SELECT table_name, reason, row_json FROM raw.quarantine ORDER BY row_json->>'order_id'")

    assert [row[:2] for row in aside] == [
        ("orders", "amount: not a double"),
        ("orders", "customer_id: missing"),
        ("orders", "quantity: must be other than 0"),
        ("orders", "quantity: must be other than 0"),
    ]
    first = json.loads(aside[0][2])
    assert (first["order_id"], first["amount"], first["given_amount"]) == ("o3", None, "much")


def test_reasons_are_counted_most_first(state: State, keys: Keys) -> None:
    land_one(state, keys, ORDERS)

    counted = [tuple(row) for row in quarantine_reasons(state, keys).itertuples(index=False)]

    assert counted[0] == ("orders", "quantity: must be other than 0", 2)
    assert set(counted[1:]) == {("orders", "amount: not a double", 1), ("orders", "customer_id: missing", 1)}


def test_tables_that_the_source_lacks_are_there_and_empty(state: State, keys: Keys, in_zone: InZone) -> None:
    assert land(state, keys, [], "f") == [Landing(name, 0, 0, 0, 0) for name in EMPTY]
    assert in_zone(" UNION ALL ".join(f"SELECT landed_at FROM raw.{name}" for name in EMPTY)) == []


# ── duplicates ────────────────────────────────────────────────────────────────────────────────


def test_of_rows_with_one_key_the_first_is_kept(state: State, keys: Keys, in_zone: InZone) -> None:
    customers = table_of(
        "customers", ["customer_id", "name"], ("ann", "Ann 1"), ("bob", "Bob 1"), ("ann", "Ann 2"), ("ann", "Ann 3")
    )

    assert land_one(state, keys, customers) == Landing("customers", 4, accepted=2, quarantined=2, suppressed=0)
    assert in_zone("SELECT customer_id, name FROM raw.customers ORDER BY ALL") == [("ann", "Ann 1"), ("bob", "Bob 1")]
    assert in_zone("SELECT reason, row_json->>'name' FROM raw.quarantine ORDER BY ALL") == [
        ("customer_id: duplicate", "Ann 2"),
        ("customer_id: duplicate", "Ann 3"),
    ]


def test_a_row_that_is_set_aside_is_nobodys_first(state: State, keys: Keys, in_zone: InZone) -> None:
    products = table_of("products", ["product_id", "price"], ("p1", "-1"), ("p1", "2"), ("p1", "3"))

    assert land_one(state, keys, products) == Landing("products", 3, accepted=1, quarantined=2, suppressed=0)
    assert in_zone("SELECT price FROM raw.products") == [(2.0,)]


def test_contacts_are_known_by_campaign_and_customer_together(state: State, keys: Keys) -> None:
    contacts = table_of(
        "contacts", ["campaign_id", "customer_id"], ("k1", "ann"), ("k1", "bob"), ("k2", "ann"), ("k2", "ann")
    )

    assert land_one(state, keys, contacts) == Landing("contacts", 4, accepted=3, quarantined=1, suppressed=0)


@pytest.mark.parametrize(("rule", "accepted"), [("quarantine", 1), ("keep", 2)])
def test_order_lines_have_no_key_but_one_that_equals_another_is_a_duplicate_unless_a_setting_keeps_it(
    state: State, keys: Keys, rule: str, accepted: int
) -> None:
    columns, line = ["order_id", "customer_id", "ordered_at", "amount"], ("o1", "ann", "2017-03-01", "5")
    orders, other = table_of("orders", columns, line, line), Cleaning.model_validate({"exact_duplicates": rule})

    assert land(state, keys, [orders], "f", other)[1] == Landing("orders", 2, accepted, 2 - accepted, 0)


# ── columns ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "columns", "missing", "is_one"),
    [
        ("orders", ["order_id", "customer_id", "amount"], "ordered_at", "a purchase line"),
        ("customers", ["name"], "customer_id", "a person or household"),
        ("impressions", ["impression_id", "customer_id", "shown_at"], "clicked", "something shown to someone"),
        ("contacts", ["campaign_id"], "customer_id", "a customer reached by a campaign"),
    ],
)
def test_a_missing_required_column_is_named(
    state: State, keys: Keys, name: str, columns: list[str], missing: str, is_one: str
) -> None:
    with pytest.raises(AimloopError) as caught:
        land(state, keys, [table_of(name, columns, tuple("1" for _ in columns))], "f")

    assert caught.value.what == f"the source's table '{name}' lacks the required column '{missing}'"
    assert caught.value.remedy.startswith(f"'{name}' is {is_one}")


def test_absent_optional_columns_become_null_and_unknown_ones_are_left_out(
    state: State, keys: Keys, in_zone: InZone
) -> None:
    land_one(state, keys, table_of("products", ["product_id", "shelf"], ("p1", "top")))

    columns = [row[0] for row in in_zone("DESCRIBE raw.products")]
    assert columns == ["product_id", "category", "department", "brand", "price", "description", "landed_at"]
    assert in_zone("FROM raw.products") == [("p1", None, None, None, None, None, datetime(1970, 1, 1))]


def test_attributes_pass_through_as_text(state: State, keys: Keys, in_zone: InZone) -> None:
    customers = table_of(
        "customers", ["customer_id", "attr_kids", "attr_club member"], ("ann", 3, "yes"), ("bob", 0, None)
    )

    land_one(state, keys, customers)

    assert in_zone('SELECT customer_id, attr_kids, "attr_club member" FROM raw.customers ORDER BY ALL') == [
        ("ann", "3", "yes"),
        ("bob", "0", None),
    ]


def test_an_attribute_with_a_quote_in_its_name_passes_through(state: State, keys: Keys) -> None:
    assert land_one(state, keys, table_of("customers", ["customer_id", 'attr_12" pizza'], ("ann", "yes"))).accepted == 1


@pytest.mark.parametrize(
    ("table", "landed_at"),
    [
        (table_of("customers", ["customer_id"], ("ann",)), datetime(1970, 1, 1)),
        (table_of("customers", ["customer_id", "landed_at"], ("ann", "2017-05-01")), datetime(2017, 5, 1)),
        (
            table_of(
                "events", ["event_id", "customer_id", "occurred_at", "type"], ("e", "ann", "2017-02-03 04:05", "x")
            ),
            datetime(2017, 2, 3, 4, 5),
        ),
        (
            table_of("contacts", ["campaign_id", "customer_id", "contacted_at"], ("k", "ann", "2017-02-03")),
            datetime(2017, 2, 3),
        ),
        (
            table_of("contacts", ["campaign_id", "customer_id", "contacted_at"], ("k", "ann", None)),
            datetime(1970, 1, 1),
        ),
    ],
)
def test_a_row_lands_when_the_source_says_or_when_it_happened_or_ever(
    state: State, keys: Keys, in_zone: InZone, table: RawTable, landed_at: datetime
) -> None:
    assert land_one(state, keys, table).accepted == 1
    assert in_zone(f"SELECT landed_at FROM raw.{table.name}") == [(landed_at,)]


def test_a_table_outside_the_contract_is_refused(state: State, keys: Keys) -> None:
    with pytest.raises(AimloopError, match="order_lines"):
        land(state, keys, [table_of("order_lines", ["order_id"], ("o1",))], "f")


# ── crosswalk ─────────────────────────────────────────────────────────────────────────────────


def test_the_crosswalk_holds_each_customer_of_any_table_once(state: State, keys: Keys, in_zone: InZone) -> None:
    customers = table_of("customers", ["customer_id"], ("ann",), ("bob",))
    contacts = table_of("contacts", ["campaign_id", "customer_id"], ("k1", "ann"), ("k1", "cyd"), ("k2", "cyd"))

    land(state, keys, [customers, contacts], "f")

    assert in_zone("FROM raw.crosswalk ORDER BY customer_id") == [
        (customer, keys.pseudonymise(customer)) for customer in ("ann", "bob", "cyd")
    ]


# ── what a zone says of itself ────────────────────────────────────────────────────────────────


def test_a_zone_knows_the_data_it_holds(state: State, keys: Keys) -> None:
    assert landed(state, keys, "one") is None

    landings = land(state, keys, [ORDERS], "one")

    assert landed(state, keys, "one") == landings
    assert landed(state, keys, "another") is None


def test_synthetic_columns_are_remembered(state: State, keys: Keys) -> None:
    land(state, keys, [table_of("customers", ["customer_id"], ("ann",), synthetic=("name", "phone"))], "f")

    found = {landing.table_name: landing.synthetic for landing in landed(state, keys, "f") or []}
    assert found == {**dict.fromkeys(EMPTY, ()), "customers": ("name", "phone")}


def test_counts_are_the_numbers_of_a_landing() -> None:
    landing = Landing("orders", read=6, accepted=3, quarantined=2, suppressed=1, synthetic=("name",))

    assert landing.counts() == {"read": 6, "accepted": 3, "quarantined": 2, "suppressed": 1}


def test_the_data_range_ends_at_the_first_midnight_after_the_last_order(state: State, keys: Keys) -> None:
    land(state, keys, [ORDERS], "f")

    assert data_range(state, keys) == (
        pd.Timestamp("2017-03-01 10:00", tz="UTC"),
        pd.Timestamp("2017-03-03", tz="UTC"),
    )


def test_without_a_usable_order_there_is_no_data_range(state: State, keys: Keys) -> None:
    land(state, keys, [], "f")

    with pytest.raises(AimloopError, match="holds no usable order"):
        data_range(state, keys)
