"""Allocate: the budget plan of the next cycle, with its reasons, beside what came of the last one."""

from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_table_artifact

from flows.channels_file import SEED, explained_problem, read_channels
from flows.context import Cycle, now, open_cycle
from flows.planning import channels_of, known_of, response_values
from infra import channel_evidence
from infra.files import publish_text
from infra.ledger_rows import CycleRow, PlanRow
from models.budget.attainment import LastPlan, attained
from models.budget.document import clean, comparable, planned
from models.budget.inputs import build
from models.budget.lifts import as_promised
from models.budget.solution import Method
from models.budget.sources import Inputs
from models.budget.stored import from_json, to_json
from models.plan_page.page import render


@flow(name="allocate")
def allocate(cycle_id: str) -> dict[str, Any]:
    """Plan the budget and store the plan with its inputs."""
    return plan_budget(cycle_id)


@task
def plan_budget(cycle_id: str) -> dict[str, Any]:
    result = plan_and_store(open_cycle(cycle_id))
    plan = result["plan"]
    told = ("channel", "units", "cost", "expected_return", "binds", "cost_is", "return_is")
    create_table_artifact(
        key="budget-plan",
        table=[{name: line[name] for name in told} for line in plan["allocation"]],
        description=f"{result['line']}.",
    )
    create_link_artifact(key="budget-report", link=f"file://{plan['report']}", description=result["line"])
    return result


def plan_and_store(cycle: Cycle) -> dict[str, Any]:
    """The best plan for the channels, what is known of them, and the last plan; the ledger keeps it with its inputs.

    Raises:
        AimloopError: no plan fits the budget; says what is missing.
    """
    settings = cycle.door.settings
    table = channels_of(cycle.generation) if settings.channels is None else read_channels(settings.channels)
    known = known_of(cycle.generation, response_values(table))
    earlier = cycle.door.ledger.earlier_plans(cycle.id)
    with explained_problem(settings.channels or SEED):
        inputs = build(
            table,
            settings.budget,
            known,
            plan_days=settings.plan_days,
            contacts_per_customer=settings.contacts_per_customer,
        )
        before = in_force(earlier, inputs, settings.plan_days)
        plan = planned(inputs, Method(solver=settings.solver), before)
    plan["days"] = settings.plan_days
    plan["evidence"] = clean(known.measured.to_dict("records"))
    plan["realised"] = look_back(cycle, earlier, known.measured) if earlier else None
    plan["report"] = str(write_report(cycle, plan))
    cycle.door.ledger.store_plan(cycle.id, plan, _stored(inputs, table, settings.solver))
    return {"line": _line(plan), "plan": plan}


def in_force(earlier: list[tuple[CycleRow, PlanRow]], inputs: Inputs, days: int) -> pd.DataFrame | None:
    """What is bought today: what people say in their file, else the last plan, over as many days as this one is for."""
    if inputs.current is not None or not earlier:
        return inputs.current
    last = earlier[0][1].plan
    units = comparable(last, inputs.problem)
    return None if units is None else units.assign(units=units["units"] * (days / last.get("days", days)))


def look_back(cycle: Cycle, earlier: list[tuple[CycleRow, PlanRow]], measured: pd.DataFrame) -> dict[str, Any]:
    """What came of the last plan, in the time that it was for, as far as that is over."""
    row, stored = earlier[0]
    since, days = pd.Timestamp(row.as_of), stored.plan.get("days", cycle.door.settings.plan_days)
    until = min(cycle.as_of, since + pd.Timedelta(days=days))
    evidence = stored.plan.get("evidence", [])
    last = LastPlan(
        cycle=row.id,
        since=f"{since:%Y-%m-%d}",
        until=f"{until:%Y-%m-%d}",
        document=stored.plan,
        unit_costs=_unit_costs(stored),
        elapsed=(until - since) / pd.Timedelta(days=days),
        valued=frozenset(
            line["channel"] for line in stored.inputs.get("channels", []) if line.get("response_value") is not None
        ),
        incremental=frozenset(row["channel"] for row in evidence if row.get("incremental_ratio") is not None),
    )
    counted = as_promised(measured, evidence)
    happened = channel_evidence.window(cycle.generation, since, until)
    told = [told for _, plan in earlier if (told := plan.plan.get("realised"))]
    return attained(last, happened, counted, told)


def _unit_costs(stored: PlanRow) -> dict[str, float]:
    """What a unit of each channel costs, as the plan buys it; the mean of its rows where it buys none."""
    means = from_json(stored.inputs).activities.groupby("channel")["unit_cost"].mean()
    bought = {line["channel"]: line["cost"] / line["units"] for line in stored.plan["allocation"] if line["units"] > 0}
    return {str(channel): float(cost) for channel, cost in means.items()} | bought


def write_report(cycle: Cycle, plan: dict[str, Any]) -> Path:
    """The page of the plan; returns where."""
    path = cycle.reports / "budget.html"
    publish_text(path, render(plan, cycle.id, f"{cycle.as_of:%Y-%m-%d}", f"{now():%Y-%m-%d %H:%M}"))
    return path


def _stored(inputs: Inputs, table: pd.DataFrame, solver: str) -> dict[str, Any]:
    """What the plan was made from: the problem as it was solved, and the channels as people gave them."""
    return {"problem": to_json(inputs.problem), "channels": clean(table.to_dict("records")), "solver": solver}


def _line(plan: dict[str, Any]) -> str:
    assumed = sum(line["cost_is"] == "assumed" for line in plan["allocation"])
    mark = f" ({assumed} of {len(plan['allocation'])} channels assumed)" if assumed else ""
    comparison, realised = plan["comparison"], plan["realised"]
    kept = "; the plan before is kept: none is better" if comparison and comparison["keep_current"] else ""
    came = f"; last plan: {realised['line']}" if realised else ""
    more = plan["marginal_return"]
    worth = "what one more unit of budget returns is not known"
    worth = worth if more is None else f"one more unit of budget returns {more:.5f}"
    return f"return {plan['expected_return']:,.0f} for {plan['cost']:,.0f}; {worth}{mark}{kept}{came}"
