"""Marts: dbt builds and tests a new generation of the warehouse."""

from typing import Any

from dbt_common.events.base_types import EventLevel
from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

from flows.context import open_cycle
from infra import dbt, warehouse


@flow(name="marts")
def marts(cycle_id: str) -> dict[str, Any]:
    """Build every model of the dbt project into a generation of its own, then test it."""
    cycle = open_cycle(cycle_id)
    state, settings = cycle.door.state, cycle.door.settings
    target = warehouse.start_generation(state, cycle.id, cycle.as_of)
    with dbt.environment(state, target, cycle.door.keys.storage):
        built = build_models(dbt.build_arguments(settings))
        tested = test_models(dbt.test_arguments(settings))
    generation = warehouse.finish(state, cycle.id)
    returns = count_returns(generation)
    line = f"{len(built)} tables built, {len(tested)} tests hold"
    if returns["lines"]:
        line += f"; {returns['lines']:,} lines given back, {returns['without_purchase']:,} of them without a purchase"
    return {"line": line, "tables": built, "returns": returns}


def count_returns(generation: warehouse.Generation) -> dict[str, int]:
    """Return lines, and those among them that no purchase in the data explains: they change nothing."""
    counted = generation.query(
        """SELECT coalesce(sum(lines), 0) AS lines,
                  coalesce(sum(lines) FILTER (WHERE purchase_order_id IS NULL), 0) AS without_purchase
           FROM intermediate.int_returns"""
    )
    return {str(name): int(count) for name, count in counted.iloc[0].items()}


def build_models(arguments: list[str]) -> list[dict[str, Any]]:
    """Run dbt's models, each as a task run in the UI."""
    # The runner crashes on Prefect's name for the level WARNING, so dbt's own is given.
    runner = PrefectDbtRunner(
        settings=PrefectDbtSettings(log_level=EventLevel.ERROR), raise_on_failure=False, disable_assets=True
    )
    return dbt.checked(arguments, runner.invoke(arguments))


@task(name="dbt tests")
def test_models(arguments: list[str]) -> list[dict[str, Any]]:
    """Run dbt's tests as one task, with one table of their results."""
    results = dbt.run(arguments)
    create_table_artifact(key="dbt-tests", table=results, description="dbt's tests of this generation.")
    return results
