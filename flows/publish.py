"""Publish: the generation to readers, and customers, affinities and products to the services."""

from typing import Any

from prefect import flow

from flows.context import Cycle, now, open_cycle
from infra import profiles, warehouse

PUBLISHED = {
    "customers": "customer_profiles",
    "customer_product": "customer_product_affinity",
    "customer_category": "customer_category_affinity",
    "products": "product_statistics",
}


@flow(name="publish")
def publish(cycle_id: str) -> dict[str, Any]:
    """Point readers to the generation, and give the services its customers, affinities and products."""
    cycle = open_cycle(cycle_id)
    newer = newer_published(cycle)
    if newer is not None:
        return {"line": f"left alone: {newer} knows more of the world; this cycle is for looking back"}
    counts = publish_generation(cycle)
    return {"line": f"{counts['customers']:,} customers, {counts['products']:,} products for the services", **counts}


def forget_publication_of_an_empty_store(cycle: Cycle) -> None:
    """Another profile store has been chosen since, or it has lost what it held: the step must be done again."""
    if profiles.published(cycle.door.settings, cycle.door.state) is None:
        cycle.door.ledger.forget_steps(cycle.id, "publish")


def newer_published(cycle: Cycle) -> str | None:
    """The published cycle, when its ``as_of`` is later than this one's: looking back must not move services back."""
    published = warehouse.published(cycle.door.state)
    row = cycle.door.ledger.cycle(published.name) if published else None
    return row.id if row is not None and row.as_of > cycle.as_of.to_pydatetime() else None


def publish_generation(cycle: Cycle) -> dict[str, int]:
    """Swap the profile store and the warehouse pointer to this cycle's generation."""
    tables = {name: cycle.generation.query(f"SELECT * FROM marts.{mart}") for name, mart in PUBLISHED.items()}
    profiles.publish(cycle.door.settings, cycle.door.state, cycle.id, cycle.as_of, tables, now())
    warehouse.publish(cycle.door.state, cycle.id)
    return {name: len(frame) for name, frame in tables.items()}
