"""No feature knows the future: computed from the whole history, it equals that from the history cut there.

The history is small and unruly: orders and returns land days or weeks late, some after the snapshot they
precede, some returns before their purchase. A slow, obvious computation of some features stands beside the SQL.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from slow_orders import orders_known_at

from infra import dbt, warehouse
from infra.intake import landing
from infra.keys import open_keys
from infra.settings import load
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import Generation

START = pd.Timestamp("2017-01-02")
SNAPSHOT = pd.Timestamp("2017-03-27")  # a Monday, on the grid
END = pd.Timestamp("2017-05-10 09:30")  # off the grid
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def history() -> dict[str, pd.DataFrame]:
    """Raw tables with late rows: a third of the orders, returns and impressions land up to 30 days after the event."""
    random = np.random.default_rng(7)

    def late(times: pd.Series) -> pd.Series:
        delay = np.where(random.random(len(times)) < 1 / 3, random.random(len(times)) * 30, 0.0)
        return times + pd.to_timedelta(delay, unit="D").round("s")

    def instants(n: int) -> pd.Series:
        return pd.Series(START + pd.to_timedelta(random.random(n) * 130, unit="D").round("s"))

    n = 900
    orders = pd.DataFrame(
        {
            "order_id": random.integers(0, 500, n).astype(str),
            "customer_id": random.integers(1, 26, n).astype(str),
            "ordered_at": instants(n),
            "amount": random.integers(1, 5_000, n) / 100,
            "product_id": random.integers(0, 12, n).astype(str),
            "quantity": 1.0,
            "discount": random.integers(0, 100, n) / 100,
        }
    )
    # an order belongs to one customer and happens at one time; its lines may still land apart
    orders[["customer_id", "ordered_at"]] = orders.groupby("order_id")[["customer_id", "ordered_at"]].transform("first")
    orders["amount"] *= np.where(random.random(n) < 0.03, 20, 1).round(2)  # some absurdly large
    orders["landed_at"] = late(orders["ordered_at"])
    orders = pd.concat([orders, returned(orders, random, late)], ignore_index=True)
    impressions = pd.DataFrame(
        {
            "impression_id": [f"i{i}" for i in range(n)],
            "customer_id": random.integers(1, 26, n).astype(str),
            "shown_at": instants(n),
            "clicked": random.random(n) < 0.3,
            "product_id": random.integers(0, 12, n).astype(str),
            "channel": "mailer",
            "placement": "front page",
            "sampling_weight": random.integers(1, 4, n).astype(float),
        }
    )
    impressions["landed_at"] = late(impressions["shown_at"])
    customers = pd.DataFrame({"customer_id": [str(i) for i in range(1, 26)], "attr_club": "yes"})
    customers["landed_at"] = START + pd.to_timedelta(np.linspace(0, 130, 25).round(), unit="D")
    products = pd.DataFrame(
        {"product_id": [str(i) for i in range(12)], "category": [f"c{i % 4}" for i in range(12)], "department": "food"}
    )
    products["landed_at"] = START + pd.to_timedelta(np.linspace(-1, 100, 12).round(), unit="D")
    return {"customers": customers, "orders": orders, "products": products, "impressions": impressions}


def returned(orders: pd.DataFrame, random: np.random.Generator, late: Callable) -> pd.DataFrame:
    """Lines given back, soon or up to 40 days after they were bought: some twice, some in part, some without naming the
    product or the order, some that nobody bought.
    """
    lines = orders.sample(150, replace=True, random_state=3).reset_index(drop=True)
    n = len(lines)
    lines["order_id"] = np.where(random.random(n) < 0.2, lines["order_id"], [f"credit {i}" for i in range(n)])
    lines["ordered_at"] += pd.to_timedelta(random.random(n) ** 3 * 40, unit="D").round("s")
    lines["amount"] = -(lines["amount"] * random.choice([0.5, 1, 1, 1], n)).round(2)
    lines["quantity"] = -random.choice([0.5, 1.0], n)
    lines["product_id"] = lines["product_id"].where(random.random(n) < 0.6, None)
    lines.loc[random.random(n) < 0.1, "product_id"] = "never sold"
    lines["landed_at"] = late(lines["ordered_at"])
    return lines


def known(history: dict[str, pd.DataFrame], at: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """What had happened before ``at`` and had arrived by then."""
    times = {"orders": "ordered_at", "impressions": "shown_at"}
    return {
        name: frame[(frame["landed_at"] <= at) & (frame[times[name]] < at if name in times else True)]
        for name, frame in history.items()
    }


def build(folder: Path, tables: dict[str, pd.DataFrame], as_of: pd.Timestamp, **given: Any) -> Generation:
    """Land the tables and build the marts as of an instant, in a state folder of their own."""
    settings = load({"AIMLOOP_PSEUDONYM_KEY": "the same in every folder"}, folder, state=folder / "state", **given)
    state = State(settings.state).open()
    keys = open_keys(settings, state)
    raw = [RawTable(name, f"SELECT * FROM {name}_frame", frames={f"{name}_frame": t}) for name, t in tables.items()]
    landing.land(state, keys, raw, "test")
    with dbt.environment(state, warehouse.start_generation(state, "g", as_of), keys.storage):
        dbt.run(dbt.build_arguments(settings))
        dbt.run(dbt.test_arguments(settings))
    return warehouse.finish(state, "g")


@pytest.fixture(scope="module")
def whole(history: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Generation:
    return build(tmp_path_factory.mktemp("whole"), history, END)


@pytest.fixture(scope="module")
def cut(history: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Generation:
    return build(tmp_path_factory.mktemp("cut"), known(history, SNAPSHOT), SNAPSHOT)


def test_the_history_has_late_rows_that_matter(history: dict[str, pd.DataFrame]) -> None:
    orders = history["orders"]
    too_late = orders[(orders["ordered_at"] < SNAPSHOT) & (orders["landed_at"] > SNAPSHOT)]
    assert len(too_late) > 20


def test_customer_features_do_not_know_the_future(whole: Generation, cut: Generation) -> None:
    query = f"SELECT * FROM marts.customer_features WHERE snapshot_at <= TIMESTAMP '{SNAPSHOT}' ORDER BY ALL"
    now, then = whole.query(query), cut.query(query)
    assert len(then) > 100
    pd.testing.assert_frame_equal(now, then)


def test_what_the_services_knew_then_is_what_history_says_now(whole: Generation, cut: Generation) -> None:
    """Features of impressions after the snapshot, from the whole history, against the published tables of then."""
    features = whole.query(
        f"SELECT * FROM marts.impression_features WHERE snapshot_at = TIMESTAMP '{SNAPSHOT}' ORDER BY impression_id"
    )
    published = cut.query("SELECT * FROM marts.customer_product_affinity").merge(
        features[["pseudonym", "product_id"]].drop_duplicates(), how="right"
    )
    assert len(features) > 20
    for table, keys in (
        (published, ["pseudonym", "product_id"]),
        (cut.query("SELECT * EXCLUDE (category, department) FROM marts.product_statistics"), ["product_id"]),
        (cut.query("SELECT pseudonym, COLUMNS('customer_.*') FROM marts.customer_profiles"), ["pseudonym"]),
    ):
        expected = features[keys].merge(table, on=keys, how="left")
        columns = [column for column in expected if column not in keys]
        pd.testing.assert_frame_equal(features[columns], expected[columns], check_dtype=False, rtol=1e-12)


def test_impressions_of_the_past_keep_their_features(whole: Generation, cut: Generation) -> None:
    query = "SELECT * FROM marts.impression_features ORDER BY impression_id"
    then = cut.query(query)
    now = whole.query(query).merge(then[["impression_id"]]).sort_values("impression_id", ignore_index=True)
    assert len(then) > 200
    pd.testing.assert_frame_equal(now, then, rtol=1e-12)


def test_customer_features_equal_a_slow_computation(whole: Generation, history: dict[str, pd.DataFrame]) -> None:
    settings = load({"AIMLOOP_PSEUDONYM_KEY": "the same in every folder"}, whole.path.parents[2])
    keys = open_keys(settings, State(whole.path.parents[1]))
    features = whole.query("SELECT * FROM marts.customer_features").set_index(["snapshot_at", "pseudonym"])
    for snapshot in (SNAPSHOT, END, START + 35 * DAY):
        orders = orders_known_at(known(history, snapshot)["orders"], snapshot)
        assert len(orders) > 80
        for customer, mine in orders.groupby("customer_id"):
            row = features.loc[(snapshot, keys.pseudonymise(str(customer)))]
            age = snapshot - mine["ordered_at"]
            assert row["days_since_last_order"] == pytest.approx(age.min() / DAY)
            assert row["tenure_days"] == pytest.approx(age.max() / DAY)
            assert row["orders_total"] == mine["counts"].sum()
            assert row["amount_total"] == pytest.approx(mine["amount"].sum(), abs=0.01)
            for days in (14, 28, 56, 84):
                assert row[f"orders_{days}d"] == mine.loc[age <= days * DAY, "counts"].sum()
            for days in (28, 56, 84):
                assert row[f"amount_{days}d"] == pytest.approx(mine.loc[age <= days * DAY, "amount"].sum(), abs=0.01)
            days_old = age / DAY
            assert row["amount_90d"] == pytest.approx(mine.loc[days_old <= 90, "exact_amount"].sum(), abs=0.01)
            for life in (30, 60, 180):  # a day counts by its age as money does: the days' sum, told by integration
                counted = np.arange(0.005, max(days_old.max(), 28), 0.01)
                per_day = (mine["exact_amount"] * np.exp(-days_old / life)).sum() / (
                    np.exp(-counted / life).sum() * 0.01
                )
                assert row[f"amount_per_day_{life}d"] == pytest.approx(per_day, rel=1e-3)
            assert row["lines_56d"] == mine.loc[age <= 56 * DAY, "lines"].sum()
            repeated = mine[age < age.max()]
            assert row["repeat_orders"] == repeated["counts"].sum()
            if row["repeat_orders"]:
                mean = repeated["amount"].sum() / row["repeat_orders"]
                assert row["repeat_order_amount_mean"] == pytest.approx(mean, abs=0.01)


def test_the_history_has_returns_and_outliers_that_matter(whole: Generation) -> None:
    counted = whole.query(
        """SELECT count(*) FILTER (WHERE purchase_order_id IS NULL) AS unmatched,
                  count(*) FILTER (WHERE known_at > first_snapshot_at) AS earlier_than_the_purchase,
                  count(*) FILTER (WHERE product_id IS NULL AND known_at IS NOT NULL) AS without_product,
                  (SELECT count(*) FROM intermediate.int_orders WHERE order_change = -1) AS given_back,
                  (SELECT count(*) FROM intermediate.int_orders WHERE is_outlier) AS outliers
           FROM intermediate.int_returns"""
    )
    assert (counted.iloc[0] >= [15, 5, 30, 10, 10]).all(), counted


def test_churn_labels_equal_a_slow_computation(whole: Generation, history: dict[str, pd.DataFrame]) -> None:
    settings = load({"AIMLOOP_PSEUDONYM_KEY": "the same in every folder"}, whole.path.parents[2])
    keys = open_keys(settings, State(whole.path.parents[1]))
    labels = whole.query("SELECT * FROM marts.churn_labels")
    assert (labels["label_ends_at"] <= END).all()
    orders = known(history, END)["orders"]
    orders = orders[orders["quantity"] > 0]
    orders = orders.assign(pseudonym=orders["customer_id"].map(keys.pseudonymise))
    for label in labels.itertuples():
        after = orders[(orders["pseudonym"] == label.pseudonym) & (orders["ordered_at"] >= label.snapshot_at)]
        assert label.churned == (not (after["ordered_at"] < label.snapshot_at + 56 * DAY).any())


def test_clv_labels_equal_a_slow_computation(whole: Generation, history: dict[str, pd.DataFrame]) -> None:
    """Everyone at every snapshot of the grid; money is what the orders of the window cost, less what came back."""
    settings = load({"AIMLOOP_PSEUDONYM_KEY": "the same in every folder"}, whole.path.parents[2])
    keys = open_keys(settings, State(whole.path.parents[1]))
    labels = whole.query("SELECT * FROM marts.clv_labels")
    grid = "dayofweek(snapshot_at) = 1 AND snapshot_at + INTERVAL 90 DAY <= $end"
    assert len(labels) == len(whole.query(f"FROM marts.customer_features WHERE {grid}", end=END)) > 80
    assert (labels["label_ends_at"] - labels["snapshot_at"] == 90 * DAY).all()
    orders = orders_known_at(known(history, END)["orders"], END)
    orders = orders.assign(pseudonym=orders["customer_id"].map(keys.pseudonymise))
    for label in labels.itertuples():
        mine = orders[orders["pseudonym"] == label.pseudonym]
        window = mine["ordered_at"].between(label.snapshot_at, label.label_ends_at, inclusive="left")
        assert label.revenue == pytest.approx(mine.loc[window, "exact_amount"].sum(), abs=0.01)


def test_attributes_pass_through(cut: Generation) -> None:
    """A detail that had not landed by a snapshot is not known there."""
    query = "SELECT snapshot_at, count(attr_club) AS told, count(*) AS n FROM marts.customer_features GROUP BY ALL"
    told = cut.query(f"{query} ORDER BY snapshot_at")
    assert told["told"].is_monotonic_increasing
    assert 0 < told["told"].iloc[-1] < told["n"].iloc[-1]
