"""What solving gives: how much of what, what it returns, what each limit is worth.

Values of limits are the same whichever solver found the plan: *how the best return changes when the limit is raised*. A
cap that binds is worth something (``more`` ≥ 0), a floor that binds costs something (``more`` ≤ 0). Best return is
concave in a limit and has kinks; at a kink the two sides differ, and no single number is right:

* ``more`` is the right derivative: what the best return gains for each unit that the limit is raised, at the margin;
  ``None`` where raising leaves no plan (a floor that nothing more can be done for);
* ``less`` is the left derivative: what it loses for each unit that the limit is lowered; ``None`` where lowering leaves
  no plan (a budget that just pays the minimum units);
* ``more`` ≤ ``less``; away from kinks they are equal, and equal to what is called the dual value.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SolverName = Literal["highs", "cbc"]
Kind = Literal[
    "budget",
    "period budget",
    "channel minimum",
    "channel maximum",
    "channel frozen",
    "channel contribution",
    "reach",
    "contact limit",
    "segment floor",
    "rule",
    "roi",
    "batches",
]
Sense = Literal["at most", "at least", "exactly"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """How to solve: the solver, and how long it may take; without ``seconds`` it takes as long as it needs."""

    solver: SolverName = "highs"
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit of the problem, in words, and how it stands under a plan.

    Attributes:
        kind: What it is about; ``of`` names the channel, segment … ("search", "young · spring").
        sense: Whether ``amount`` is the most, the least, or exactly so much.
        amount: In ``unit``: money, units, or return. A share or an ROI is a limit on a difference, and its amount is 0.
        used: What the plan has of it.
        words: "spend at most 1,130,000 in total".
    """

    kind: Kind
    of: str
    sense: Sense
    amount: float
    unit: Literal["cost", "units", "return"]
    words: str
    used: float = 0.0
    binds: bool = False


@dataclass(frozen=True, kw_only=True)
class LimitValue:
    """A limit that binds and what it is worth, see the module."""

    limit: Limit
    more: float | None
    less: float | None


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Return if every input lay at the low, or at the high end of its interval: wider than if they erred apart."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Solution:
    """A plan for a problem.

    Attributes:
        status: "optimal", or "best found" where time ran out first.
        gap: How far the return may at most lie below the best, as a share of the best; about 0 when optimal.
        units: Units of each row of the problem's activities, in their order.
        cost, expected_return: Of the plan; ``interval`` where every activity's return has one.
        marginal: The budget's value; ``None``: there is no budget for everything together, it does not bind, or (of
            a "best found" plan) its value is not known.
        values: Limits that bind, the budget first; with integer batches, for the batches as they were chosen.
        limits: All limits as they stand.
        is_in_batches: Some channel is sold in whole batches.
        pruned: How many activities could not be in any best plan, and were left out before solving.
    """

    status: Literal["optimal", "best found"]
    gap: float
    units: NDArray[np.float64]
    cost: float
    expected_return: float
    interval: Interval | None
    marginal: LimitValue | None
    values: tuple[LimitValue, ...]
    limits: tuple[Limit, ...]
    is_in_batches: bool
    solver: SolverName
    variables: int
    pruned: int
    build_seconds: float
    solve_seconds: float
