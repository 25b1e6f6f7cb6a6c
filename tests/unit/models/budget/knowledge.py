"""What a small company knows: one channel of contacts with results in two segments, one of impressions."""

from typing import Any

import pandas as pd

from infra.budget_contracts import ChannelResponses, ChannelWeeks, ChannelWindow, SegmentWorth
from models.budget.inputs import Known
from models.budget.lifts import incremental
from models.budget.responses import measured

COLUMNS = ["channel", "unit_cost", "unit_return", "max_units", "min_units"]


def channels(*rows: tuple, **columns: list) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).assign(**columns)


def segments() -> Any:
    """100 loyal customers with orders of 20, 50 others with orders of 10; of the others 5 may be contacted."""
    rows = [
        {"segment": "loyal", "customers": 100, "reachable": 80, "orders": 200.0, "amount": 4_000.0},
        {"segment": "other", "customers": 50, "reachable": 5, "orders": 50.0, "amount": 500.0},
    ]
    # every loyal customer ordered twice for 40, every other once for 10: no spread at all
    sums = [(400.0, 160_000.0, 8_000.0), (50.0, 5_000.0, 500.0)]
    names = ("orders_squares", "amount_squares", "products")
    return SegmentWorth.validate(
        pd.DataFrame([row | dict(zip(names, s, strict=True)) for row, s in zip(rows, sums, strict=True)]).assign(
            expected_revenue=None, expected_revenue_low=None, expected_revenue_high=None, churn_probability=None
        )
    )


def responses() -> Any:
    """Mailing: 100 contacts a segment, one a customer; 20 loyal ones responded, 5 others. Banner: 1,000 impressions."""
    rows = [
        ("mailing", "contact", "loyal", 100, 100.0, 20.0, 100.0, 20.0, 20.0, 50.0),
        ("mailing", "contact", "other", 100, 100.0, 5.0, 100.0, 5.0, 5.0, 50.0),
        ("banner", "impression", "loyal", 10, 1_000.0, 10.0, 100_000.0, 10.0, 1_000.0, 500.0),
    ]
    return ChannelResponses.validate(pd.DataFrame(rows, columns=list(ChannelResponses.to_schema().columns)))


def known(**values: float) -> Known:
    weeks = pd.DataFrame(columns=list(ChannelWeeks.to_schema().columns))
    nobody = ChannelWindow.validate(pd.DataFrame(columns=list(ChannelWindow.to_schema().columns)))
    results = incremental(measured(responses(), segments(), values), nobody)
    return Known(measured=results, weeks=ChannelWeeks.validate(weeks), segments=segments())
