"""Best return against budget: what more or less money would bring."""

from dataclasses import replace

import numpy as np
import pandas as pd

from models.budget.built import Built, prepare
from models.budget.problem import Problem
from models.budget.solution import Method, Solution
from models.budget.solve import solve, solve_built
from models.errors import Infeasible, SolverFailed, Unbounded

ROWS = 21
BEYOND = 2.0  # where nothing ends the return, the frontier goes to so many times the budget


def frontier(problem: Problem, budgets: list[float] | None = None, method: Method | None = None) -> pd.DataFrame:
    """Best return for other budgets: ``budget``, ``cost``, ``expected_return``, ``low``, ``high``, ``marginal_return``,
    and ``status``: "optimal", "best found" where time ran out, "none" where it found nothing, "infeasible".

    Without ``budgets``: 21 rows evenly from the least feasible to the most that can be spent with a gain, and the
    problem's own. Budgets that no plan fits, and what is not known for want of time, have empty cells. Without batches
    it is concave: no row's marginal return (the right derivative) is above that of a row before it.

    Raises:
        BadProblem, SolverFailed: see `solve`.
        Infeasible: no budget at all is enough.
    """
    method = method or Method()
    chosen = np.array(budgets, dtype=float) if budgets is not None else _budgets(problem, method)
    largest = float(chosen.max(initial=0.0))
    built = prepare(problem if np.isfinite(problem.budget) else replace(problem, budget=largest))
    return pd.DataFrame([_row(built, float(budget), method) for budget in chosen])


def least_budget(problem: Problem, method: Method | None = None) -> float:
    """What a plan that keeps all limits costs at least.

    Raises:
        Infeasible: no budget is enough.
    """
    frame = problem.activities.drop(columns=["unit_return_low", "unit_return_high"], errors="ignore")
    cheap = frame.assign(unit_return=-frame["unit_cost"])
    free = replace(problem, activities=cheap, budget=np.inf)
    needs_return = problem.min_roi is not None or _has_contribution(problem)
    return solve(free, method).cost if not needs_return else _least_with_returns(problem, method)


def _has_contribution(problem: Problem) -> bool:
    channels = problem.channels
    has_floor = channels is not None and "min_return" in channels and bool(channels["min_return"].notna().any())
    return has_floor or any(rule.measure == "return" for rule in problem.rules)


def _least_with_returns(problem: Problem, method: Method | None) -> float:
    """Where limits speak of returns, costs cannot take their place: the elastic model finds the missing money."""
    from models.budget.infeasible import conflict

    found = conflict(replace(problem, budget=0.0), method)
    if found is None:
        return 0.0
    if found.changes and found.changes[0].limit.kind == "budget":
        return found.changes[0].by
    raise Infeasible(found.words)


def _budgets(problem: Problem, method: Method) -> np.ndarray:
    least = least_budget(problem, method)
    own = [problem.budget] if np.isfinite(problem.budget) else []
    try:
        most = solve(replace(problem, budget=np.inf), method).cost
    except Unbounded:
        most = BEYOND * max([least, *own])
    return np.unique(np.array([*np.linspace(least, max(most, least), ROWS), *(b for b in own if b >= least)]))


def marginal_return(solution: Solution) -> float | None:
    """What one more unit of budget returns: 0 where the budget does not bind, ``None`` where time ran out."""
    if solution.marginal is not None:
        return solution.marginal.more
    return 0.0 if solution.status == "optimal" else None


def _row(built: Built, budget: float, method: Method) -> dict[str, float | str | None]:
    nothing = float("nan")
    row: dict[str, float | str | None] = {"budget": budget}
    try:
        solution = solve_built(built.with_budget(budget), method, budget_alone=True)
    except (Infeasible, SolverFailed) as error:
        if isinstance(error, SolverFailed) and method.seconds is None:
            raise
        names = ("cost", "expected_return", "low", "high", "marginal_return")
        return row | dict.fromkeys(names, nothing) | {"status": "infeasible" if type(error) is Infeasible else "none"}
    span = solution.interval
    return row | {
        "cost": solution.cost,
        "expected_return": solution.expected_return,
        "low": nothing if span is None else span.low,
        "high": nothing if span is None else span.high,
        "marginal_return": nothing if (more := marginal_return(solution)) is None else more,
        "status": solution.status,
    }
