"""dbt as this project calls it: what it is told, only while it runs, and how its results are read."""

import json
import os
from types import SimpleNamespace

import pytest

from infra import dbt
from infra.errors import AimloopError
from infra.settings import Settings
from infra.sources.extensions import extension_file
from infra.state import State
from infra.warehouse import generation

TOLD = (
    *(
        "MARTS_WAREHOUSE",
        "MARTS_RAW_ZONE",
        "MARTS_LOG_ZONE",
        "MARTS_SPILL",
        "MARTS_MEMORY_LIMIT",
        "MARTS_HTTPFS",
        "DBT_ENV_SECRET_STORAGE_KEY",
    ),
    *("DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_SEND_ANONYMOUS_USAGE_STATS"),
)


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TOLD:
        monkeypatch.delenv(name, raising=False)


# ── the environment ───────────────────────────────────────────────────────────────────────────


def test_dbt_is_told_where_things_are_while_it_runs(state: State) -> None:
    with dbt.environment(state, generation(state, "g1"), "open sesame"):
        told = {name: os.environ[name] for name in TOLD}

    assert told == {
        "MARTS_WAREHOUSE": str(state.warehouse / "g1.duckdb"),
        "MARTS_RAW_ZONE": str(state.raw_zone),
        "MARTS_LOG_ZONE": str(state.log_zone),
        "MARTS_SPILL": str(state.warehouse / "spill"),
        "MARTS_MEMORY_LIMIT": "3GB",
        "MARTS_HTTPFS": str(extension_file("httpfs")),
        "DBT_ENV_SECRET_STORAGE_KEY": "open sesame",
        "DBT_PROJECT_DIR": str(dbt.PROJECT),
        "DBT_PROFILES_DIR": str(dbt.PROJECT),
        "DBT_TARGET_PATH": str(state.dbt / "target"),
        "DBT_LOG_PATH": str(state.dbt / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def test_afterwards_the_environment_is_what_it_was(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", "what it was")
    before = dict(os.environ)

    with dbt.environment(state, generation(state, "g1"), "open sesame"):
        assert dict(os.environ) != before

    assert dict(os.environ) == before


def test_afterwards_the_environment_is_what_it_was_even_when_dbt_fails(state: State) -> None:
    before = dict(os.environ)

    with pytest.raises(ZeroDivisionError), dbt.environment(state, generation(state, "g1"), "open sesame"):
        raise ZeroDivisionError

    assert dict(os.environ) == before


def test_everything_that_the_profile_asks_for_is_told() -> None:
    profile = (dbt.PROJECT / "profiles.yml").read_text(encoding="utf-8")
    asked_for = {part.split("'")[1] for part in profile.replace('"', "'").split("env_var(")[1:]}

    assert asked_for
    assert asked_for <= set(TOLD)


# ── arguments ─────────────────────────────────────────────────────────────────────────────────


def test_dbt_builds_with_the_windows_and_rules_of_the_settings_and_without_secrets() -> None:
    cleaning = {"return_order_prefixes": ["C", "it's"], "outlier_iqr_factor": 1.5}
    privacy = {"not_personal": ["ean"], "unanswered_consent": "granted"}
    settings = Settings(
        churn_window_days=28,
        churn_horizon_days=14,
        clv_horizon_days=30,
        cleaning=cleaning,
        privacy=privacy,
        storage_key="open sesame",
    )

    for arguments in (dbt.build_arguments(settings), dbt.test_arguments(settings)):
        assert json.loads(arguments[arguments.index("--vars") + 1]) == {
            "churn_window_days": 28,
            "churn_horizon_days": 14,
            "clv_horizon_days": 30,
            **cleaning,
            **privacy,
        }
        assert "sesame" not in " ".join(arguments)


# ── results ───────────────────────────────────────────────────────────────────────────────────


def node(name: str, status: str, message: str = "") -> SimpleNamespace:
    described = SimpleNamespace(name=name, original_file_path=f"models/{name}.sql")
    return SimpleNamespace(node=described, status=status, message=message, execution_time=1.234)


def outcome(*results: SimpleNamespace, exception: object = None) -> SimpleNamespace:
    success = exception is None and all(result.status in ("success", "pass") for result in results)
    return SimpleNamespace(success=success, result=SimpleNamespace(results=list(results)), exception=exception)


def test_results_are_names_states_and_seconds() -> None:
    assert dbt.checked(["--quiet", "build"], outcome(node("a", "success"), node("b", "pass"))) == [
        {"name": "a", "status": "success", "seconds": 1.23},
        {"name": "b", "status": "pass", "seconds": 1.23},
    ]


@pytest.mark.parametrize("status", ["error", "fail", "skipped", "runtime error"])
def test_a_model_or_test_that_fails_is_named(status: str) -> None:
    with pytest.raises(AimloopError) as caught:
        dbt.checked(["--quiet", "build"], outcome(node("a", "success"), node("churn_labels", status, "got 3 results")))

    assert caught.value.what == f"dbt: churn_labels ended with '{status}': got 3 results"
    assert "dbt_project/models/churn_labels.sql" in caught.value.remedy


def test_a_call_that_fails_before_any_model_is_told() -> None:
    failed = SimpleNamespace(success=False, result=None, exception="no such profile")

    with pytest.raises(AimloopError, match="dbt build failed: no such profile"):
        dbt.checked(["--quiet", "build"], failed)
