"""Why no plan fits, and the least that would have to give: the elastic model, in words."""

from dataclasses import dataclass

from models.budget.problem import Problem
from models.budget.solution import Limit, Method


@dataclass(frozen=True, kw_only=True)
class Relaxed:
    """A limit that has to give, and by how much in its unit."""

    limit: Limit
    by: float
    words: str


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """No plan keeps all limits.

    Attributes:
        changes: The smallest set of limits that, relaxed by these amounts, leaves a plan.
        alternatives: Other single limits that would do as well by themselves.
        words: "the minimum units cost 485,000.00, the budget is 300,000.00: 185,000.00 are missing; or lower …".
    """

    changes: tuple[Relaxed, ...]
    alternatives: tuple[Relaxed, ...]
    words: str


def conflict(problem: Problem, method: Method | None = None) -> Conflict | None:
    """The smallest set of limits to relax; ``None`` when the problem has a plan."""
    raise NotImplementedError
