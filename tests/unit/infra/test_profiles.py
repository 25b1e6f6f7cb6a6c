"""The profile store: exact values in, exact values out, in the order asked for, and one generation at a time."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import AimloopError
from infra.profiles import Profiles, publish
from infra.state import State

AS_OF = pd.Timestamp("2017-12-04 06:00")

TABLES: Mapping[str, pd.DataFrame] = {
    "customers": pd.DataFrame(
        {
            "pseudonym": ["ann", "bob"],
            "snapshot_at": pd.to_datetime(["2017-12-04 00:00:00", "2017-12-04 06:00:01"]),
            "orders_total": [7, 1],
            "amount_total": [0.1 + 0.2, -1e-300],
            "order_gap_mean_days": [12.5, np.nan],
            "region": ["north", None],
            "customer_orders_56d": [3.0, np.nan],
        }
    ),
    "customer_product": pd.DataFrame(
        {
            "pseudonym": ["ann", "ann", "bob"],
            "product_id": ["p1", "p2", "p1"],
            "customer_product_orders": [2, 1, 5],
            "customer_product_affinity": [0.25, 1 / 3, np.nan],
        }
    ),
    "customer_category": pd.DataFrame(
        {"pseudonym": ["ann", "bob"], "category": ["tea", "soap"], "customer_category_orders": [4, 6]}
    ),
    "products": pd.DataFrame(
        {
            "product_id": ["p1", "p2", "p3"],
            "category": ["tea", "soap", None],
            "department": ["food", "home", "home"],
            "product_orders": [100, 20, 3],
        }
    ),
}


@pytest.fixture
def profiles(state: State) -> Profiles:
    publish(state, "g1", AS_OF, TABLES)
    return Profiles.open(state)


def plain(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of a frame, everything missing told as None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def with_customers(**columns: object) -> dict[str, pd.DataFrame]:
    return {**TABLES, "customers": pd.DataFrame({"pseudonym": ["ann", "bob"], **columns})}


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
    assert plain(profiles.customers(["ann", "bob"])) == [ANN, BOB]


def test_strangers_are_not_known_and_the_order_is_that_of_the_question(profiles: Profiles) -> None:
    assert plain(profiles.customers(["bob", "zoe", "ann", "bob"])) == [BOB, STRANGER, ANN, BOB]


def test_strangers_alone_are_not_known(profiles: Profiles) -> None:
    assert plain(profiles.customers(["zoe"])) == [STRANGER]


def test_no_question_has_no_answer(profiles: Profiles) -> None:
    frame = profiles.customers([])

    assert len(frame) == 0
    assert list(frame.columns) == list(ANN)


def test_a_name_that_is_sql_is_just_a_stranger(profiles: Profiles) -> None:
    assert not profiles.customers(["ann' OR '1' = '1"])["is_known"].any()
    assert not profiles.customers(["ANN"])["is_known"].any()


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=2))
def test_any_number_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, numbers: list[float]) -> None:
    state = State(tmp_path_factory.mktemp("profiles")).open()
    publish(state, "g", AS_OF, with_customers(number=numbers))

    assert Profiles.open(state).customers(["ann", "bob"])["number"].tolist() == numbers


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pd.array([1, None], dtype="Int64"), [1.0, None]),
        (pd.array([True, None], dtype="boolean"), [1.0, None]),
        (pd.array([0.1, None], dtype="Float64"), [0.1, None]),
        ([True, False], [1.0, 0.0]),
        (pd.array(["x", None], dtype="str"), ["x", None]),
        (np.array(["x", None], dtype=object), ["x", None]),
        (pd.to_datetime(["2017-01-01 01:02:03", None]), ["2017-01-01T01:02:03", None]),
        (pd.array(["x", None], dtype="string"), ["x", None]),
    ],
)
def test_every_kind_of_column_comes_back(state: State, column: object, found: list[object]) -> None:
    publish(state, "g", AS_OF, with_customers(value=column))

    values = Profiles.open(state).customers(["ann", "bob"])["value"]

    assert [None if pd.isna(value) else value for value in values] == found


# ── ads ───────────────────────────────────────────────────────────────────────────────────────


def test_an_ad_is_known_by_customer_product_and_the_products_category(profiles: Profiles) -> None:
    contexts = pd.DataFrame({"pseudonym": ["ann"], "product_id": ["p1"], "channel": ["mailer"]})

    assert plain(profiles.ad_features(contexts)) == [
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
    [row] = plain(profiles.ad_features(pd.DataFrame({"pseudonym": [pseudonym], "product_id": [product]})))

    assert row["customer_orders_56d"] == of_customer
    assert row["customer_product_orders"] == of_both
    assert row["customer_category_orders"] == of_category
    assert row["product_orders"] == of_product


def test_an_ad_knows_the_customers_attributes_and_only_those_meant_for_it(state: State) -> None:
    attributes = {"customer_attr_club": ["gold", None], "attr_club": ["gold", None], "attr_customer_no": ["1", "2"]}
    publish(state, "g", AS_OF, with_customers(**attributes))
    contexts = pd.DataFrame({"pseudonym": ["ann", "bob", "zoe"], "product_id": "p1"})

    found = Profiles.open(state).ad_features(contexts)

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

    found = profiles.ad_features(contexts)

    assert found.index.tolist() == [0, 1, 2, 3]
    assert plain(found[["placement", "pseudonym", "product_id"]]) == plain(contexts)
    assert plain(found[["customer_category_orders", "product_orders"]]) == [
        {"customer_category_orders": 6.0, "product_orders": 20.0},
        {"customer_category_orders": None, "product_orders": 100.0},
        {"customer_category_orders": 6.0, "product_orders": 20.0},
        {"customer_category_orders": 4.0, "product_orders": 100.0},
    ]


# ── generations ───────────────────────────────────────────────────────────────────────────────


def test_before_the_first_cycle_there_are_no_profiles(state: State) -> None:
    with pytest.raises(AimloopError) as caught:
        Profiles.open(state)

    assert caught.value.what == f"no profiles in {state.profiles}"
    assert caught.value.remedy == "run a cycle first: `aimloop run`"


def test_a_generation_knows_its_as_of(profiles: Profiles) -> None:
    assert profiles.as_of == "2017-12-04T06:00:00"


def test_publishing_keeps_the_file_before_and_drops_older_ones(state: State) -> None:
    for name in ("g1", "g2", "g3"):
        publish(state, name, AS_OF, TABLES)

    assert {path.name for path in state.profiles.iterdir()} == {"g2.sqlite", "g3.sqlite", "current"}
    assert (state.profiles / "current").read_text() == "g3.sqlite\n"


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_a_reader_keeps_its_generation_while_the_next_is_published(state: State, profiles: Profiles, name: str) -> None:
    publish(state, name, AS_OF + pd.Timedelta(days=7), with_customers(orders_total=[8, 2]))

    assert profiles.customers(["ann"])["orders_total"].tolist() == [7.0]
    assert profiles.ad_features(pd.DataFrame({"pseudonym": ["ann"], "product_id": ["p1"]}))["department"][0] == "food"
    later = Profiles.open(state)
    assert later.customers(["ann"])["orders_total"].tolist() == [8.0]
    assert (profiles.as_of, later.as_of) == ("2017-12-04T06:00:00", "2017-12-11T06:00:00")


def test_a_load_that_fails_leaves_the_published_generation(state: State, profiles: Profiles) -> None:
    doubled = pd.concat([TABLES["products"]] * 2)

    with pytest.raises(Exception, match="UNIQUE"):
        publish(state, "g2", AS_OF, {**TABLES, "products": doubled})

    assert Profiles.open(state).as_of == profiles.as_of
    publish(state, "g2", AS_OF, TABLES)
    assert {path.name for path in state.profiles.iterdir()} == {"g1.sqlite", "g2.sqlite", "current"}


def test_the_pointer_moves_only_once_the_file_is_in_place(state: State, profiles: Profiles) -> None:
    (state.profiles / "g2.sqlite").mkdir()  # so that the finished file cannot take its place

    with pytest.raises(IsADirectoryError):
        publish(state, "g2", AS_OF, TABLES)

    assert Profiles.open(state).as_of == profiles.as_of


def test_a_reader_cannot_write(profiles: Profiles) -> None:
    with pytest.raises(Exception, match="readonly"):
        profiles.connection.execute("DELETE FROM customers")


@pytest.mark.parametrize("folder", ["sales #1", "100%41"])
def test_the_state_folder_may_have_any_name(tmp_path_factory: pytest.TempPathFactory, folder: str) -> None:
    state = State(tmp_path_factory.mktemp("any") / folder).open()
    publish(state, "g1", AS_OF, TABLES)

    assert Profiles.open(state).customers(["ann"])["is_known"].tolist() == [True]
