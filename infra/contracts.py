"""One pandera class per table that crosses a folder's border, from the marts on (`raw_contracts` has those before).

A contract also says which columns identify a row (``key``); tables are read in its order, so that the
same data always train the same model. Times are UTC; customers are pseudonyms.
"""

from typing import Any

import pandas as pd
import pandera.pandas as pa

Whole = pd.Int64Dtype
Flag = pd.BooleanDtype
Time = pd.Timestamp


def required(**checks: Any) -> Any:
    return pa.Field(nullable=False, **checks)


def optional(**checks: Any) -> Any:
    return pa.Field(nullable=True, **checks)


class Contract(pa.DataFrameModel):
    """Columns are brought to their type when a table is checked; further columns are let through."""

    class Config:
        coerce = True
        strict = False


# ── marts: what the models read ───────────────────────────────────────────────────────────────
BY_HISTORY = ["snapshot_at", "tenure_days", "days_since_last_order", "amount_total", "orders_total"]


class CustomerFeatures(Contract):
    """A customer as known at ``snapshot_at``; money in the currency of the orders, times in days."""

    pseudonym: str = required()
    snapshot_at: Time = required()
    days_since_last_order: float = required(ge=0)
    tenure_days: float = required(ge=0)
    orders_total: Whole = required(ge=0)
    amount_total: float = required()
    orders_14d: Whole = required(ge=0)
    orders_28d: Whole = required(ge=0)
    orders_56d: Whole = required(ge=0)
    orders_84d: Whole = required(ge=0)
    order_weeks_84d: Whole = required(ge=0)
    amount_28d: float = required()
    amount_56d: float = required()
    amount_84d: float = required()
    amount_90d: float = required()
    amount_per_day_30d: float = required()
    amount_per_day_60d: float = required()
    amount_per_day_180d: float = required()
    lines_56d: Whole = required(ge=0)
    discount_84d_ratio: float = optional()
    repeat_orders: Whole = required(ge=0)
    first_to_last_order_days: float = required(ge=0)
    repeat_order_amount_mean: float = optional(ge=0)
    order_gap_mean_days: float = optional(ge=0)
    order_gap_median_days: float = optional(ge=0)
    order_gap_p90_days: float = optional(ge=0)
    order_gap_sd_days: float = optional(ge=0)
    order_gap_last_days: float = optional(ge=0)
    recency_to_gap_ratio: float = optional(ge=0)
    recency_to_gap_p90_ratio: float = optional(ge=0)
    recency_beyond_gap_sds: float = optional()
    orders_28d_to_56d_ratio: float = optional(ge=0, le=1)
    orders_56d_to_84d_ratio: float = optional(ge=0, le=1)
    click_ratio: float = optional(ge=0)
    days_to_expiry: float = optional()
    region: str = optional()
    age_band: str = optional()
    gender: str = optional()
    income_band: str = optional()
    household_size: str = optional()

    class Config:
        metadata = {"key": ["pseudonym", "snapshot_at"], "order": BY_HISTORY}


class ChurnExamples(CustomerFeatures):
    """Active customers at training snapshots with what they did next (`churn_labels` joined in)."""

    label_ends_at: Time = required()
    churned: bool = required()
    next_order_days: float = optional(ge=0)

    class Config:
        metadata = {"key": ["pseudonym", "snapshot_at"], "order": BY_HISTORY}


class ClvExamples(CustomerFeatures):
    """Every customer at past snapshots with what they spent next (`clv_labels` joined in)."""

    label_ends_at: Time = required()
    revenue: float = required()

    class Config:
        metadata = {"key": ["pseudonym", "snapshot_at"], "order": BY_HISTORY}


class ImpressionFeatures(Contract):
    """An impression with everything known at the snapshot before it, and whether it was clicked."""

    impression_id: str = required()
    pseudonym: str = required()
    shown_at: Time = required()
    snapshot_at: Time = required()
    label_known_at: Time = required()
    clicked: bool = required()
    sampling_weight: float = required(ge=1)
    channel: str = optional()
    placement: str = optional()
    department: str = optional()
    customer_orders_56d: float = optional(ge=0)
    customer_amount_56d: float = optional()
    customer_lines_56d: float = optional(ge=0)
    customer_days_since_last_order: float = optional(ge=0)
    customer_orders_14d: float = optional(ge=0)
    customer_order_weeks_84d: float = optional(ge=0)
    customer_order_gap_mean_days: float = optional(ge=0)
    customer_repeat_order_amount_mean: float = optional(ge=0)
    customer_discount_84d_ratio: float = optional()
    customer_tenure_days: float = optional(ge=0)
    customer_click_ratio: float = optional(ge=0)
    customer_product_orders: float = optional(ge=0)
    customer_product_days_since_last_order: float = optional(ge=0)
    customer_product_affinity: float = optional(ge=0)
    customer_category_orders: float = optional(ge=0)
    customer_category_days_since_last_order: float = optional(ge=0)
    customer_category_affinity: float = optional(ge=0)
    product_orders: float = optional(ge=0)
    product_days_since_last_order: float = optional(ge=0)
    product_popularity_56d: float = optional(ge=0)
    product_popularity_14d: float = optional(ge=0)
    product_buyers: float = optional(ge=0)
    product_impressions: float = optional(ge=0)
    product_click_ratio: float = optional(ge=0)

    class Config:
        metadata = {"key": ["impression_id"], "order": ["shown_at", "product_id", "customer_tenure_days"]}


