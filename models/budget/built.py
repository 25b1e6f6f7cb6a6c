"""A problem as arrays, with what can be left out left out, and all numbers brought near 1."""

import time
from dataclasses import dataclass, replace

import numpy as np

from models.budget import presolve
from models.budget.arrays import Floats
from models.budget.checks import checked
from models.budget.form import Form, Ints, build
from models.budget.presolve import Scaled
from models.budget.problem import Problem
from models.budget.shares import contradiction
from models.errors import Infeasible

HAIR = 1e-9  # relative: what rounding may add to a sum of costs that must be paid whatever the plan

BUDGETS = ("budget", "period budget")


@dataclass(frozen=True, kw_only=True)
class Built:
    """Made once, and solved for several budgets.

    Attributes:
        problem: As checked, with all its columns.
        form: Every column, in the problem's own units.
        kept: The columns that are solved for; ``scaled`` is their form, ``upper`` the most each scaled one can be.
        seconds: What checking and building took.
    """

    problem: Problem
    form: Form
    kept: Ints
    scaled: Scaled
    upper: Floats
    seconds: float

    def units(self, x: Floats) -> Floats:
        """Units of every activity from scaled columns; no budget is exceeded by rounding."""
        units = np.zeros(len(self.form.returns))
        units[self.kept] = x * self.scaled.column
        return within_budgets(self.form, units)

    def with_budget(self, budget: float) -> "Built":
        """The same with another finite budget for everything together, where there was one; numbers near 1 again."""
        assert np.isfinite(self.problem.budget)
        assert np.isfinite(budget)
        amount = self.form.amount.copy()
        amount[0] = budget  # the budget is the first row
        kinds = (replace(self.form.kinds[0], amount=amount[:1]), *self.form.kinds[1:])
        form = replace(self.form, amount=amount, kinds=kinds)
        scaled, upper = _small(form, self.kept)
        return replace(self, problem=replace(self.problem, budget=budget), form=form, scaled=scaled, upper=upper)


def prepare(problem: Problem) -> Built:
    """Check and build.

    Raises:
        BadProblem, Infeasible: see `checks.checked`; and shares that only an empty plan keeps (`shares`).
    """
    start = time.perf_counter()
    problem = checked(problem)
    if (reason := contradiction(problem)) is not None:
        raise Infeasible(reason)
    form = build(problem)
    kept = presolve.worth_solving(form)
    scaled, upper = _small(form, kept)
    return Built(problem=problem, form=form, kept=kept, scaled=scaled, upper=upper, seconds=time.perf_counter() - start)


def _small(form: Form, kept: Ints) -> tuple[Scaled, Floats]:
    """The columns that are solved for, near 1 at this budget, and the most each of them can be."""
    upper = presolve.implied_upper(form)[kept]
    scaled = presolve.scaled(form.columns(kept), upper)
    return scaled, upper / scaled.column


def within_budgets(form: Form, units: Floats) -> Floats:
    """Rounding may leave a sum of costs a hair above its budget: that is taken off what is bought most."""
    kinds = form.kind_of_rows()
    for row in np.flatnonzero(np.isin(kinds, BUDGETS)):
        columns, costs = form.entries(int(row))
        for _ in range(3):
            over = float(costs @ units[columns] - form.amount[row]) if len(columns) else 0.0
            if not 0 < over <= HAIR * form.amount[row]:
                break
            most = int((costs * units[columns]).argmax())
            units[columns[most]] = max(0.0, units[columns[most]] - 1.5 * over / costs[most])
    return units
