"""Why a prediction is what it is, in words: what each feature adds, strongest first.

Features that say nearly the same (orders, articles and money of the same 56 days) share out one effect among
themselves, often with opposite signs; a reason is therefore a group of them, and adds what they add together.
"""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from models.metrics import Array

WORDS = {
    "days_since_last_order": "days since the last order",
    "tenure_days": "days since the first order",
    "orders_total": "orders ever",
    "amount_total": "money spent ever",
    "orders_14d": "orders in 14 days",
    "orders_28d": "orders in 28 days",
    "orders_56d": "orders in 56 days",
    "orders_84d": "orders in 84 days",
    "order_weeks_84d": "weeks with an order, of the last 12",
    "amount_28d": "money spent in 28 days",
    "amount_56d": "money spent in 56 days",
    "amount_84d": "money spent in 84 days",
    "amount_90d": "money spent in 90 days",
    "amount_per_day_30d": "money a day, of the last weeks above all",
    "amount_per_day_60d": "money a day, of the last months above all",
    "amount_per_day_180d": "money a day, of the last half year above all",
    "days_to_expiry": "days until the membership ends",
    "lines_56d": "articles bought in 56 days",
    "discount_84d_ratio": "share of the price taken off",
    "repeat_orders": "orders after the first",
    "first_to_last_order_days": "days from the first to the last order",
    "repeat_order_amount_mean": "mean money per order",
    "order_gap_mean_days": "mean days between orders",
    "order_gap_median_days": "usual days between orders",
    "order_gap_p90_days": "longest usual days between orders",
    "order_gap_sd_days": "how irregular orders are, in days",
    "order_gap_last_days": "days between the last two orders",
    "recency_to_gap_ratio": "days since the last order, by the usual gap",
    "recency_to_gap_p90_ratio": "days since the last order, by the longest usual gap",
    "recency_beyond_gap_sds": "days since the last order beyond the usual, by how irregular",
    "orders_28d_to_56d_ratio": "share of 8 weeks' orders in the last 4",
    "orders_56d_to_84d_ratio": "share of 12 weeks' orders in the last 8",
    "click_ratio": "clicks per impression so far",
    "region": "region",
    "age_band": "age",
    "gender": "gender",
    "income_band": "income",
    "household_size": "household size",
    "channel": "channel",
    "placement": "placement",
    "department": "department of the article",
    "customer_product_orders": "this customer's orders of the article",
    "customer_product_days_since_last_order": "days since this customer's last order of the article",
    "customer_product_affinity": "how often and lately this customer orders the article",
    "customer_category_orders": "this customer's orders in the category",
    "customer_category_days_since_last_order": "days since this customer's last order in the category",
    "customer_category_affinity": "how often and lately this customer orders in the category",
    "product_orders": "everybody's orders of the article",
    "product_days_since_last_order": "days since anybody ordered the article",
    "product_popularity_56d": "how often and lately the article is ordered",
    "product_popularity_14d": "how often and very lately the article is ordered",
    "product_buyers": "customers who ever ordered the article",
    "product_impressions": "impressions of the article so far",
    "product_click_ratio": "clicks per impression of the article so far",
}


# What is missing because nothing has happened yet; of all else that is missing, we do not know it.
NOT_YET = {
    "click_ratio": "no impressions yet",
    "product_click_ratio": "no impressions yet",
    "product_impressions": "none yet",
    "product_orders": "none yet",
    "product_buyers": "none yet",
    "product_popularity_56d": "no order yet",
    "product_popularity_14d": "no order yet",
    "product_days_since_last_order": "no order yet",
    "customer_product_orders": "none yet",
    "customer_product_affinity": "no order yet",
    "customer_product_days_since_last_order": "no order yet",
    "customer_category_orders": "none yet",
    "customer_category_affinity": "no order yet",
    "customer_category_days_since_last_order": "no order yet",
    "repeat_order_amount_mean": "no second order yet",
    "order_gap_mean_days": "no second order yet",
    "order_gap_median_days": "no second order yet",
    "order_gap_p90_days": "no second order yet",
    "order_gap_last_days": "no second order yet",
    "order_gap_sd_days": "too few orders yet",
    "recency_to_gap_ratio": "too few orders yet",
    "recency_to_gap_p90_ratio": "too few orders yet",
    "recency_beyond_gap_sds": "too few orders yet",
}
NOT_KNOWN = "not known yet"
_GROUPS = (  # the first that fits decides, together with what stands in brackets; what fits none is by itself
    r"customer_(product|category)_.+",  # of this customer: orders, days since, affinity
    r"product_(?:impressions|click_ratio)",
    r"product_.+",  # of everybody
    r"(?:customer_)?(?:orders|lines|amount|order_weeks)_(\d+)d",
    r"(?:customer_)?amount_per_day_\d+d",
    r"(?:customer_)?(?:orders_total|repeat_orders|amount_total)",
    r"(?:customer_)?(?:days_since_last_order|recency_.+)",
    r"(?:customer_)?order_gap_.+_days",
    r"(?:customer_)?orders_\d+d_to_\d+d_ratio",
)


