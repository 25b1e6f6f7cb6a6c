"""What must hold of a random budget problem: each function says what does not, so that nothing said is good."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from models.budget.built import prepare
from models.budget.current import compare
from models.budget.explain import explain
from models.budget.frontier import frontier
from models.budget.problem import Problem
from models.budget.solution import LimitValue, Method, Solution
from models.budget.solve import solve, solve_built
from models.errors import Infeasible
from tests.budget_problems import EVERY, beside_large_spend, best_corner, plain_limits, random_problem, small_problem

BOTH = (Method(solver="highs"), Method(solver="cbc"))
STEP = 1e-3  # of finite differences; amounts are whole numbers, so a kink within it is rare


class NoExample(Exception):
    """The seed's problem has no plan, so that there is nothing to judge."""


def faults(judge: Callable[[int], Iterator[str]], count: int) -> tuple[int, list[str]]:
    """The first so many examples of a judge: how many are good, and what is wrong with the others."""
    good, examples, wrong = 0, 0, []
    for seed in itertools.count():
        if examples == count:
            return good, wrong
        try:
            found = list(judge(seed))
        except NoExample:
            continue
        examples += 1
        good += not found
        wrong += found
    raise AssertionError


def differs_from_brute_force(seed: int) -> Iterator[str]:
    problem = small_problem(np.random.default_rng(seed))
    best = best_corner(problem)
    for method in BOTH:
        found = _return(problem, method)
        if (found is None) != (best is None) or not _equal(found or 0.0, best or 0.0):
            yield f"seed {seed}, {method.solver}: returns {found}, the best corner {best}"


def differs_beside_large_spend(seed: int, methods: Sequence[Method] = BOTH) -> Iterator[str]:
    """Whole batches of tens beside millions: what is small for the whole is not small for them."""
    problem, best = beside_large_spend(np.random.default_rng(seed))
    for method in methods:
        solution = solve(problem, method)
        if abs(solution.expected_return - best) > 1e-4 or solution.cost > problem.budget:
            wrong = f"returns {solution.expected_return} for {solution.cost}"
            yield f"seed {seed}, {method.solver}: {wrong}, best {best} for {problem.budget}"


def breaks_rules_of_programmes(seed: int) -> Iterator[str]:
    """Primal feasible, no duality gap, both solvers agree in return and values, values are finite differences."""
    problem = random_problem(np.random.default_rng(seed))
    if _return(problem, BOTH[0]) is None:
        if _return(problem, BOTH[1]) is None:
            raise NoExample
        yield f"seed {seed}: infeasible for HiGHS alone"
        return
    first, second = (solve(problem, method) for method in BOTH)
    for solution in (first, second):
        for fault in [*_off_limits(problem, solution.units), *([] if solution.gap < 1e-6 else [f"gap {solution.gap}"])]:
            yield f"seed {seed}, {solution.solver}: {fault}"
        if solution.cost > problem.budget:
            yield f"seed {seed}, {solution.solver}: costs {solution.cost - problem.budget} more than the budget"
    if not _equal(first.expected_return, second.expected_return):
        yield f"seed {seed}: {first.expected_return} by HiGHS, {second.expected_return} by CBC"
    theirs = {value.limit.words: value for value in second.values}
    for value in first.values:
        other = theirs.get(value.limit.words, value)
        if not (_same(value.more, other.more) and _same(value.less, other.less)):
            yield f"seed {seed}: {value} by HiGHS, {other} by CBC"
        yield from (f"seed {seed}: {fault}" for fault in _off_differences(problem, first, value))


def differs_from_solving_anew(seed: int) -> Iterator[str]:
    """What is built for one budget and used for others (the frontier, the next money) against problems built anew."""
    problem = random_problem(np.random.default_rng(seed))
    if (own := _return(problem, BOTH[0])) is None:
        raise NoExample
    budgets = [problem.budget * factor for factor in (0.5, 3, 1000)]
    for row in frontier(problem, budgets).to_dict("records"):
        anew, found = _return(replace(problem, budget=row["budget"]), BOTH[0]), row["expected_return"]
        if (anew is None) != np.isnan(found) or (anew is not None and not _equal(found, anew)):
            yield f"seed {seed}: the frontier says {found} for {row['budget']}, solving anew {anew}"
    money = 10 * problem.budget
    gained = sum(step.expected_return for step in explain(problem, next_money=money).next_money)
    anew = _return(replace(problem, budget=problem.budget + money), BOTH[0])
    if anew is None or not _equal(own + gained, anew):
        yield f"seed {seed}: the next {money} bring {gained}, solving anew {anew} in place of {own}"


