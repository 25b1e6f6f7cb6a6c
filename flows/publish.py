"""Publish: the generation to readers, and customers, affinities and products to the services."""

from typing import Any

from prefect import flow

from flows.context import Cycle, open_cycle
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
    counts = publish_generation(cycle)
    return {"line": f"{counts['customers']:,} customers, {counts['products']:,} products for the services", **counts}


def publish_generation(cycle: Cycle) -> dict[str, int]:
    """Swap the profile store and the warehouse pointer to this cycle's generation."""
    tables = {name: cycle.generation.query(f"SELECT * FROM marts.{mart}") for name, mart in PUBLISHED.items()}
    profiles.publish(cycle.door.state, cycle.id, cycle.as_of, tables)
    warehouse.publish(cycle.door.state, cycle.id)
    return {name: len(frame) for name, frame in tables.items()}