def in_words(feature: str) -> str:
    """A feature as people say it; what a company brought itself keeps its own name."""
    if feature in WORDS:
        return WORDS[feature]
    bare = feature.removeprefix("customer_")
    return WORDS.get(bare, bare.removeprefix("attr_").replace("_", " "))


def in_odds(added: float) -> str | None:
    """What is added to log-odds, as people say it; None for less than a hundredth of the odds."""
    return f"odds × {np.exp(added):.2f}" if abs(added) >= 0.01 else None


def in_money(added: float) -> str | None:
    """What is added to an amount; None for what rounds to nothing."""
    return f"{added:+,.2f}" if abs(added) >= 0.005 else None


def explain(
    contributions: pd.DataFrame,
    frame: pd.DataFrame,
    most: int = 3,
    effect: Callable[[float], str | None] = in_odds,
) -> list[list[str]]:
    """For each row its strongest reasons, such as ``orders in 28 days: 0 (odds × 2.10)``.

    ``contributions`` are parts of the log-odds or of an amount, a column per feature and ``average``, as
    ``Propensity.contributions`` gives them; ``frame`` holds the features' values. The ``effect`` is that of the row
    against the same row with nothing told of the feature and those of its group; named is the one that adds most to
    that side. Reasons without one are left out.
    """
    parts = contributions.drop(columns="average")
    added, named = grouped(parts)
    strongest = np.argsort(-np.abs(added), axis=1, kind="stable")[:, :most]
    told = [in_figures(frame[name], name) for name in parts.columns]
    words = [in_words(name) for name in parts.columns]
    return [
        [
            f"{words[named[row, i]]}: {told[named[row, i]][row]} ({changed})"
            for i in chosen
            if (changed := effect(added[row, i])) is not None
        ]
        for row, chosen in enumerate(strongest)
    ]


def grouped(parts: pd.DataFrame) -> tuple[Array, np.ndarray]:
    """Contributions summed by group, a column each, so that rows keep their sum; and, of the same shape, the position
    of the feature that adds most to the side its group is on.
    """
    values = parts.to_numpy(dtype=float)
    groups: dict[object, list[int]] = {}
    for position, name in enumerate(parts.columns):
        groups.setdefault(_group(name), []).append(position)
    members = [np.array(positions) for positions in groups.values()]
    added = np.column_stack([values[:, positions].sum(axis=1) for positions in members])
    of_side = [values[:, positions] * np.sign(added[:, [i]]) for i, positions in enumerate(members)]
    named = [positions[side.argmax(axis=1)] for positions, side in zip(members, of_side, strict=True)]
    return added, np.column_stack(named)


def _group(feature: str) -> object:
    for which, pattern in enumerate(_GROUPS):
        if found := re.fullmatch(pattern, feature):
            return which, *found.groups()
    return feature


def drivers(contributions: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """What moves predictions over all rows: driver (in words), share of all contributions, and direction.

    Of a number, more of it ``raises`` or ``lowers`` (rank correlation with its contribution beyond ±0.3), or moves
    predictions ``either way``, as a category does.
    """
    parts = contributions.drop(columns="average")
    size = parts.abs().mean().fillna(0.0)  # of no rows, nothing
    found = pd.DataFrame({"driver": [in_words(name) for name in parts.columns], "share": size / max(size.sum(), 1e-12)})
    found["direction"] = [_direction(frame[name], parts[name]) for name in parts.columns]
    return found.sort_values("share", ascending=False, kind="stable").reset_index(drop=True)


def _direction(values: pd.Series, contribution: pd.Series) -> str:
    if not pd.api.types.is_numeric_dtype(values) or values.nunique() < 2 or contribution.nunique() < 2:
        return "either way"
    correlation = values.astype("Float64").astype(float).corr(contribution, method="spearman")
    return "raises" if correlation > 0.3 else "lowers" if correlation < -0.3 else "either way"


def in_figures(values: pd.Series, feature: str) -> list[str]:
    """A feature's values as people read them."""
    missing = NOT_YET.get(feature, NOT_YET.get(feature.removeprefix("customer_"), NOT_KNOWN))
    if not pd.api.types.is_numeric_dtype(values):
        return values.astype(object).where(values.notna(), missing).astype(str).tolist()
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    return [missing if np.isnan(n) else _short(n) for n in numbers]


def _short(number: float) -> str:
    if abs(number) >= 999.5:
        return f"{number:,.0f}"
    if 0 < abs(number) < 1e-4:  # as people write it: 0.0000467 and not 4.67e-05
        return np.format_float_positional(number, precision=3, fractional=False)
    return f"{number:.4g}"
