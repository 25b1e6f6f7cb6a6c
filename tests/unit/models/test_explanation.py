"""Reasons in words."""

import numpy as np
import pandas as pd
import pytest

from models import churn, ctr
from models.explanation import NOT_YET, WORDS, drivers, explain, grouped, in_money, in_words


def reasons(parts: dict, values: dict, most: int = 3) -> list[list[str]]:
    return explain(pd.DataFrame(parts).assign(average=-2.0), pd.DataFrame(values), most)


@pytest.mark.parametrize(
    "feature", [*churn.NUMERIC, *churn.STATIC, "click_ratio", *ctr.NUMERIC, *ctr.CATEGORICAL], ids=str
)
def test_every_feature_of_the_contracts_has_words(feature):
    assert feature in WORDS or feature.removeprefix("customer_") in WORDS


def test_no_two_features_have_the_same_words():
    assert len(set(WORDS.values())) == len(WORDS)


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ("orders_28d", "orders in 28 days"),
        ("customer_orders_14d", "orders in 14 days"),
        ("customer_product_orders", "this customer's orders of the article"),
        ("product_orders", "everybody's orders of the article"),
        ("attr_card_type", "card type"),
        ("customer_attr_card_type", "card type"),
    ],
)
def test_features_are_said_as_people_say_them(feature, words):
    assert in_words(feature) == words


def test_a_reason_tells_the_value_and_what_the_odds_are_multiplied_by():
    """Log-odds of ln 2 double the odds; of -ln 4 quarter them."""
    said = reasons({"orders_28d": [np.log(2)], "region": [-np.log(4)]}, {"orders_28d": [0], "region": ["north"]})
    assert said == [["region: north (odds × 0.25)", "orders in 28 days: 0 (odds × 2.00)"]]


def test_the_strongest_come_first_either_way_and_no_more_than_asked_for():
    parts = {"region": [0.1, 3.0], "gender": [-2.0, 0.1], "channel": [1.0, -0.2]}
    values = {name: ["a", "b"] for name in parts}
    first, second = reasons(parts, values)
    assert [reason.split(":")[0] for reason in first] == ["gender", "channel", "region"]
    assert [reason.split(":")[0] for reason in second] == ["region", "channel", "gender"]
    assert [len(row) for row in reasons(parts, values, most=1)] == [1, 1]


def test_what_changes_the_odds_by_less_than_a_hundredth_is_no_reason():
    said = reasons({"region": [0.01, 0.0099], "gender": [-0.0099, -0.01]}, {"region": ["a", "a"], "gender": ["b", "b"]})
    assert said == [["region: a (odds × 1.01)"], ["gender: b (odds × 0.99)"]]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (pd.Series([np.nan, 1234567.8, 0.123456]), ["not known yet", "1,234,568", "0.1235"]),
        (pd.Series([None, 3], dtype="Int64"), ["not known yet", "3"]),
        (pd.Series([None, "gold"], dtype=object), ["not known yet", "gold"]),
        (pd.Series([pd.NA, "gold"], dtype="string"), ["not known yet", "gold"]),
        (pd.Series([12_345.0, -12_345.0, 999.96]), ["12,345", "-12,345", "1,000"]),
        (pd.Series([0.00004673, -1e-9, 0.0]), ["0.0000467", "-0.000000001", "0"]),
        (pd.Series([True]), ["1"]),
    ],
)
def test_values_are_short_and_missing_ones_are_said_to_be(values, told):
    said = explain(pd.DataFrame({"region": 1.0, "average": 0.0}, index=values.index), pd.DataFrame({"region": values}))
    assert said == [[f"region: {value} (odds × 2.72)"] for value in told]


def test_no_rows_have_no_reasons():
    nothing = pd.DataFrame({"region": pd.Series(dtype=float), "average": pd.Series(dtype=float)})
    assert explain(nothing, nothing) == []


# ── groups ────────────────────────────────────────────────────────────────────────────────────


def test_features_of_the_same_days_are_one_reason_told_by_the_one_that_weighs_most_on_its_side():
    """Fewer orders: likelier to leave; spending nothing pulls back a little. Together: ln 4 − ln 2 = ln 2."""
    parts = {"orders_56d": [np.log(4)], "amount_56d": [-np.log(2)], "orders_28d": [0.0]}
    said = reasons(parts, {"orders_56d": [0], "amount_56d": [0.0], "orders_28d": [0]})
    assert said == [["orders in 56 days: 0 (odds × 2.00)"]]


