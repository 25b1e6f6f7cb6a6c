"""Profiles of two customers and three products, with something missing in each table."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

AS_OF = pd.Timestamp("2017-12-04 06:00")
NOW = datetime(2017, 12, 4, 7, 30)

TABLES: Mapping[str, pd.DataFrame] = {
    "customers": pd.DataFrame(
        {
            "snapshot_at": pd.to_datetime(["2017-12-04 00:00:00", "2017-12-04 06:00:01"]),
            "pseudonym": ["ann", "bob"],
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


def with_customers(**columns: object) -> dict[str, pd.DataFrame]:
    """The same with other columns of the two customers."""
    return {**TABLES, "customers": pd.DataFrame({"pseudonym": ["ann", "bob"], **columns})}
