"""What is known of an ad for a customer: a row for each, in order, everything unknown missing."""

from types import SimpleNamespace
from typing import Any

import pytest

from bentos.ctr import Ad, AdsForOne, Impression, Pairs, _rows
from bentos.live import Look
from infra.profiles import open_profiles, publish
from infra.settings import Settings
from infra.state import State
from tests.profile_examples import AS_OF, NOW, TABLES, with_customers


def look_at(state: State, tables: Any = TABLES) -> Look:
    publish(Settings(), state, "g1", AS_OF, tables, NOW)
    profiles, keys = open_profiles(Settings(), state), SimpleNamespace(pseudonymise=lambda id_: id_)
    return Look(profiles, keys, frozenset(), None, None, (), False)  # type: ignore[arg-type]


def told(look: Look, request: AdsForOne | Pairs) -> list[dict[str, Any]]:
    """The features of each ad by name, the first of a name that comes twice."""
    rows, _ = _rows(look, request.customer_ids, request.ads)
    return [dict(zip(reversed(rows.columns), reversed(values or ()), strict=True)) for values in rows.features]


@pytest.mark.parametrize(
    ("customer", "product", "of_customer", "of_both", "of_category", "of_product"),
    [
        ("ann", "p1", 3.0, 2.0, 4.0, 100.0),
        ("ann", "p2", 3.0, 1.0, None, 20.0),
        ("bob", "p1", None, 5.0, None, 100.0),
        ("bob", "p2", None, None, 6.0, 20.0),
        ("ann", "p3", 3.0, None, None, 3.0),
        ("ann", "p9", 3.0, None, None, None),
        ("zoe", "p1", None, None, None, 100.0),
        ("zoe", "p9", None, None, None, None),
    ],
)
def test_each_part_of_an_ad_is_known_or_missing_by_itself(
    state: State, customer: str, product: str, of_customer: Any, of_both: Any, of_category: Any, of_product: Any
) -> None:
    look = look_at(state)
    for request in (
        AdsForOne(customer_id=customer, ads=[Ad(product_id=product, channel="mailer")]),
        Pairs(impressions=[Impression(customer_id=customer, product_id=product, channel="mailer")]),
    ):
        (row,) = told(look, request)
        assert (row["channel"], row["placement"]) == ("mailer", None)
        assert row["customer_orders_56d"] == of_customer
        assert row["customer_product_orders"] == of_both
        assert row["customer_category_orders"] == of_category
        assert row["product_orders"] == of_product


def test_ads_keep_their_order_and_their_copies(state: State) -> None:
    pairs = [("bob", "p2"), ("zoe", "p1"), ("bob", "p2"), ("ann", "p1")] * 30
    request = Pairs(impressions=[Impression(customer_id=customer, product_id=product) for customer, product in pairs])
    found = [(row["customer_category_orders"], row["product_orders"]) for row in told(look_at(state), request)]
    assert found == [(6.0, 20.0), (None, 100.0), (6.0, 20.0), (4.0, 100.0)] * 30


def test_who_and_what_is_known_is_told(state: State) -> None:
    request = Pairs(
        impressions=[Impression(customer_id=c, product_id=p) for c, p in [("ann", "p1"), ("zoe", "p9"), ("zoe", "p1")]]
    )
    rows, is_known_product = _rows(look_at(state), request.customer_ids, request.ads)
    assert (rows.is_known, is_known_product) == ([True, False, False], [True, False, True])
    assert rows.ads == [("p1", None, None), ("p9", None, None), ("p1", None, None)]


def test_an_ad_knows_the_customers_attributes(state: State) -> None:
    look = look_at(state, with_customers(customer_attr_club=["gold", None]))
    request = Pairs(
        impressions=[Impression(customer_id=customer, product_id="p1") for customer in ("ann", "bob", "zoe")]
    )
    assert [row["customer_attr_club"] for row in told(look, request)] == ["gold", None, None]