def is_worse_than_current(seed: int) -> Iterator[str]:
    """Against a random feasible current plan, and against the same with its units multiplied."""
    rng = np.random.default_rng(seed)
    problem = replace(random_problem(rng), min_roi=None)
    problem = replace(problem, channels=problem.channels.drop(columns="min_return", errors="ignore"))
    current = _feasible_plan(problem, rng)
    if current is None:
        raise NoExample
    built = prepare(problem)
    solution = solve_built(built)
    if solution.cost > problem.budget:
        yield f"seed {seed}: costs more than the budget"
    same = compare(built, solution, current, BOTH[0])
    if same.broken:
        yield f"seed {seed}: a feasible plan breaks {same.broken}"
    if solution.expected_return < same.scaled_return - 1e-9 * max(1.0, abs(same.scaled_return)):
        yield f"seed {seed}: worse by {same.scaled_return - solution.expected_return}"  # `difference` is 0 where kept
    own = compare(built, solution, _units(problem, solution.units), BOTH[0])
    if not own.keep_current:
        yield f"seed {seed}: the best plan as current one is not kept: {own.words}"
    more = compare(built, solution, current.assign(units=current["units"] * rng.uniform(2, 5)), BOTH[0])
    is_over = more.current_cost > problem.budget * (1 + 1e-6)
    if is_over and not any("in total" in words for words in more.broken):
        yield f"seed {seed}: {more.current_cost} are not named as above {problem.budget}"
    if not more.still_broken and more.difference < -1e-9 * max(1, abs(more.scaled_return)):
        yield f"seed {seed}: worse than the scaled plan by {-more.difference}"


def _return(problem: Problem, method: Method) -> float | None:
    try:
        return solve(problem, method).expected_return
    except Infeasible:
        return None


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-6 * max(1.0, abs(a), abs(b))


def _same(a: float | None, b: float | None) -> bool:
    return (a is None) == (b is None) and _equal(a or 0.0, b or 0.0)


def _off_limits(problem: Problem, units: np.ndarray) -> Iterator[str]:
    for coefficients, low, high in plain_limits(problem):
        used = float(np.array(coefficients) @ units)
        if not low - 1e-7 <= used <= high + 1e-7:
            yield f"{used} is not between {low} and {high}"


def _off_differences(problem: Problem, solution: Solution, value: LimitValue) -> Iterator[str]:
    for step, side in ((STEP, value.more), (-STEP, value.less)):
        moved = _moved(problem, value, step)
        if moved is None:
            return
        there = _return(moved, BOTH[0])
        if (there is None) != (side is None):
            yield f"'{value.limit.words}' moved by {step}: {there}, but its value is {side}"
        elif there is not None and side is not None:
            slope = (there - solution.expected_return) / step
            if abs(slope - side) > 1e-5:
                yield f"'{value.limit.words}' moved by {step}: slope {slope}, value {side}"


def _moved(problem: Problem, value: LimitValue, step: float) -> Problem | None:
    """The problem with one limit moved; of the kinds that lie in a cell of their own."""
    kind, of = value.limit.kind, value.limit.of
    if kind == "budget":
        return replace(problem, budget=problem.budget + step)
    if kind == "period budget":
        return replace(problem, periods=_with_step(problem.periods, "period", of, "budget", step))
    columns = {"channel minimum": "min_units", "channel maximum": "max_units", "channel frozen": "fixed_units"}
    if kind not in columns:
        return None
    held = problem.channels[problem.channels["channel"] == of].iloc[0]
    if held[columns[kind]] + step < 0 or (kind != "channel frozen" and held["min_units"] == held["max_units"]):
        return None  # no units below 0; and the one bound cannot move without the other
    return replace(problem, channels=_with_step(problem.channels, "channel", of, columns[kind], step))


def _with_step(frame: pd.DataFrame, key: str, name: str, column: str, step: float) -> pd.DataFrame:
    return frame.assign(**{column: frame[column] + np.where(frame[key] == name, step, 0.0)})


def _feasible_plan(problem: Problem, rng: np.random.Generator) -> pd.DataFrame | None:
    """A mix of plans that are best for other returns."""
    parts = []
    frame = problem.activities
    for _ in range(2):
        factor = pd.Series(rng.uniform(0, 2, len(frame))).groupby([frame[key] for key in EVERY]).transform("first")
        try:
            parts.append(
                solve(replace(problem, activities=frame.assign(unit_return=frame["unit_return"] * factor))).units
            )
        except Infeasible:
            return None
    share = rng.uniform()
    return _units(problem, share * parts[0] + (1 - share) * parts[1])


def _units(problem: Problem, units: np.ndarray) -> pd.DataFrame:
    return problem.activities.assign(units=units).groupby(list(EVERY), as_index=False)["units"].sum()
