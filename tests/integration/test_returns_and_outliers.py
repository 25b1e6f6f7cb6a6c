"""Returns, outliers, ages and the summary for BG/NBD, worked out by hand on a history small enough to read."""

import pandas as pd
import pytest
from test_time_travel import build

from flows.marts import count_returns
from infra.keys import open_keys
from infra.settings import load
from infra.state import State
from infra.warehouse import Generation

AS_OF = pd.Timestamp("2017-05-10 09:30")

# customer, order, ordered at, product, quantity, amount, discount, landed at (None: at once)
LINES: list[tuple[str, str, str, str | None, float | None, float, float, str | None]] = [
    # two articles; one comes back unit by unit, the other is back in February, but that lands in March
    ("ada", "a1", "2017-01-10", "mug", 2, 20.0, 2.0, None),
    ("ada", "a1", "2017-01-10", "tea", 1, 30.0, 0.0, None),
    ("ada", "a2", "2017-01-20", "mug", -1, -10.0, 0.0, None),
    ("ada", "a3", "2017-02-01", "mug", -1, -10.0, 0.0, None),
    ("ada", "a4", "2017-02-01", "tea", -1, -30.0, 0.0, "2017-03-01"),
    # an article never bought, and one bought only afterwards
    ("bob", "b1", "2017-01-10", "mug", 1, 15.0, 0.0, None),
    ("bob", "b2", "2017-01-11", "tea", -1, -99.0, 0.0, None),
    ("bob", "b3", "2017-01-09", "mug", -1, -15.0, 0.0, None),
    # the latest of two purchases is the one given back
    ("cyd", "c1", "2017-01-03", "mug", 1, 12.0, 0.0, None),
    ("cyd", "c2", "2017-01-24", "mug", 1, 14.0, 0.0, None),
    ("cyd", "c3", "2017-01-26", "mug", -1, -14.0, 0.0, None),
    # given back twice, and for more than was paid
    ("dan", "d1", "2017-01-03", "mug", 1, 10.0, 0.0, None),
    ("dan", "d2", "2017-01-03", "tea", 1, 8.0, 0.0, None),
    ("dan", "d3", "2017-01-12", "mug", -1, -10.0, 0.0, None),
    ("dan", "d4", "2017-01-13", "mug", -1, -10.0, 0.0, None),
    ("dan", "d5", "2017-01-13", "tea", -1, -9.0, 0.0, None),
    # a credit note that writes positive amounts and names no product, by the amount of the line and of the order
    ("eve", "e1", "2017-01-03", None, None, 25.0, 0.0, None),
    ("eve", "e2", "2017-01-10", None, None, 40.0, 0.0, None),
    ("eve", "e3", "2017-01-10", "mug", 1, 11.0, 0.0, None),
    ("eve", "e3", "2017-01-10", "tea", 1, 22.0, 0.0, None),
    ("eve", "C1", "2017-01-12", None, None, 25.0, 0.0, None),
    ("eve", "it's 2", "2017-02-01", None, None, 33.0, 0.0, None),
    # the purchase lands after its return
    ("fay", "f1", "2017-01-03", "tea", 1, 5.0, 0.0, None),
    ("fay", "f2", "2017-01-10", "mug", 1, 10.0, 0.0, "2017-01-25"),
    ("fay", "f3", "2017-01-12", "mug", -1, -10.0, 0.0, None),
    # the source names the order, and gives back part of the money
    ("gil", "g1", "2017-01-03", "mug", 1, 10.0, 0.0, None),
    ("gil", "g2", "2017-01-04", "mug", 1, 10.0, 0.0, None),
    ("gil", "g1", "2017-01-12", "mug", None, -4.0, 0.0, None),
    # after the snapshot of 2017-02-06 nothing but a return: lapsed
    ("hal", "h1", "2017-01-31", "mug", 1, 10.0, 0.0, None),
    ("hal", "h2", "2017-02-20", "mug", -1, -10.0, 0.0, None),
    # large before there are a hundred orders to judge it by, and large after; half of that comes back
    ("ivy", "i1", "2017-01-03", "mug", 1, 5_000.0, 0.0, None),
    ("zoe", "z1", "2017-04-25", "mug", 2, 1_000.0, 0.0, None),
    ("zoe", "z2", "2017-05-02", "mug", -1, -500.0, 0.0, None),
    *((f"n{n:03d}", f"o{n}", "2017-04-18", "tea", 1.0, float(n), 0.0, None) for n in range(1, 101)),
]


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    columns = ["customer_id", "order_id", "ordered_at", "product_id", "quantity", "amount", "discount", "landed_at"]
    orders = pd.DataFrame(LINES, columns=columns)
    orders["ordered_at"] = pd.to_datetime(orders["ordered_at"])
    orders["landed_at"] = pd.to_datetime(orders["landed_at"]).fillna(orders["ordered_at"])
    customers = pd.DataFrame(
        {
            "customer_id": ["ada", "bob", "cyd", "dan"],
            "birth_date": pd.to_datetime(["1987-02-20", "1900-01-01", "2017-12-01", None]),
            "age_band": [None, None, None, "45-54"],
            "attr_club": ["gold", "none", None, "gold"],
        }
    )
    impressions = pd.DataFrame(
        {
            "impression_id": ["i1", "i2", "i3"],
            "customer_id": ["ada", "cyd", "nobody"],
            "shown_at": pd.to_datetime(["2017-05-01"] * 3),
            "clicked": [True, False, False],
            "product_id": "mug",
        }
    )
    folder = tmp_path_factory.mktemp("returns")
    tables = {"customers": customers, "orders": orders, "impressions": impressions}
    return build(folder, tables, AS_OF, cleaning={"return_order_prefixes": ["C", "it's"]})