class ChannelResults(Contract):
    """What each channel brought up to ``as_of``; impressions are weighted back to their true number."""

    channel: str = required(unique=True)
    impressions: float = required(ge=0)
    clicks: float = required(ge=0)
    click_ratio: float = optional(ge=0, le=1)
    contacts: Whole = required(ge=0)
    responses: Whole = required(ge=0)
    response_ratio: float = optional(ge=0, le=1)

    class Config:
        metadata = {"key": ["channel"]}


class Channels(Contract):
    """A channel one can buy: cost and return per unit, and how many units at least and at most."""

    channel: str = required(unique=True, str_length={"min_value": 1})
    unit_cost: float = required(gt=0)
    unit_return: float = required()
    max_units: float = required(ge=0)
    min_units: float = required(ge=0)

    class Config:
        metadata = {"key": ["channel"]}


# ── predictions: what the models say ──────────────────────────────────────────────────────────
class SegmentPrediction(Contract):
    """One row per row asked for, in the same order."""

    segment_id: int = required(ge=0)
    segment: str = required()
    recency_score: int = required(ge=1, le=5)
    frequency_score: int = required(ge=1, le=5)
    monetary_score: int = required(ge=1, le=5)


class CtrPrediction(Contract):
    """One row per row asked for, in the same order."""

    click_probability: float = required(ge=0, le=1)


class ChurnPrediction(Contract):
    """One row per row asked for, in the same order; for the lapsed, nothing but the band."""

    churn_probability: float = optional(ge=0, le=1)
    risk_band: str = required(isin=["low", "medium", "high", "lapsed"])
    median_days_to_order: float = optional(ge=0)
    contact_day: Whole = optional(ge=0)


class ClvPrediction(Contract):
    """One row per row asked for, in the same order; money within the horizon."""

    expected_revenue: float = required(ge=0)
    low: float = required(ge=0)
    high: float = required(ge=0)

    @pa.dataframe_check
    @classmethod
    def _ordered(cls, frame: pd.DataFrame) -> Any:
        return (frame["low"] <= frame["expected_revenue"]) & (frame["expected_revenue"] <= frame["high"])


class Scores(Contract):
    """What a cycle says of every customer."""

    cycle_id: str = required()
    as_of: Time = required()
    pseudonym: str = required()
    segment: str = optional()
    rfm: str = optional(str_matches=r"^[1-5]{3}$")
    churn_probability: float = optional(ge=0, le=1)
    risk_band: str = optional()
    contact_day: Whole = optional(ge=0)
    expected_revenue_90d: float = optional(ge=0)
    expected_revenue_low: float = optional(ge=0)
    expected_revenue_high: float = optional(ge=0)
    best_products: str = optional()

    class Config:
        metadata = {"key": ["cycle_id", "pseudonym"]}


class PredictionOutcomes(Contract):
    """A prediction of a service beside what came of it; clicked and converted are empty where nothing was reported."""

    prediction_id: str = required()
    variant: str = required(isin=["champion", "challenger"])
    pseudonym: str = required()
    predicted_at: Time = required()
    version: str = required()
    is_answered: bool = required()
    propensity: float = required(gt=0, le=1)
    value: float = optional()
    clicked: Flag = optional()
    converted: Flag = optional()
    revenue: float = optional()
    outcome_known_at: Time = optional()

    class Config:
        metadata = {"key": ["prediction_id", "variant"]}


# ── evidence of data quality: counts, never a value of the company's ────────────────────────
class FieldCounts(Contract):
    """A required column: rows read, and rows set aside because it was missing or could not be read."""

    table_name: str = required()
    column_name: str = required()
    rows: Whole = required(ge=1)
    missing: Whole = required(ge=0)
    unreadable: Whole = required(ge=0)


class NewestRows(Contract):
    """A table of things that happen: rows known at ``as_of``, and when the newest of them happened."""

    table_name: str = required()
    rows: Whole = required(ge=0)
    newest_at: Time = optional()


class WeeklyRows(Contract):
    """Rows of every complete week since a table's first, by the Monday it began on."""

    table_name: str = required()
    week_at: Time = required()
    rows: Whole = required(ge=0)


class ReferenceCounts(Contract):
    """A column that names rows of another table: rows that name one, and those that name one that is not there."""

    table_name: str = required()
    column_name: str = required()
    parent: str = required()
    rows: Whole = required(ge=0)
    orphans: Whole = required(ge=0)


class BinCounts(Contract):
    """A column cut into bins (-1 holds what is missing): rows of the weeks before and of the last ones."""

    table_name: str = required()
    column_name: str = required()
    bin: int = required(ge=-1)
    before: Whole = required(ge=0)
    lately: Whole = required(ge=0)
