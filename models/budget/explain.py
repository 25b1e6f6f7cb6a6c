"""A plan with its reasons: what it buys, what it is better than, what limits it, where the next money would go."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.budget import words
from models.budget.arrays import Floats
from models.budget.built import Built, prepare
from models.budget.current import KEYS, Comparison, compare
from models.budget.problem import Problem
from models.budget.solution import Interval, LimitValue, Method, Solution
from models.budget.solve import interval, limits, solve, solve_built
from models.errors import Infeasible, SolverFailed

SMALL = 1e-6  # relative to the step: less than this is moved by rounding


@dataclass(frozen=True, kw_only=True)
class Share:
    """What goes to one channel, segment, offer or period."""

    of: str
    units: float
    cost: float
    expected_return: float
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """Where a further part of the next money goes, and why."""

    cost: float
    units: float
    expected_return: float
    channel: str
    segment: str
    offer: str
    period: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Everything there is to say about a plan.

    Attributes:
        solution: The plan to buy, and ``units`` of it: the current plan's where none is better, with its limits.
        channels, segments, offers, periods: What goes where.
        comparison: With the current plan, where one was given.
        conservative: The best plan if every return lay at the low end of its interval, and ``at_low`` what the plan
            proper would then return; ``None`` where returns have no intervals.
        not_conservative: Why there is no conservative plan though returns have intervals: limits that no plan keeps
            at the low end, or time.
        next_money: Where the next money goes, the best first; what it moves away from comes last, with units below 0.
        words: The whole in sentences.
    """

    solution: Solution
    units: Floats
    channels: tuple[Share, ...]
    segments: tuple[Share, ...]
    offers: tuple[Share, ...]
    periods: tuple[Share, ...]
    comparison: Comparison | None
    conservative: Solution | None
    at_low: float | None
    not_conservative: str | None
    values: tuple[LimitValue, ...]
    next_money: tuple[NextStep, ...]
    words: tuple[str, ...]


def explain(
    problem: Problem,
    solution: Solution | None = None,
    *,
    current: pd.DataFrame | None = None,
    next_money: float = 10_000,
    method: Method | None = None,
) -> Explanation:
    """A plan with its reasons.

    Args:
        problem: What is planned.
        solution: Its solution, where it is solved already.
        current: The plan in force: ``channel`` (and segment, offer, period where it tells them apart) and ``units``.
        next_money: How much further money to place.
        method: How to solve.

    Raises:
        BadProblem: ``current`` names something that the problem does not hold; and what `solve` raises.
    """
    method = method or Method()
    built = prepare(problem)
    solution = solution or solve_built(built, method)
    comparison = None if current is None else compare(built, solution, current, method)
    if comparison is not None and comparison.keep_current:
        solution = _kept(built, solution, comparison.units)
    units = solution.units
    cautious = low_problem(built.problem)
    conservative, not_conservative = _conservative(cautious, method)
    at_low = None if cautious is None else float(cautious.activities["unit_return"].to_numpy(float) @ units)
    shares = {key: shares_of(built.problem, units, key) for key in KEYS}
    steps = next_steps(built, units, next_money, method)
    explanation = Explanation(
        solution=solution,
        units=units,
        channels=shares["channel"],
        segments=shares["segment"],
        offers=shares["offer"],
        periods=shares["period"],
        comparison=comparison,
        conservative=conservative,
        at_low=at_low,
        not_conservative=not_conservative,
        values=solution.values,
        next_money=steps,
        words=(),
    )
    return replace(explanation, words=tuple(words.sentences(explanation)))


def _conservative(cautious: Problem | None, method: Method) -> tuple[Solution | None, str | None]:
    """The best plan at the low end, or why there is none: the plan proper stands whatever becomes of this one."""
    if cautious is None:
        return None, None
    try:
        return solve(cautious, method), None
    except (Infeasible, SolverFailed) as reason:
        return None, str(reason)


