"""Profiles as frames, one row for each that was asked for."""

from collections.abc import Sequence

import pandas as pd

from infra.profiles.shape import Profiles


def customers(profiles: Profiles, pseudonyms: Sequence[str]) -> pd.DataFrame:
    """One row per pseudonym, in order; ``is_known`` is false (and the rest missing) for strangers."""
    frame = _lookup(profiles, "customers", [(pseudonym,) for pseudonym in pseudonyms])
    return frame.assign(is_known=frame["pseudonym"].notna(), pseudonym=list(pseudonyms))


def ad_features(profiles: Profiles, contexts: pd.DataFrame) -> pd.DataFrame:
    """Everything known of (pseudonym, product_id) pairs, one row each, in order.

    ``contexts`` may hold further columns (channel, placement): they are kept.
    """
    pseudonyms, products = contexts["pseudonym"].tolist(), contexts["product_id"].tolist()
    of_customer = "^customer_"
    statistics = _lookup(profiles, "products", [(product,) for product in products])
    of_product = list(zip(pseudonyms, products, strict=True))
    of_category = list(zip(pseudonyms, statistics["category"].tolist(), strict=True))
    parts = [
        contexts.reset_index(drop=True),
        _lookup(profiles, "customers", [(p,) for p in pseudonyms]).filter(regex=of_customer),
        _lookup(profiles, "customer_product", of_product).filter(regex=of_customer),
        _lookup(profiles, "customer_category", of_category).filter(regex=of_customer),
        statistics.drop(columns=["product_id", "category"]),
    ]
    return pd.concat(parts, axis=1)


def _lookup(profiles: Profiles, table: str, keys: Sequence[tuple[str | None, ...]]) -> pd.DataFrame:
    columns = list(profiles.columns[table])
    missing = (None,) * len(columns)
    return pd.DataFrame([row or missing for row in profiles.rows(table, keys)], columns=columns)
