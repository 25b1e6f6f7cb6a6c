"""A plan with its reasons: what it buys, what it is better than, what limits it, where the next money would go."""

from dataclasses import dataclass

import pandas as pd

from models.budget.problem import Problem
from models.budget.solution import Interval, LimitValue, Method, Solution


@dataclass(frozen=True, kw_only=True)
class Share:
    """What goes to one channel, segment, offer or period."""

    of: str
    units: float
    cost: float
    expected_return: float
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The plan in force against the best one, under the same assumptions.

    Attributes:
        current_cost, current_return: Of the current plan, as it is.
        broken: Limits that it does not keep, in words with amounts; empty: it is feasible.
        scale: What its units were multiplied by to fit the budgets (1: nothing).
        scaled_return: Its return after scaling, which is what is compared.
        still_broken: Limits that it does not keep even after scaling (a minimum, say).
        difference: Best return − scaled return; never below 0 where the scaled plan keeps all limits.
        keep_current: The best plan is no better than the current, feasible one: keep it.
        words: All of this in a sentence or two.
    """

    current_cost: float
    current_return: float
    broken: tuple[str, ...]
    scale: float
    scaled_return: float
    still_broken: tuple[str, ...]
    difference: float
    keep_current: bool
    words: str


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
    """Everything there is to say about a plan; ``words`` is the whole in sentences."""

    solution: Solution
    channels: tuple[Share, ...]
    segments: tuple[Share, ...]
    offers: tuple[Share, ...]
    periods: tuple[Share, ...]
    comparison: Comparison | None
    conservative: Solution | None
    values: tuple[LimitValue, ...]
    next_money: tuple[NextStep, ...]
    words: tuple[str, ...]


def explain(
    problem: Problem,
    solution: Solution,
    *,
    current: pd.DataFrame | None = None,
    next_money: float = 10_000,
    method: Method | None = None,
) -> Explanation:
    """A solution with its reasons.

    Args:
        problem: What was solved.
        solution: Its solution.
        current: The plan in force: ``channel`` (and segment, offer, period where the problem has them) and ``units``.
        next_money: How much further money to place.
        method: How to solve what must be solved for this.

    Raises:
        BadProblem: ``current`` names something that the problem does not hold.
    """
    raise NotImplementedError


def frontier(problem: Problem, budgets: list[float] | None = None, method: Method | None = None) -> pd.DataFrame:
    """Best return for other budgets: ``budget``, ``cost``, ``expected_return``, ``low``, ``high``, ``marginal_return``.

    Without ``budgets``: the least feasible, the problem's own, what can be spent at most, and evenly between (21 rows).
    Budgets that no plan fits have empty cells. It is concave: each row's marginal return is at most that before it.
    """
    raise NotImplementedError