@pytest.fixture(scope="module")
def features(marts: Generation) -> pd.DataFrame:
    """customer_features by customer and snapshot."""
    settings = load({"AIMLOOP_PSEUDONYM_KEY": "the same in every folder"}, marts.path.parents[2])
    keys = open_keys(settings, State(marts.path.parents[1]))
    names = {keys.pseudonymise(line[0]): line[0] for line in LINES}
    frame = marts.query("SELECT * FROM marts.customer_features")
    return frame.assign(customer=frame["pseudonym"].map(names)).set_index(["customer", "snapshot_at"]).sort_index()


@pytest.mark.parametrize(
    ("customer", "snapshot", "orders", "lines", "amount"),
    [
        ("ada", "2017-01-16", 1, 2, 50.0),
        ("ada", "2017-01-23", 1, 2, 40.0),
        ("ada", "2017-02-06", 1, 1, 30.0),
        ("ada", "2017-02-27", 1, 1, 30.0),
        ("ada", "2017-03-06", 0, 0, 0.0),
        ("bob", "2017-01-16", 1, 1, 15.0),
        ("cyd", "2017-01-30", 1, 1, 12.0),
        ("dan", "2017-01-16", 0, 0, 0.0),
        ("eve", "2017-01-16", 2, 3, 73.0),
        ("eve", "2017-02-06", 1, 1, 40.0),
        ("fay", "2017-01-23", 1, 1, 5.0),
        ("fay", "2017-01-30", 1, 1, 5.0),
        ("gil", "2017-01-16", 2, 2, 16.0),
        ("hal", "2017-02-20", 1, 1, 10.0),
        ("hal", "2017-02-27", 0, 0, 0.0),
    ],
)
def test_what_was_given_back_is_taken_off_from_the_snapshot_on_that_knows_it(
    features: pd.DataFrame, customer: str, snapshot: str, orders: int, lines: int, amount: float
) -> None:
    row = features.loc[(customer, pd.Timestamp(snapshot))]
    found = (row["orders_total"], row["orders_56d"], row["lines_56d"], row["amount_total"], row["amount_56d"])
    assert found == (orders, orders, lines, amount, amount)


def test_money_comes_off_where_it_was_spent(features: pd.DataFrame) -> None:
    """cyd's 14.00 of January 24th came back on the 26th: windows that hold the first day alone are right too."""
    for snapshot in ("2017-02-20", "2017-02-27"):
        row = features.loc[("cyd", pd.Timestamp(snapshot))]
        assert (row["amount_28d"], row["orders_28d"], row["lines_56d"]) == (0.0, 0, 1)
        assert (row["amount_56d"], row["orders_56d"]) == (12.0, 1)


def test_recency_is_that_of_the_purchase(features: pd.DataFrame) -> None:
    assert features.loc[("cyd", pd.Timestamp("2017-01-30")), "days_since_last_order"] == 6
    assert features.loc[("hal", pd.Timestamp("2017-02-27")), "days_since_last_order"] == 27


def test_the_discount_goes_back_with_the_goods(features: pd.DataFrame) -> None:
    """Of 2.00 off 50.00, a fifth of the money takes 0.40, and the last of the mugs another fifth."""
    ratios = features.loc["ada", "discount_84d_ratio"]
    assert ratios[pd.Timestamp("2017-01-16")] == pytest.approx(2 / 52)
    assert ratios[pd.Timestamp("2017-01-23")] == pytest.approx(1.6 / 41.6)
    assert ratios[pd.Timestamp("2017-02-06")] == pytest.approx(1.2 / 31.2)
    assert pd.isna(ratios[pd.Timestamp("2017-03-06")])


def test_returns_without_a_purchase_are_counted(marts: Generation) -> None:
    unmatched = marts.query(
        "SELECT amount FROM intermediate.int_returns WHERE purchase_order_id IS NULL ORDER BY amount"
    )
    assert unmatched["amount"].tolist() == [-99.0, -15.0]


