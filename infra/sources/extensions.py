"""DuckDB extensions that came as Python packages: loaded from there, nothing is downloaded or copied."""

import importlib.resources
from pathlib import Path
from typing import Any

import duckdb


def extension_file(name: str) -> Path:
    """Where the extension of the package ``duckdb-extension-<name>`` lies."""
    package = Path(str(importlib.resources.files(f"duckdb_extension_{name}")))
    return package / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def load_extension(connection: Any, name: str) -> None:
    """Load the extension of the package ``duckdb-extension-<name>``."""
    connection.execute(f"LOAD '{str(extension_file(name)).replace(chr(39), chr(39) * 2)}'")
