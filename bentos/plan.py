"""The budget plan of the published cycle, and what other budgets and other bounds would bring."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from pydantic import TypeAdapter

from bentos.endpoint import Asked, Endpoint, Refusal
from bentos.live import Live
from bentos.plan_shapes import Change, Plan, PlanAnswer, WhatIf
from infra.ledger import Ledger
from infra.ledger_rows import PlanRow
from models.budget.document import told
from models.budget.explain import explain
from models.budget.solution import Method
from models.budget.stored import changed, from_json
from models.errors import BadProblem, Infeasible, SolverFailed, Unbounded

SECONDS = 5.0  # a solver that takes longer is stopped, and the plan marked
ORIGIN = ("cost_is", "return_is")
_PLAN = TypeAdapter(Plan)


def current(live: Live, _: None, asked: Asked) -> dict[str, Any]:
    """The budget plan of the cycle whose profiles are published."""
    plans = [_shown(_stored(live).plan)]
    return {"request_id": asked.request_id, "as_of": live.look.profiles.as_of, "plans": plans}


def what_if(live: Live, request: WhatIf, asked: Asked) -> dict[str, Any]:
    """What the best plan would be for other budgets and bounds; nothing is changed by asking."""
    row = _stored(live)
    plans = [_planned(row, amount, request.changes) for amount in request.budgets]
    return {"request_id": asked.request_id, "as_of": live.look.profiles.as_of, "plans": plans}


def _planned(row: PlanRow, budget: float, changes: list[Change]) -> dict[str, Any]:
    given = {change.channel: change.model_dump(exclude={"channel"}, exclude_none=True) for change in changes}
    method = Method(solver=row.inputs["solver"], seconds=SECONDS)
    try:
        problem = changed(from_json(row.inputs), budget, given)
        plan = told(problem, explain(problem, method=method))
    except (Infeasible, Unbounded) as reason:
        return {"budget": budget, "infeasible": str(reason)}
    except BadProblem as error:
        # what is asked for has the right shape; it is the plan that has no such channel
        raise Refusal(
            404 if error.column == "channel" else 422, f"{error.table}, {error.column}: {error.what}", error.remedy
        ) from None
    except SolverFailed as error:
        raise Refusal(503, str(error), "ask again, or for less") from None
    origins = _origins(row.plan, given)
    for line in plan["allocation"]:
        line.update(origins.get(line["channel"], {}))
    return _shown(plan)


def _shown(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What applications are promised; what else the ledger keeps (paths, evidence) stays here."""
    return dict(_PLAN.dump_python(_PLAN.validate_python(plan)))


def _origins(plan: Mapping[str, Any], given: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, str]]:
    """Where cost and return of each channel come from; what the request says is given."""
    found = {line["channel"]: {name: line[name] for name in ORIGIN if name in line} for line in plan["allocation"]}
    for channel, values in given.items():
        asked = {"cost_is": "given"} if "unit_cost" in values else {}
        found[channel] = found.get(channel, {}) | asked | ({"return_is": "given"} if "unit_return" in values else {})
    return found


def _stored(live: Live) -> PlanRow:
    generation = live.look.profiles.generation.partition(".")[0]  # published again it has an ending
    if live.state.ledger.exists():
        with closing(Ledger(live.state.ledger)) as ledger:
            row = ledger.plan(generation)
        if row is not None:
            return row
    raise Refusal(404, f"cycle {generation} has no budget plan", "`aimloop run` finishes the cycle")


CURRENT = Endpoint("GET", "/plan", "read", TypeAdapter(PlanAnswer), current)
WHAT_IF = Endpoint(
    "POST",
    "/plan",
    "read",
    TypeAdapter(PlanAnswer),
    what_if,
    TypeAdapter(WhatIf),
    {
        "two budgets": {"budgets": [1_000_000, 1_130_000]},
        "less of a channel": {
            "budgets": [1_130_000],
            "changes": [{"channel": "feed", "max_units": 8_000}, {"channel": "search", "fixed_units": 2_000}],
        },
    },
)