def _kept(built: Built, best: Solution, units: Floats) -> Solution:
    """The current plan as a solution. What is worth something binds in every best plan; what is worth nothing may not
    bind in this one.
    """
    frame, stand = built.problem.activities, limits(built.form, units)
    there = {limit.words: limit for limit in stand}
    moved = [replace(value, limit=there.get(value.limit.words, value.limit)) for value in best.values]
    values = tuple(value for value in moved if value.limit.binds)
    return replace(
        best,
        units=units,
        cost=float(built.form.costs @ units),
        expected_return=float(built.form.returns @ units),
        interval=interval(units, frame["unit_return_low"].to_numpy(), frame["unit_return_high"].to_numpy()),
        marginal=next((value for value in values if value.limit.kind == "budget"), None),
        values=values,
        limits=stand,
    )


def shares_of(problem: Problem, units: Floats, key: str) -> tuple[Share, ...]:
    """What goes to each channel (or segment, offer, period), in the order of the activities."""
    frame = problem.activities
    columns = {"units": np.ones(len(frame)), "cost": frame["unit_cost"], "gain": frame["unit_return"]}
    columns |= {"low": frame["unit_return_low"], "high": frame["unit_return_high"]}
    bought = units > 0
    code, names = pd.factorize(frame[key].astype(str))
    sums = {
        name: np.bincount(code, weights=np.where(bought, np.asarray(column, float) * units, 0.0))
        for name, column in columns.items()
    }
    return tuple(
        Share(
            of=str(name),
            units=float(sums["units"][i]),
            cost=float(sums["cost"][i]),
            expected_return=float(sums["gain"][i]),
            interval=None
            if np.isnan(sums["low"][i] + sums["high"][i])
            else Interval(low=float(sums["low"][i]), high=float(sums["high"][i])),
        )
        for i, name in enumerate(names)
    )


def low_problem(problem: Problem) -> Problem | None:
    """The problem with every return at the low end of its interval; ``None`` where none has an interval."""
    frame = problem.activities
    low = frame["unit_return_low"]
    if low.isna().all():
        return None
    low = low.fillna(frame["unit_return"])
    if frame["piece"].any():  # an interval may widen along a curve; its low end must still be concave
        ordered = frame.sort_values("piece", kind="stable").index
        low = low.loc[ordered].groupby([frame[key].loc[ordered] for key in KEYS], observed=True).cummin().sort_index()
    return replace(problem, activities=frame.assign(unit_return=low, unit_return_low=np.nan, unit_return_high=np.nan))


def next_steps(built: Built, bought: Floats, money: float, method: Method) -> tuple[NextStep, ...]:
    """What the best plan with so much more money buys beyond ``bought``, the best return for the money first.

    Empty where there is no budget, or no time to find it.
    """
    if not np.isfinite(built.problem.budget):
        return ()
    try:
        more = solve_built(built.with_budget(built.problem.budget + money), method, budget_alone=True)
    except SolverFailed:
        if method.seconds is None:
            raise
        return ()
    frame = built.problem.activities
    units = more.units - bought
    costs = units * frame["unit_cost"].to_numpy(float)
    rows = np.flatnonzero(np.abs(costs) > SMALL * money)
    moved = pd.DataFrame({"units": units[rows], "cost": costs[rows]})
    moved["gain"] = units[rows] * frame["unit_return"].to_numpy(float)[rows]
    moved = moved.groupby([frame[key].astype(str).to_numpy()[rows] for key in KEYS]).sum()
    names = moved.index.tolist()
    steps = [
        NextStep(
            cost=cost,
            units=n,
            expected_return=gain,
            channel=name[0],
            segment=name[1],
            offer=name[2],
            period=name[3],
            words=words.step(name, cost, n, gain / cost, money),
        )
        for name, (n, cost, gain) in zip(names, moved.to_numpy(float).tolist(), strict=True)
        if abs(cost) > SMALL * money  # between pieces of one activity nothing moves
    ]
    return tuple(sorted(steps, key=lambda step: (step.units < 0, -step.expected_return / step.cost)))
