"""Which generation the marts are built on, and what happens when that fails."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from prefect.logging import disable_run_logger

from flows import marts
from infra.errors import AimloopError

BASE = SimpleNamespace(name="an earlier cycle")


@pytest.fixture
def built_on(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The bases that generations were built on, one after the other."""
    calls: list[Any] = []

    def build(_: Any, __: str, base: Any) -> dict[str, Any]:
        calls.append(base)
        return {"line": "29 tables built"}

    door = SimpleNamespace(settings=None, state=None, keys=None)
    cycle = SimpleNamespace(door=door, as_of=pd.Timestamp("2017-12-04"))
    monkeypatch.setattr(marts, "open_cycle", lambda _: cycle)
    monkeypatch.setattr(marts.dbt, "build_arguments", lambda _: [])
    monkeypatch.setattr(marts, "recipe", lambda *_: "r")
    monkeypatch.setattr(marts, "find_base", lambda *_: BASE)
    monkeypatch.setattr(marts, "build_generation", build)
    return calls


def run(full_refresh: bool = False) -> dict[str, Any]:
    with disable_run_logger():
        return marts.marts.fn("a cycle", full_refresh)


def test_marts_are_built_on_the_base(built_on: list[Any]) -> None:
    assert run() == {"line": "29 tables built"}
    assert built_on == [BASE]


def test_a_full_refresh_has_no_base(built_on: list[Any]) -> None:
    run(full_refresh=True)
    assert built_on == [None]


def test_where_building_on_the_base_fails_all_is_computed(built_on: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    build = marts.build_generation

    def damaged(cycle: Any, label: str, base: Any) -> dict[str, Any]:
        result = build(cycle, label, base)
        if base is not None:
            raise AimloopError("computed checksum does not match", "put a copy back")
        return result

    monkeypatch.setattr(marts, "build_generation", damaged)
    assert run()["line"] == "29 tables built"
    assert built_on == [BASE, None]


def test_what_fails_without_a_base_is_told(built_on: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> dict[str, Any]:
        raise AimloopError("dbt: churn_labels ended with 'error'", "see the model")

    monkeypatch.setattr(marts, "build_generation", failing)
    with pytest.raises(AimloopError, match="churn_labels"):
        run()
