"""DuckDB extensions that came as Python packages: loaded from there, nothing is downloaded or copied."""

import importlib.resources
from pathlib import Path
from typing import Any

import duckdb


def load_extension(connection: Any, name: str) -> None:
    """Load the extension of the package ``duckdb-extension-<name>``."""
    package = Path(str(importlib.resources.files(f"duckdb_extension_{name}")))
    file = package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    connection.execute(f"LOAD '{str(file).replace(chr(39), chr(39) * 2)}'")
