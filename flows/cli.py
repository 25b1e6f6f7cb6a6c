"""`aimloop`: a thin front to the flows. Importing a file of commands adds them to the application."""

from flows.commands import (
    audience,
    audit,
    cycle,
    data,
    experiments,
    keys,
    lineage,
    models,
    people,
    plan,
    promotion,
    services,
)
from flows.commands.app import app

__all__ = [
    "app",
    "audience",
    "audit",
    "cycle",
    "data",
    "experiments",
    "keys",
    "lineage",
    "models",
    "people",
    "plan",
    "promotion",
    "services",
]

if __name__ == "__main__":
    app()
