"""The plan of a table of channels and a budget: the simplest problem, and what the cycle plans with.

maximise Σ return·units subject to Σ cost·units ≤ budget and minimum ≤ units ≤ maximum per channel.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.contracts import Channels
from models.budget.problem import Problem, of_channels
from models.budget.solution import Method, Solution, SolverName
from models.budget.solve import solve

Solver = SolverName
CLOSE = 1e-9  # relative: units so near a bound lie at it


@dataclass(frozen=True, kw_only=True)
class Params:
    """Budget in the unit of the channels' costs, which solver is called, and for how long at most."""

    budget: float
    solver: Solver = "highs"
    seconds: float | None = None


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
    """The best plan, and what one more unit of budget would return (the right derivative at a kink)."""

    budget: float
    cost: float
    expected_return: float
    marginal_return: float
    allocation: tuple[Purchase, ...]


def plan(channels: DataFrame[Channels], params: Params) -> Plan:
    """Solve the programme.

    Raises:
        BadProblem: the table holds what it may not.
        Infeasible: the minimum units cost more than the budget, or a minimum exceeds its maximum.
        SolverFailed: the solver is missing or ended without a plan.
    """
    problem = of_channels(channels, params.budget)
    return of_solution(problem, solve(problem, Method(solver=params.solver, seconds=params.seconds)))


def of_solution(problem: Problem, solution: Solution) -> Plan:
    """A solution summed by channel; a channel without bounds has 0 and infinity."""
    frame = problem.activities
    units, costs, returns = (
        pd.Series(solution.units * each).groupby(frame["channel"], sort=False, observed=True).sum()
        for each in (1.0, frame["unit_cost"].to_numpy(float), frame["unit_return"].to_numpy(float))
    )
    least, most = _bounds(problem, "min_units", 0.0), _bounds(problem, "max_units", float("inf"))
    allocation = tuple(
        _purchase(str(channel), n, cost, gain, {"minimum": least[str(channel)], "maximum": most[str(channel)]})
        for channel, n, cost, gain in zip(units.index, units, costs, returns, strict=True)
    )
    marginal = solution.marginal.more if solution.marginal is not None else 0.0
    return Plan(
        budget=problem.budget,
        cost=solution.cost,
        expected_return=solution.expected_return,
        marginal_return=marginal or 0.0,
        allocation=allocation,
    )


def _bounds(problem: Problem, column: str, default: float) -> dict[str, float]:
    bounds = dict.fromkeys(problem.activities["channel"].astype(str), default)
    frame = problem.channels
    if frame is not None and column in frame:
        bounds |= dict(zip(frame["channel"].astype(str), frame[column].astype(float), strict=True))
    return bounds


def _purchase(channel: str, units: float, cost: float, gain: float, bounds: dict[str, float]) -> Purchase:
    binds = next((name for name, bound in bounds.items() if np.isclose(units, bound, rtol=CLOSE, atol=CLOSE)), None)
    exact = units if binds is None else bounds[binds]
    return Purchase(channel=channel, units=float(exact), cost=float(cost), expected_return=float(gain), binds=binds)
