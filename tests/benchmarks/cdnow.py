"""Repeat purchases on CDNOW, the data of the papers: 23,570 customers of a music shop, January 1997 to June 1998.

Wants a folder, in ``AIMLOOP_BENCH_DATA``, that holds ``cdnow/CDNOW_master.txt`` and
``cdnow/cdnow_customers_summary.csv`` (both from Bruce Hardie's site, free for research). Everything is learned
from the first 39 weeks and judged on the next 39, which nothing is chosen on. Parameters are compared on the published
tenth of the customers. It is known by its histories alone: which of several customers with the same history are in it
is not, so its correlation is the mean over draws; ``cdnow.correlation`` is that of all customers.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from models import purchases
from models.purchases import CustomerBase
from tests.benchmarks.measure import Figure, at_least, at_most

DATA = "AIMLOOP_BENCH_DATA"
FIRST_HALF_ENDS, ENDS, WEEKS = pd.Timestamp("1997-09-30"), pd.Timestamp("1998-06-30"), 39
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
PUBLISHED_LOG_LIKELIHOOD, PUBLISHED_CORRELATION = -9582.4, 0.626
DRAWS = 200


def cdnow(_: Path) -> dict[str, Figure]:
    """Parameters beside the published ones, and the correlation of expected with actual repeat orders."""
    folder = Path(os.environ.get(DATA, "")) / "cdnow"
    if not os.environ.get(DATA) or not folder.is_dir():
        Console().print(f"  skipped: {DATA} names no folder with cdnow/ in it")
        return {}
    published = pd.read_csv(folder / "cdnow_customers_summary.csv")
    tenth = published.set_axis(["id", *purchases.HISTORY], axis=1).assign(**{purchases.SPENT: np.nan})
    everyone, later = halves(folder / "CDNOW_master.txt")
    columns = [tenth[name].to_numpy(dtype=float) for name in purchases.HISTORY]
    found = purchases.fit_orders(*columns)
    likelihood = float(purchases.orders_log_likelihood(np.array(found), *columns).sum())
    parameters = dict(zip(PUBLISHED, found, strict=True))
    furthest = max(abs(value - PUBLISHED[name]) for name, value in parameters.items())
    base = purchases.fit_customer_base(everyone)
    expected = purchases.expected_orders(base, everyone, WEEKS)
    revenue = purchases.expected_revenue(base, everyone, WEEKS)
    orders, spent = later["orders"].to_numpy(dtype=float), later["spent"].to_numpy(dtype=float)
    drawn = drawn_tenths(tenth, everyone, orders, CustomerBase(*found, shape=1, mean_shape=2, scale=1))
    return {
        **{f"cdnow.{name}": Figure(value, "", f"{PUBLISHED[name]}") for name, value in parameters.items()},
        "cdnow.furthest_parameter": at_most(furthest, 1e-3, ""),
        "cdnow.log_likelihood": Figure(likelihood, "nats", f"{PUBLISHED_LOG_LIKELIHOOD}"),
        "cdnow.correlation": at_least(float(np.corrcoef(expected, orders)[0, 1]), PUBLISHED_CORRELATION, ""),
        "cdnow.tenth_correlation": Figure(
            float(drawn.mean()), "", interval=tuple(float(q) for q in np.quantile(drawn, [0.025, 0.975]))
        ),
        "cdnow.orders_ratio": Figure(float(expected.sum() / orders.sum()), ""),
        "cdnow.spend_correlation": Figure(float(np.corrcoef(revenue, spent)[0, 1]), ""),
    }


def halves(master: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every customer's history in the first half, and orders and money of the second.

    Times are in weeks, as published; what somebody bought on one day is one order.
    """
    lines = pd.read_csv(master, sep=r"\s+", header=0, names=["id", "date", "discs", "spent"])
    orders = lines.assign(date=pd.to_datetime(lines["date"].astype(str))).groupby(["id", "date"], as_index=False).sum()
    first = orders.groupby("id")["date"].transform("min")
    early = orders[orders["date"] <= FIRST_HALF_ENDS].assign(is_repeat=orders["date"] > first)
    seen = early.groupby("id").agg(first=("date", "min"), last=("date", "max"), repeat_orders=("is_repeat", "sum"))
    week = pd.Timedelta(days=7)
    history = pd.DataFrame(
        {
            "repeat_orders": seen["repeat_orders"],
            "first_to_last_order_days": (seen["last"] - seen["first"]) / week,
            "tenure_days": (FIRST_HALF_ENDS - seen["first"]) / week,
            purchases.SPENT: early[early["is_repeat"]].groupby("id")["spent"].mean().reindex(seen.index),
        }
    )
    after = orders[orders["date"].between(FIRST_HALF_ENDS, ENDS, inclusive="right")].groupby("id")
    later = pd.DataFrame({"orders": after.size(), "spent": after["spent"].sum()}).reindex(seen.index).fillna(0)
    return history, later


def drawn_tenths(tenth: pd.DataFrame, everyone: pd.DataFrame, orders: np.ndarray, base: CustomerBase) -> np.ndarray:
    """The correlation for customers who have the histories of the published tenth, drawn again and again."""
    alike, wanted = (
        frame[list(purchases.HISTORY)].astype(float).round(2).astype(str).agg("|".join, axis=1)
        for frame in (everyone, tenth)
    )
    expected = purchases.expected_orders(base, everyone, WEEKS)
    count = alike.map(wanted.value_counts()).fillna(0).to_numpy()
    random = np.random.default_rng(20170101)
    found = []
    for _ in range(DRAWS):
        place = pd.Series(random.random(len(alike))).groupby(alike.to_numpy()).rank().to_numpy()
        chosen = place <= count
        found.append(np.corrcoef(expected[chosen], orders[chosen])[0, 1])
    return np.array(found)
