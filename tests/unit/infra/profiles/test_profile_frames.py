"""Profiles as frames: a row for each customer or ad asked for, in order, everything unknown missing."""

import pandas as pd
import pytest

from infra.profiles import Profiles, open_profiles, publish
from infra.profiles.frames import ad_features, customers
from infra.settings import Settings
from infra.state import State
from tests.profile_examples import AS_OF, NOW, TABLES, with_customers


@pytest.fixture
def profiles(state: State) -> Profiles:
    publish(Settings(), state, "g1", AS_OF, TABLES, NOW)
    return open_profiles(Settings(), state)


def plain(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of a frame, everything missing told as None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


# ── customers ─────────────────────────────────────────────────────────────────────────────────

ANN = {
    "pseudonym": "ann",
    "snapshot_at": "2017-12-04T00:00:00",
    "orders_total": 7.0,
    "amount_total": 0.1 + 0.2,
    "order_gap_mean_days": 12.5,
    "region": "north",
    "customer_orders_56d": 3.0,
    "is_known": True,
}
BOB = {
    "pseudonym": "bob",
    "snapshot_at": "2017-12-04T06:00:01",
    "orders_total": 1.0,
    "amount_total": -1e-300,
    "order_gap_mean_days": None,
    "region": None,
    "customer_orders_56d": None,
    "is_known": True,
}
STRANGER = {**dict.fromkeys(ANN, None), "pseudonym": "zoe", "is_known": False}


def test_values_come_back_exactly_and_missing_ones_as_missing(profiles: Profiles) -> None:
    assert plain(customers(profiles, ["ann", "bob"])) == [ANN, BOB]


def test_strangers_are_not_known_and_the_order_is_that_of_the_question(profiles: Profiles) -> None:
    assert plain(customers(profiles, ["bob", "zoe", "ann", "bob"])) == [BOB, STRANGER, ANN, BOB]


def test_strangers_alone_are_not_known(profiles: Profiles) -> None:
    assert plain(customers(profiles, ["zoe"])) == [STRANGER]


def test_no_question_has_no_answer(profiles: Profiles) -> None:
    frame = customers(profiles, [])

    assert len(frame) == 0
    assert list(frame.columns) == list(ANN)


# ── ads ───────────────────────────────────────────────────────────────────────────────────────


def test_an_ad_is_known_by_customer_product_and_the_products_category(profiles: Profiles) -> None:
    contexts = pd.DataFrame({"pseudonym": ["ann"], "product_id": ["p1"], "channel": ["mailer"]})

    assert plain(ad_features(profiles, contexts)) == [
        {
            "pseudonym": "ann",
            "product_id": "p1",
            "channel": "mailer",
            "customer_orders_56d": 3.0,
            "customer_product_orders": 2.0,
            "customer_product_affinity": 0.25,
            "customer_category_orders": 4.0,
            "department": "food",
            "product_orders": 100.0,
        }
    ]


@pytest.mark.parametrize(
    ("pseudonym", "product", "of_customer", "of_both", "of_category", "of_product"),
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
    profiles: Profiles,
    pseudonym: str,
    product: str,
    of_customer: float | None,
    of_both: float | None,
    of_category: float | None,
    of_product: float | None,
) -> None:
    [row] = plain(ad_features(profiles, pd.DataFrame({"pseudonym": [pseudonym], "product_id": [product]})))

    assert row["customer_orders_56d"] == of_customer
    assert row["customer_product_orders"] == of_both
    assert row["customer_category_orders"] == of_category
    assert row["product_orders"] == of_product


def test_an_ad_knows_the_customers_attributes_and_only_those_meant_for_it(state: State) -> None:
    attributes = {"customer_attr_club": ["gold", None], "attr_club": ["gold", None], "attr_customer_no": ["1", "2"]}
    publish(Settings(), state, "g", AS_OF, with_customers(**attributes), NOW)
    contexts = pd.DataFrame({"pseudonym": ["ann", "bob", "zoe"], "product_id": "p1"})

    found = ad_features(open_profiles(Settings(), state), contexts)

    assert plain(found[["customer_attr_club"]]) == [{"customer_attr_club": value} for value in ("gold", None, None)]
    assert not {"attr_club", "attr_customer_no"} & set(found)


def test_ads_keep_their_order_their_copies_and_their_context(profiles: Profiles) -> None:
    contexts = pd.DataFrame(
        {
            "placement": ["top", "side", "top", None],
            "pseudonym": ["bob", "zoe", "bob", "ann"],
            "product_id": ["p2", "p1", "p2", "p1"],
        },
        index=[7, 3, 7, 0],
    )

    found = ad_features(profiles, contexts)

    assert found.index.tolist() == [0, 1, 2, 3]
    assert plain(found[["placement", "pseudonym", "product_id"]]) == plain(contexts)
    assert plain(found[["customer_category_orders", "product_orders"]]) == [
        {"customer_category_orders": 6.0, "product_orders": 20.0},
        {"customer_category_orders": None, "product_orders": 100.0},
        {"customer_category_orders": 6.0, "product_orders": 20.0},
        {"customer_category_orders": 4.0, "product_orders": 100.0},
    ]
