"""`aimloop`: a thin front to the flows. Importing a file of commands adds them to the application."""

from flows.commands import cycle, data, lineage, services
from flows.commands.app import app

__all__ = ["app", "cycle", "data", "lineage", "services"]

if __name__ == "__main__":
    app()