def test_the_summary_counts_lines_given_back(marts: Generation) -> None:
    assert count_returns(marts) == {"lines": 15, "without_purchase": 2}


def test_a_return_is_no_visit(marts: Generation, features: pd.DataFrame) -> None:
    labels = marts.query("SELECT pseudonym, snapshot_at, churned FROM marts.churn_labels")
    hal = features.loc[("hal", pd.Timestamp("2017-02-06")), "pseudonym"]
    label = labels[(labels["pseudonym"] == hal) & (labels["snapshot_at"] == pd.Timestamp("2017-02-06"))]
    assert label["churned"].tolist() == [True]


def test_what_comes_back_is_no_purchase_of_the_product(marts: Generation, features: pd.DataFrame) -> None:
    known = marts.query("SELECT * FROM marts.customer_product_affinity").set_index(["pseudonym", "product_id"])
    ada = features.loc["ada", "pseudonym"].iloc[0]
    assert known.loc[(ada, "mug"), "customer_product_orders"] == 1
    bob = features.loc["bob", "pseudonym"].iloc[0]
    assert (bob, "tea") not in known.index


def test_amounts_beyond_the_fence_are_moved_to_it_once_there_are_orders_enough(
    marts: Generation, features: pd.DataFrame
) -> None:
    """The quartiles of 1 … 100 and 1,000 are 26 and 76: the fence lies at 76 + 3 · 50."""
    assert features.loc[("zoe", pd.Timestamp("2017-05-01")), "amount_total"] == 226.0
    assert features.loc[("zoe", pd.Timestamp("2017-05-08")), "amount_total"] == 113.0  # half of it came back
    assert features.loc[("ivy", pd.Timestamp("2017-05-08")), "amount_total"] == 5_000.0
    outliers = marts.query("SELECT amount, amount_winsorised FROM intermediate.int_orders WHERE is_outlier")
    assert outliers.astype(float).to_numpy().tolist() == [[1_000.0, 226.0]]
    fences = marts.query("SELECT * FROM intermediate.int_amount_fences ORDER BY snapshot_at")
    assert fences["snapshot_at"].min() == pd.Timestamp("2017-04-24")  # with 100 orders, not a week before


@pytest.mark.parametrize(
    ("customer", "snapshot", "age_band"),
    [
        ("ada", "2017-01-30", "20s"),
        ("ada", "2017-02-06", "30s"),  # by the month of birth, which is all that is kept
        ("bob", "2017-02-06", None),
        ("cyd", "2017-02-06", None),  # not born yet
        ("dan", "2017-02-06", "45-54"),
        ("eve", "2017-02-06", None),
    ],
)
def test_ages_are_those_at_the_snapshot(
    features: pd.DataFrame, customer: str, snapshot: str, age_band: str | None
) -> None:
    found = features.loc[(customer, pd.Timestamp(snapshot)), "age_band"]
    assert (None if pd.isna(found) else found) == age_band


def test_no_mart_holds_a_birth_date(marts: Generation) -> None:
    columns = marts.query("SELECT column_name FROM duckdb_columns() WHERE schema_name = 'marts'")["column_name"]
    assert not columns.str.contains("birth").any()


def test_the_summary_that_bg_nbd_needs(features: pd.DataFrame) -> None:
    """gil bought for 10.00 (of which 4.00 came back) on January 3rd and for 10.00 a day later."""
    columns = ["repeat_orders", "first_to_last_order_days", "tenure_days", "repeat_order_amount_mean"]
    assert features.loc[("gil", pd.Timestamp("2017-01-16")), columns].tolist() == [1, 1.0, 13.0, 10.0]
    assert features.loc[("ivy", pd.Timestamp("2017-01-16")), columns].tolist()[:3] == [0, 0.0, 13.0]
    # a repeat order that came back is none
    assert features.loc[("cyd", pd.Timestamp("2017-01-30")), columns].tolist()[:3] == [0, 0.0, 27.0]
    assert features.loc[[("ivy", pd.Timestamp("2017-01-16"))], "repeat_order_amount_mean"].isna().all()


def test_attributes_reach_the_tables_that_ctr_learns_from_and_is_asked_with(
    marts: Generation, features: pd.DataFrame
) -> None:
    shown = marts.query("SELECT pseudonym, customer_attr_club FROM marts.impression_features").set_index("pseudonym")
    ada, cyd = (features.loc[name, "pseudonym"].iloc[0] for name in ("ada", "cyd"))
    assert shown.loc[ada, "customer_attr_club"] == "gold"
    assert shown.drop(index=ada)["customer_attr_club"].isna().all()
    for table in ("customer_profiles", "product_candidates"):
        told = marts.query(f"SELECT DISTINCT pseudonym, customer_attr_club FROM marts.{table}").set_index("pseudonym")
        assert told.loc[ada, "customer_attr_club"] == "gold"
        assert pd.isna(told.loc[cyd, "customer_attr_club"])
