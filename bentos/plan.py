"""The budget plan of the published cycle, and what other budgets would bring."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any, NotRequired

import pandas as pd
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from bentos.endpoint import Asked, Endpoint, Refusal
from bentos.live import Live
from bentos.shapes import AsOf, Request, RequestId
from infra.contracts import Channels
from infra.ledger import Ledger
from infra.ledger_rows import PlanRow
from models import budget
from models.budget import Params
from models.errors import NoPlan

MOST_BUDGETS = 20
Return = Annotated[
    float, Field(description="Units bought × the channels' unit_return, as assumed in channels.csv, whose unit it has.")
]
Money = Annotated[float, Field(description="In the unit of the channels' costs.")]


class Purchase(TypedDict):
    """What to buy of one channel."""

    channel: str
    units: float
    cost: Money
    expected_return: Return
    binds: Annotated[str | None, Field(description="The bound that the units lie at: minimum or maximum.")]


class Plan(TypedDict):
    """The best plan for a budget."""

    budget: Money
    cost: NotRequired[Money]
    expected_return: NotRequired[Return]
    marginal_return: NotRequired[Annotated[float, Field(description="What one more unit of budget would add to it.")]]
    allocation: NotRequired[list[Purchase]]
    infeasible: NotRequired[Annotated[str, Field(description="Why there is no plan for this budget.")]]


class PlanAnswer(TypedDict):
    """One plan a budget, in the order asked."""

    request_id: RequestId
    as_of: AsOf
    plans: list[Plan]


class WhatIf(Request):
    """Other budgets, for the channels of the published cycle."""

    budgets: list[Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]] = Field(
        min_length=1, max_length=MOST_BUDGETS, examples=[[1_000_000, 1_130_000]]
    )


def current(live: Live, _: None, asked: Asked) -> dict[str, Any]:
    """The budget plan of the cycle whose profiles are published."""
    row = _stored(live)
    return {"request_id": asked.request_id, "as_of": live.look.profiles.as_of, "plans": [row.plan]}


def what_if(live: Live, request: WhatIf, asked: Asked) -> dict[str, Any]:
    """What the best plan would be for other budgets; nothing is changed by asking."""
    inputs = _stored(live).inputs
    plans = [_planned(inputs, amount) for amount in request.budgets]
    return {"request_id": asked.request_id, "as_of": live.look.profiles.as_of, "plans": plans}


def _planned(inputs: Mapping[str, Any], amount: float) -> dict[str, Any]:
    channels = Channels.validate(pd.DataFrame(inputs["channels"]))
    try:
        return asdict(budget.plan(channels, Params(budget=amount, solver=inputs["solver"])))
    except NoPlan as reason:
        return {"budget": amount, "infeasible": str(reason)}


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
    {"two budgets": {"budgets": [1_000_000, 1_130_000]}},
)
