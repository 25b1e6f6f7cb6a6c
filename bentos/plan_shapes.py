"""What is asked about budgets, and what is answered."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from bentos.shapes import AsOf, Request, RequestId

MOST_BUDGETS = 20
MOST_CHANGES = 100
Return = Annotated[
    float, Field(description="Units bought × unit returns, in their unit: money where they come from results.")
]
Money = Annotated[float, Field(description="In the unit of the channels' costs.")]
Words = Annotated[str, Field(description="In words.")]
Span = Annotated[
    list[float] | None, Field(description="Low and high if every return lay at that end; null: not known.")
]
Units = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]


class Part(TypedDict):
    """What goes to one segment, offer or period of a channel."""

    segment: NotRequired[str]
    offer: NotRequired[str]
    period: NotRequired[str]
    units: float
    cost: Money
    expected_return: Return


class Purchase(TypedDict):
    """What to buy of one channel."""

    channel: str
    units: float
    cost: Money
    expected_return: Return
    binds: Annotated[str | None, Field(description="The bound that the units lie at: minimum, maximum or frozen.")]
    cost_is: NotRequired[Annotated[str, Field(description="given, or assumed: an example, not the company's own.")]]
    return_is: NotRequired[
        Annotated[
            str,
            Field(description="given, assumed, from history, or both; attributed where nobody was held back."),
        ]
    ]
    interval: NotRequired[Span]
    parts: NotRequired[list[Part]]


class LimitValue(TypedDict):
    """A limit that binds, and what it is worth."""

    kind: str
    of: str
    amount: float | None
    unit: Literal["cost", "units", "return"]
    words: Words
    more: Annotated[float | None, Field(description="Change of the best return for one unit more; null: no plan then.")]
    less: Annotated[float | None, Field(description="What is lost for one unit less; null: no plan then.")]


class NextStep(TypedDict):
    """Where a part of the next 10,000 goes."""

    channel: str
    segment: str
    offer: str
    period: str
    units: float
    cost: Money
    expected_return: Return
    words: Words


class Comparison(TypedDict):
    """The plan before, under the same assumptions."""

    current_cost: Money
    current_return: Return
    scaled_return: Annotated[
        float, Field(description="After its units were scaled into the budget, if they had to be.")
    ]
    difference: Annotated[float, Field(description="What the best plan returns more.")]
    keep_current: Annotated[bool, Field(description="No plan is better: the one before is kept.")]
    words: Words


class Bought(TypedDict):
    channel: str
    units: float


class Conservative(TypedDict):
    """The best plan if every return lay at its low end."""

    cost: Money
    expected_return: Return
    plan_at_low: Annotated[float | None, Field(description="What the plan proper would then return.")]
    allocation: list[Bought]


class Plan(TypedDict):
    """The best plan for a budget, and why."""

    budget: Money | None
    cost: NotRequired[Money]
    expected_return: NotRequired[Return]
    interval: NotRequired[Span]
    marginal_return: NotRequired[
        Annotated[
            float | None,
            Field(description="What one more unit of budget would add to it; null: not known."),
        ]
    ]
    marginal_less: NotRequired[
        Annotated[float | None, Field(description="What one unit less would take away; null: no plan is left then.")]
    ]
    allocation: NotRequired[list[Purchase]]
    status: NotRequired[Literal["optimal", "best found"]]
    gap: NotRequired[Annotated[float | None, Field(description="How far it may lie below the best, as a share of it.")]]
    values: NotRequired[Annotated[list[LimitValue], Field(description="What binds, the budget first.")]]
    next_money: NotRequired[Annotated[list[NextStep], Field(description="Where the next 10,000 go, best first.")]]
    comparison: NotRequired[Comparison | None]
    conservative: NotRequired[Conservative | None]
    words: NotRequired[Annotated[list[str], Field(description="The whole in sentences.")]]
    infeasible: NotRequired[
        Annotated[str, Field(description="Why there is no plan, and the least that would have to give.")]
    ]


class PlanAnswer(TypedDict):
    """One plan a budget, in the order asked."""

    request_id: RequestId
    as_of: AsOf
    plans: list[Plan]


class Change(Request):
    """Other bounds, cost or return of a channel; what is left out stays."""

    channel: str = Field(min_length=1, max_length=200)
    min_units: Units | None = None
    max_units: Units | None = None
    fixed_units: Units | None = Field(None, description="Exactly so many.")
    unit_cost: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)] | None = None
    unit_return: Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)] | None = Field(
        None, description="Of the first units; segments and the rest of a curve move in proportion."
    )


class WhatIf(Request):
    """Other budgets, and other bounds of channels, for the published cycle."""

    budgets: list[Annotated[float, Field(ge=0.01, le=1e12, allow_inf_nan=False)]] = Field(
        min_length=1, max_length=MOST_BUDGETS, examples=[[1_000_000, 1_130_000]]
    )
    changes: list[Change] = Field(default=[], max_length=MOST_CHANGES)