def test_the_one_named_is_on_the_side_of_the_whole():
    parts = {"amount_56d": [2.0], "orders_56d": [-1.5], "lines_56d": [-1.2]}
    said = reasons(parts, {"amount_56d": [7.0], "orders_56d": [1], "lines_56d": [3]})
    assert said == [["orders in 56 days: 1 (odds × 0.50)"]]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("customer_product_orders", "customer_product_affinity", True),
        ("customer_product_orders", "customer_category_orders", False),
        ("customer_product_orders", "product_orders", False),
        ("product_orders", "product_popularity_14d", True),
        ("product_impressions", "product_click_ratio", True),
        ("product_orders", "product_click_ratio", False),
        ("customer_orders_56d", "customer_lines_56d", True),
        ("orders_28d", "orders_56d", False),
        ("days_since_last_order", "recency_to_gap_ratio", True),
        ("region", "attr_region", False),
    ],
)
def test_what_is_closely_related_is_one_group(one, other, together):
    added, _ = grouped(pd.DataFrame({one: [1.0], other: [2.0]}))
    assert added.tolist() == ([[3.0]] if together else [[1.0, 2.0]])


@pytest.mark.parametrize(
    "features", [churn.NUMERIC + churn.STATIC, ctr.NUMERIC + ctr.CATEGORICAL], ids=["churn", "ctr"]
)
def test_groups_add_up_to_what_their_features_do(features):
    parts = pd.DataFrame(np.random.default_rng(1).normal(size=(50, len(features))), columns=list(features))
    added, named = grouped(parts)
    assert added.sum(axis=1) == pytest.approx(parts.sum(axis=1).to_numpy())
    assert 5 < added.shape[1] < len(features)
    side = np.take_along_axis(parts.to_numpy(), named, axis=1)
    assert (np.sign(side) == np.sign(added)).all()


@pytest.mark.parametrize(
    ("feature", "told"),
    [
        ("product_click_ratio", "no impressions yet"),
        ("customer_click_ratio", "no impressions yet"),
        ("customer_product_days_since_last_order", "no order yet"),
        ("customer_product_orders", "none yet"),
        ("customer_order_gap_mean_days", "no second order yet"),
        ("region", "not known yet"),
    ],
)
def test_what_has_not_happened_yet_is_said_so(feature, told):
    assert reasons({feature: [1.0]}, {feature: [None]}) == [[f"{in_words(feature)}: {told} (odds × 2.72)"]]


def test_every_word_for_what_is_missing_is_of_a_feature():
    assert set(NOT_YET) <= set(WORDS)


# ── drivers ───────────────────────────────────────────────────────────────────────────────────


def test_drivers_share_all_that_is_contributed_the_greatest_first():
    parts = pd.DataFrame({"region": [1.0, -1.0], "gender": [3.0, -3.0], "orders_28d": [0.0, 0.0], "average": 7.0})
    frame = pd.DataFrame({"region": ["a", "b"], "gender": ["f", "m"], "orders_28d": [1, 2]})
    found = drivers(parts, frame)
    assert found["driver"].tolist() == ["gender", "region", "orders in 28 days"]
    assert found["share"].tolist() == pytest.approx([0.75, 0.25, 0])
    assert list(found.columns) == ["driver", "share", "direction"]


def test_where_nothing_contributes_shares_are_zero():
    parts = pd.DataFrame({"region": [0.0, 0.0], "average": 1.0})
    assert drivers(parts, pd.DataFrame({"region": ["a", "b"]}))["share"].tolist() == [0]


UP = np.arange(20.0)


@pytest.mark.parametrize(
    ("values", "contribution", "direction"),
    [
        (UP, UP**3, "raises"),
        (UP, -np.sqrt(UP), "lowers"),
        (UP, (UP - 9.5) ** 2, "either way"),
        (UP, np.ones(20), "either way"),
        (np.ones(20), UP, "either way"),
        (np.full(20, np.nan), UP, "either way"),
        (np.where(UP < 5, np.nan, UP), UP, "raises"),  # rows where it is missing say nothing
        (np.array(list("ab") * 10), UP, "either way"),
        (pd.array([None, *range(19)], dtype="Int64"), UP, "raises"),
    ],
)
def test_the_direction_is_that_of_the_ranks(values, contribution, direction):
    parts = pd.DataFrame({"x": contribution, "average": 0.0})
    assert drivers(parts, pd.DataFrame({"x": values}))["direction"].tolist() == [direction]


def test_reasons_of_an_amount_are_in_money_and_cents_that_round_to_nothing_are_none():
    parts = pd.DataFrame({"orders_28d": [1_234.5, 0.004], "region": [-7.25, 0.005], "average": [80.0, 80.0]})
    values = pd.DataFrame({"orders_28d": [4, 4], "region": ["north", "north"]})
    assert explain(parts, values, effect=in_money) == [
        ["orders in 28 days: 4 (+1,234.50)", "region: north (-7.25)"],
        ["region: north (+0.01)"],
    ]
