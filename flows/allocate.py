"""Allocate: the budget plan of the next cycle."""

from dataclasses import asdict
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact

from flows.context import Cycle, open_cycle
from infra.contracts import Channels
from infra.errors import AimloopError
from models import budget
from models.budget import Params
from models.errors import BadProblem, NoPlan


@flow(name="allocate")
def allocate(cycle_id: str) -> dict[str, Any]:
    """Plan the budget and store the plan with its inputs."""
    return plan_budget(cycle_id)


@task
def plan_budget(cycle_id: str) -> dict[str, Any]:
    result = plan_and_store(open_cycle(cycle_id))
    create_table_artifact(
        key="budget-plan",
        table=result["plan"]["allocation"],
        description=f"{result['line']}. Channel costs and returns are assumed (dbt_project/seeds/channels.csv).",
    )
    return result


def plan_and_store(cycle: Cycle) -> dict[str, Any]:
    """Solve the programme for the channels of the marts; the ledger keeps plan and inputs.

    Raises:
        AimloopError: no plan fits the budget; says what is missing.
    """
    channels = cycle.generation.read(Channels, "channels")
    settings = cycle.door.settings
    try:
        plan = asdict(budget.plan(channels, Params(budget=settings.budget, solver=settings.solver)))
    except BadProblem as bad:
        raise AimloopError(f"no budget plan: {bad.place}: {bad.what}", bad.remedy) from None
    except NoPlan as reason:
        raise AimloopError(f"no budget plan: {reason}", "raise AIMLOOP_BUDGET or lower the channels' minimum") from None
    inputs = {"channels": channels.to_dict("records"), "solver": settings.solver}
    cycle.door.ledger.store_plan(cycle.id, plan, inputs)
    line = (
        f"return {plan['expected_return']:,.0f} for {plan['cost']:,.0f}; "
        f"one more unit of budget returns {plan['marginal_return']:.5f} (costs assumed)"
    )
    return {"line": line, "plan": plan}
