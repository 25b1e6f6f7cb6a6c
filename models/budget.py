"""Budget: which channels to buy in the next cycle, as a linear programme.

maximise Σ return·units subject to Σ cost·units ≤ budget and minimum ≤ units ≤ maximum per channel.
"""

from dataclasses import dataclass
from typing import Literal

import pulp
from pandera.typing.pandas import DataFrame

from infra.contracts import Channels
from models.errors import Infeasible

Solver = Literal["highs", "cbc"]


@dataclass(frozen=True, kw_only=True)
class Params:
    """Budget in the unit of the channels' costs, and which solver PuLP calls."""

    budget: float
    solver: Solver = "highs"


@dataclass(frozen=True)
class Purchase:
    """What to buy of one channel."""

    channel: str
    units: float
    cost: float
    expected_return: float
    binds: str | None


@dataclass(frozen=True)
class Plan:
    """The best plan, and what one more unit of budget would return (the budget's dual value)."""

    budget: float
    cost: float
    expected_return: float
    marginal_return: float
    allocation: tuple[Purchase, ...]


def plan(channels: DataFrame[Channels], params: Params) -> Plan:
    """Solve the programme.

    Raises:
        Infeasible: the minimum units cost more than the budget, or a minimum exceeds its maximum.
    """
    _refuse_infeasible(channels, params)
    # Minimised, so that both solvers give dual values the same sign (HiGHS turns it when maximising).
    problem = pulp.LpProblem("budget", pulp.LpMinimize)
    units = [
        pulp.LpVariable(f"units_{i}", row.min_units, row.max_units)
        for i, row in enumerate(channels.itertuples(index=False))
    ]
    problem += -pulp.lpDot(channels["unit_return"].tolist(), units)
    problem += pulp.lpDot(channels["unit_cost"].tolist(), units) <= params.budget, "budget"
    problem.solve(_solver(params.solver))
    if pulp.LpStatus[problem.status] != "Optimal":
        raise Infeasible(f"the solver {params.solver} ended with '{pulp.LpStatus[problem.status]}'")
    allocation = tuple(
        _purchase(row, unit.value()) for row, unit in zip(channels.to_dict("records"), units, strict=True)
    )
    return Plan(
        budget=params.budget,
        cost=sum(p.cost for p in allocation),
        expected_return=sum(p.expected_return for p in allocation),
        marginal_return=-problem.constraints["budget"].pi + 0.0,
        allocation=allocation,
    )


def _refuse_infeasible(channels: DataFrame[Channels], params: Params) -> None:
    crossed = channels[channels["min_units"] > channels["max_units"]]
    if len(crossed):
        row = crossed.iloc[0]
        raise Infeasible(f"channel '{row.channel}': minimum {row.min_units:g} above maximum {row.max_units:g} units")
    least = float((channels["min_units"] * channels["unit_cost"]).sum())
    if least > params.budget:
        raise Infeasible(
            f"the channels' minimum units cost {least:,.2f}, the budget is {params.budget:,.2f}: "
            f"{least - params.budget:,.2f} are missing"
        )


def _solver(name: Solver) -> pulp.LpSolver:
    return pulp.HiGHS(msg=False) if name == "highs" else pulp.PULP_CBC_CMD(msg=False)


def _purchase(channel: dict[str, float | str], units: float) -> Purchase:
    low, high = float(channel["min_units"]), float(channel["max_units"])
    tolerance = 1e-7 * max(1.0, high)
    binds = "minimum" if units <= low + tolerance else "maximum" if units >= high - tolerance else None
    return Purchase(
        channel=str(channel["channel"]),
        units=units,
        cost=units * float(channel["unit_cost"]),
        expected_return=units * float(channel["unit_return"]),
        binds=binds,
    )
