"""`aimloop`: a thin front to the flows. Importing a file of commands adds them to the application."""

from flows.commands import audience, cycle, data, keys, lineage, models, people, services
from flows.commands.app import app

__all__ = ["app", "audience", "cycle", "data", "keys", "lineage", "models", "people", "services"]

if __name__ == "__main__":
    app()
