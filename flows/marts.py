"""Marts: dbt builds and tests a new generation of the warehouse, new snapshots alone where that is enough."""

from typing import Any

from dbt_common.events.base_types import EventLevel
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

from flows.context import Cycle, open_cycle
from flows.temporary_server import somebody_watches
from infra import dbt, warehouse
from infra.base import find_base, recipe, snapshots
from infra.errors import AimloopError
from infra.warehouse import Generation


@flow(name="marts")
def marts(cycle_id: str, full_refresh: bool = False) -> dict[str, Any]:
    """Build a generation on the best earlier one, its base, then test it.

    Without a base, with ``full_refresh``, or where building on it fails (a damaged file, say), all of it is computed.
    """
    cycle = open_cycle(cycle_id)
    door = cycle.door
    arguments = dbt.build_arguments(door.settings)
    label = recipe(door.state, door.keys, arguments)
    base = None if full_refresh else find_base(door.state, label, cycle.as_of)
    try:
        result = build_generation(cycle, label, base)
    except AimloopError as error:
        if base is None:
            raise
        get_run_logger().warning("not built on %s (%s): all of it is computed", base.name, error.what)
        result = build_generation(cycle, label, None)
    get_run_logger().info(result["line"])
    return result


def build_generation(cycle: Cycle, label: str, base: Generation | None) -> dict[str, Any]:
    state, settings, keys = cycle.door.state, cycle.door.settings, cycle.door.keys
    fresh = warehouse.start_generation(state, cycle.id, cycle.as_of, recipe=label, base=base)
    with dbt.environment(state, fresh, keys.storage):
        built = build_models(dbt.build_arguments(settings))
        test_models(dbt.test_arguments(settings), dbt.each_test_arguments(settings))
    generation = warehouse.finish(state, cycle.id)
    made, returns = snapshots(generation), count_returns(generation)
    line = f"{len(built)} tables built, {made.line}, all tests hold"
    if returns["lines"]:
        line += f"; {returns['lines']:,} lines given back, {returns['without_purchase']:,} of them without a purchase"
    return {"line": line, "tables": built, "snapshots": made.facts(), "returns": returns}


def count_returns(generation: Generation) -> dict[str, int]:
    """Return lines, and those among them that no purchase in the data explains: they change nothing."""
    counted = generation.query(
        """SELECT coalesce(sum(lines), 0) AS lines,
                  coalesce(sum(lines) FILTER (WHERE purchase_order_id IS NULL), 0) AS without_purchase
           FROM intermediate.int_returns"""
    )
    return {str(name): int(count) for name, count in counted.iloc[0].items()}


def build_models(arguments: list[str]) -> list[dict[str, Any]]:
    """Run dbt's models: each as a task run where a UI shows them, else as one task.

    Task runs of a table each cost as much as all that a new week computes.
    """
    return build_watched(arguments) if somebody_watches() else build_at_once(arguments)


@task(name="dbt models")
def build_at_once(arguments: list[str]) -> list[dict[str, Any]]:
    results = dbt.run([*arguments, *dbt.LITTLE_IS_WRITTEN])
    create_table_artifact(key="dbt-models", table=results, description="What dbt built in this generation.")
    return results


def build_watched(arguments: list[str]) -> list[dict[str, Any]]:
    # The runner crashes on Prefect's name for the level WARNING, so dbt's own is given.
    runner = PrefectDbtRunner(
        settings=PrefectDbtSettings(log_level=EventLevel.ERROR), raise_on_failure=False, disable_assets=True
    )
    return dbt.checked(arguments, runner.invoke(arguments))


@task(name="dbt tests")
def test_models(arguments: list[str], each: list[str]) -> None:
    """Run dbt's tests as one task, with one table of their results; when one fails, each rule on its own."""
    try:
        results = dbt.run(arguments)
    except AimloopError:
        dbt.run(each)
        raise
    create_table_artifact(key="dbt-tests", table=results, description="dbt's tests of this generation.")
