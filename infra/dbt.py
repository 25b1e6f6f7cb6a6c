"""dbt as this project calls it: in this process, told where things are, its artefacts under the state folder."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.errors import AimloopError
from infra.intake import log_zone
from infra.settings import Settings
from infra.sources.extensions import extension_file
from infra.state import State, disk_trouble
from infra.warehouse import MEMORY_LIMIT, Generation

# No manifest and no statements in the log: nobody reads them, and writing them costs more than many a model.
LITTLE_IS_WRITTEN = ["--no-write-json", "--log-level-file", "info"]

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"


@contextmanager
def environment(state: State, target: Generation, storage_key: str) -> Iterator[None]:
    """What ``profiles.yml`` reads, set only while dbt runs.

    The key's name starts with ``DBT_ENV_SECRET_``: dbt accepts such a variable in profiles alone and
    scrubs its value from everything it prints (docs.getdbt.com, "env_var").
    """
    values = {
        "MARTS_WAREHOUSE": str(target.path),
        "MARTS_RAW_ZONE": str(state.raw_zone),
        "MARTS_LOG_ZONE": str(state.log_zone),
        "MARTS_SPILL": str(state.warehouse / "spill"),
        "MARTS_MEMORY_LIMIT": MEMORY_LIMIT,
        "MARTS_HTTPFS": str(extension_file("httpfs")),
        "DBT_ENV_SECRET_STORAGE_KEY": storage_key,
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(state.dbt / "target"),
        "DBT_LOG_PATH": str(state.dbt / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    log_zone.begin(state, storage_key)  # dbt attaches it, whether anything has been logged or not
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        _let_go()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _let_go() -> None:
    """Close the connection that the adapter keeps open: until then the file cannot be renamed or read whole."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    open_environment = DuckDBConnectionManager._ENV
    if open_environment is not None:
        open_environment.close()
        DuckDBConnectionManager.close_all_connections()


def build_arguments(settings: Settings) -> list[str]:
    """Seeds and models, not tests."""
    # both kinds behind one flag: prefect-dbt keeps only the last of repeated ones
    return ["--quiet", "build", "--exclude-resource-type", "test", "exposure", *_variables(settings)]


def test_arguments(settings: Settings) -> list[str]:
    """All tests, the generic ones as one of them (data-tests/tables_keep_their_rules.sql)."""
    return [*each_test_arguments(settings), "--exclude", "test_type:generic"]


def each_test_arguments(settings: Settings) -> list[str]:
    """All tests one by one: slower (dbt's own work around each takes 20-30 ms), and a failure names the rule."""
    return ["--quiet", "test", *LITTLE_IS_WRITTEN, *_variables(settings)]


def compile_arguments(settings: Settings) -> list[str]:
    return ["--quiet", "compile", *_variables(settings)]


def docs_arguments(settings: Settings) -> list[str]:
    """The documentation as one file."""
    return ["--quiet", "docs", "generate", "--static", *_variables(settings)]


def _variables(settings: Settings) -> list[str]:
    values = {
        "churn_window_days": settings.churn_window_days,
        "churn_horizon_days": settings.churn_horizon_days,
        "clv_horizon_days": settings.clv_horizon_days,
        "return_order_prefixes": settings.cleaning.return_order_prefixes,
        "outlier_iqr_factor": settings.cleaning.outlier_iqr_factor,
        "unanswered_consent": settings.privacy.unanswered_consent,
        "not_personal": settings.privacy.not_personal,
    }
    return ["--vars", json.dumps(values)]


def run(arguments: list[str]) -> list[dict[str, Any]]:
    """Call dbt, inside ``environment``; returns name, status and seconds of every node."""
    from dbt.cli.main import dbtRunner

    return checked(arguments, dbtRunner().invoke(arguments))


def checked(arguments: list[str], outcome: Any) -> list[dict[str, Any]]:
    """The results of a dbt call.

    Raises:
        AimloopError: a model failed or a test did not hold; names it.
    """
    results = list(getattr(outcome.result, "results", None) or [])
    for result in results:
        if result.status not in ("success", "pass"):
            full = disk_trouble(RuntimeError(str(result.message)), Path(os.environ.get("MARTS_WAREHOUSE", "warehouse")))
            raise full or AimloopError(
                f"dbt: {result.node.name} ended with '{result.status}': {result.message}",
                f"see dbt_project/{result.node.original_file_path} and dbt/logs in the state folder",
            )
    if not outcome.success:
        raise AimloopError(f"dbt {arguments[1]} failed: {outcome.exception}", "see dbt/logs in the state folder")
    return [
        {"name": r.node.name, "status": str(r.status), "seconds": round(r.execution_time, 2)}
        for r in results
        if getattr(r.node, "resource_type", None) != "operation"  # a hook makes no table
    ]
