"""What customers did after an instant at which services knew them, from the orders of a later generation.

The labels that models learn from lie on the weekly grid of snapshots, while profiles may be published at any instant;
the definitions are theirs (``dbt_project/models/marts/churn_labels.sql``, ``clv_labels.sql``; a test holds them to
these).
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from infra.warehouse import Generation


def labels(generation: Generation, instants: Sequence[datetime], horizon_days: int) -> pd.DataFrame:
    """pseudonym, as_of, churned (no order within the horizon), revenue (spent within it, net of returns).

    Of everybody who may be profiled, at each instant whose horizon the generation has seen to its end.
    """
    if not instants:
        return pd.DataFrame(columns=["pseudonym", "as_of", "churned", "revenue"])
    listed = ", ".join(f"(TIMESTAMP '{instant:%Y-%m-%d %H:%M:%S.%f}')" for instant in sorted(set(instants)))
    return generation.query(
        f"""
        WITH instants AS (
            SELECT as_of, as_of + to_days(CAST($days AS INTEGER)) AS ends_at FROM (VALUES {listed}) AS t(as_of)
        )
        SELECT people.pseudonym
             , instants.as_of
             , count(orders.ordered_at) = 0 AS churned
             , CAST(coalesce(sum(orders.amount), 0) AS DOUBLE) AS revenue
        FROM instants
        CROSS JOIN marts.customer_consents AS people
        LEFT JOIN intermediate.int_orders AS orders
            ON orders.pseudonym = people.pseudonym
            AND orders.ordered_at >= instants.as_of AND orders.ordered_at < instants.ends_at
        WHERE instants.ends_at <= (SELECT as_of FROM cycle)
        GROUP BY ALL
        """,
        days=horizon_days,
    )
