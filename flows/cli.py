"""`aimloop`: a thin front to the flows. Importing a file of commands adds them to the application."""

from flows.commands import (
    alerts,
    audience,
    audit,
    cycle,
    data,
    evaluate,
    experiments,
    keys,
    lineage,
    models,
    people,
    plan,
    promotion,
    replay,
    services,
    watch,
)
from flows.commands.app import app

__all__ = [
    "alerts",
    "app",
    "audience",
    "audit",
    "cycle",
    "data",
    "evaluate",
    "experiments",
    "keys",
    "lineage",
    "models",
    "people",
    "plan",
    "promotion",
    "replay",
    "services",
    "watch",
]

if __name__ == "__main__":
    app()
