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

TOLERANCE = 1e-9  # relative: what rounding may add to a sum of costs


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
    least = _refuse_infeasible(channels, params)
    # Minimised, so that both solvers give dual values the same sign (HiGHS turns it when maximising).
    problem = pulp.LpProblem("budget", pulp.LpMinimize)
    units = [
        pulp.LpVariable(f"units_{i}", row.min_units, row.max_units)
        for i, row in enumerate(channels.itertuples(index=False))
    ]
    problem += -pulp.lpDot(channels["unit_return"].tolist(), units)
    problem += pulp.lpDot(channels["unit_cost"].tolist(), units) <= max(params.budget, least), "budget"
    problem.solve(_solver(params.solver))
    if pulp.LpStatus[problem.status] != "Optimal":
        raise Infeasible(f"the solver {params.solver} ended with '{pulp.LpStatus[problem.status]}'")
    bought = _exact_units(channels, [float(unit.value()) for unit in units], params.budget)
    allocation = tuple(_purchase(row, n) for row, n in zip(channels.to_dict("records"), bought, strict=True))
    return Plan(
        budget=params.budget,
        cost=sum(p.cost for p in allocation),
        expected_return=sum(p.expected_return for p in allocation),
        marginal_return=-problem.constraints["budget"].pi + 0.0,
        allocation=allocation,
    )


def _refuse_infeasible(channels: DataFrame[Channels], params: Params) -> float:
    """What the minimum units cost; rounding may put it a hair above a budget that just pays them."""
    crossed = channels[channels["min_units"] > channels["max_units"]]
    if len(crossed):
        row = crossed.iloc[0]
        raise Infeasible(f"channel '{row.channel}': minimum {row.min_units:g} above maximum {row.max_units:g} units")
    least = float((channels["min_units"] * channels["unit_cost"]).sum())
    if least > params.budget * (1 + TOLERANCE):
        raise Infeasible(
            f"the channels' minimum units cost {least:,.2f}, the budget is {params.budget:,.2f}: "
            f"{least - params.budget:,.2f} are missing"
        )
    return least


def _exact_units(channels: DataFrame[Channels], units: list[float], budget: float) -> list[float]:
    """The solution without the solver's rounding (CBC writes eight digits): bounds exact, budget kept.

    In a basic optimal solution all channels but one lie at a bound; that one gets what the others leave.
    """
    bounds = list(zip(channels["min_units"], channels["max_units"], strict=True))
    exact = [
        low if _is_close(n, low) else high if _is_close(n, high) else n
        for n, (low, high) in zip(units, bounds, strict=True)
    ]
    between = [i for i, (n, (low, high)) in enumerate(zip(exact, bounds, strict=True)) if low < n < high]
    cost = channels["unit_cost"].tolist()
    if len(between) == 1:
        (i,) = between
        rest = budget - sum(c * n for j, (c, n) in enumerate(zip(cost, exact, strict=True)) if j != i)
        exact[i] = min(max(rest / cost[i], bounds[i][0]), bounds[i][1])
    return [float(n) for n in exact]


def _is_close(units: float, bound: float) -> bool:
    return abs(units - bound) <= 1e-7 * max(1.0, abs(bound))


def _solver(name: Solver) -> pulp.LpSolver:
    return pulp.HiGHS(msg=False) if name == "highs" else pulp.PULP_CBC_CMD(msg=False)


def _purchase(channel: dict[str, float | str], units: float) -> Purchase:
    at = {"minimum": float(channel["min_units"]), "maximum": float(channel["max_units"])}
    binds = next((name for name, bound in at.items() if units == bound), None)
    return Purchase(
        channel=str(channel["channel"]),
        units=units,
        cost=units * float(channel["unit_cost"]),
        expected_return=units * float(channel["unit_return"]),
        binds=binds,
    )
