"""Score: what the models say of every customer at ``as_of``: champions, unless they come from the future."""

import json
from typing import Any

import pandas as pd
from prefect import flow, task

from flows.context import Cycle, open_cycle, version_in_use
from flows.migration import report_migration
from infra import registry, warehouse
from infra.audiences import REVENUE
from infra.contracts import CustomerFeatures, Scores
from infra.warehouse import Generation
from models import churn, clv, ctr, segmentation
from models.segment_names import rfm

BEST_PRODUCTS = 3


@flow(name="score")
def score(cycle_id: str) -> dict[str, Any]:
    """Write the `scores` mart: segment, churn probability, expected revenue and best products of every customer."""
    return score_customers(cycle_id)


@task
def score_customers(cycle_id: str) -> dict[str, Any]:
    cycle = open_cycle(cycle_id)
    scores = scores_of(cycle)
    keep_history(cycle, scores)
    segments = scores["segment"].value_counts()
    at_risk = int((scores["risk_band"] == "high").sum())
    largest = f"largest segment {segments.index[0]} ({segments.iloc[0]:,})" if len(segments) else "no segments"
    lapsed = int((scores["risk_band"] == "lapsed").sum())
    moved = report_migration(cycle)
    line = f"{len(scores):,} customers scored; {largest}; {at_risk:,} at high risk of churn, {lapsed:,} lapsed" + (
        moved and f"; {moved}"
    )
    return {"line": line, "customers": len(scores), "segments": {k: int(v) for k, v in segments.items()}}


def scores_of(cycle: Cycle) -> pd.DataFrame:
    """One row per customer; what a missing version would say stays empty."""
    customers = cycle.generation.read(CustomerFeatures, "customer_features", "snapshot_at = $at", at=cycle.as_of)
    versions = {name: version_in_use(cycle, name) for name in ("segmentation", "churn", "clv", "ctr")}
    scores = pd.DataFrame({"cycle_id": cycle.id, "as_of": cycle.as_of, "pseudonym": customers["pseudonym"]})
    scores[["segment", "rfm", "risk_band", "contact_day", "best_products"]] = None
    scores[["churn_probability", *REVENUE]] = float("nan")
    if versions["segmentation"]:
        found = segmentation.predict(registry.load(versions["segmentation"]), customers)
        scores["segment"] = found["segment"]
        scores["rfm"] = rfm(found)
    if versions["churn"]:
        told = ["churn_probability", "risk_band", "contact_day"]
        scores[told] = churn.predict(registry.load(versions["churn"]), customers)[told]
    if versions["clv"]:
        scores[list(REVENUE)] = clv.predict(registry.load(versions["clv"]), customers)
    if versions["ctr"]:
        scores["best_products"] = scores["pseudonym"].map(_best_products(cycle, versions["ctr"]))
    return scores


def keep_history(cycle: Cycle, scores: pd.DataFrame) -> None:
    """Write the scores beside those of earlier cycles, which the last published generation holds."""
    before = warehouse.published(cycle.door.state)
    if before is not None and before != cycle.generation:
        cycle.generation.inherit("scores", before)
        forget_the_unwilling(cycle.generation)
    cycle.generation.replace_rows(Scores, "scores", scores, key="cycle_id", value=cycle.id)


def forget_the_unwilling(generation: Generation) -> None:
    """Drop inherited scores of people who may no longer be profiled, or are known no more."""
    if len(generation.query("FROM duckdb_tables() WHERE schema_name = 'marts' AND table_name = 'scores'")):
        generation.execute(
            "DELETE FROM marts.scores WHERE pseudonym NOT IN (SELECT pseudonym FROM marts.customer_consents)"
        )


def _best_products(cycle: Cycle, version: str) -> pd.Series:
    """For each pseudonym a JSON list of the products it would most probably take, best first."""
    candidates = cycle.generation.query("SELECT * FROM marts.product_candidates")
    candidates["click_probability"] = ctr.predict(registry.load(version), candidates)["click_probability"]
    best = candidates.sort_values(["click_probability", "product_id"], ascending=[False, True])
    return (
        best.groupby("pseudonym")
        .head(BEST_PRODUCTS)
        .groupby("pseudonym")["product_id"]
        .agg(lambda products: json.dumps(list(products)))
    )
