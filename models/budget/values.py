"""What a limit is worth, on both sides, exactly: the best return's one-sided derivatives in the limit's amount.

At a plan x, raising the amount of row i by a small step t changes the best return by t times the optimum of the
*tangent* problem: maximise returns·d over directions d that leave the bounds and the tight rows kept, row i now
allowing 1 instead of 0. It is a linear programme without step sizes, so it is right where the plan is degenerate and
the dual values that a solver reports are just some of many. Lowering works the same with −1; no direction means that
no plan is left on that side.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from models.budget.arrays import Floats, Found, Programme
from models.budget.built import Built
from models.budget.exact import Vertex
from models.budget.form import AT_LEAST, AT_MOST, Form, Ints
from models.budget.solution import LimitValue

MOST_COLUMNS = 20_000  # the tangent is first solved over so many, those with the smallest reduced costs
MOST_LISTED = 500  # limits that bind, those worth most
MOST_SIDES = 60  # so many limits get both their sides where the plan is degenerate; others the solver's value on both
TOLERANCE = 1e-9

Solve = Callable[[Programme], Found]


@dataclass(frozen=True, kw_only=True)
class Tangent:
    """The directions that leave a vertex (`exact.vertex`) within its limits."""

    form: Form
    vertex: Vertex
    solve: Solve
    low: Floats = field(init=False)
    high: Floats = field(init=False)
    nearest: Ints = field(init=False)

    def __post_init__(self) -> None:
        x, upper = self.vertex.x, self.form.upper
        set_ = object.__setattr__
        set_(self, "low", np.where(x <= 0, 0.0, -np.inf))
        set_(self, "high", np.where(x >= upper, 0.0, np.inf))
        reduced = np.abs(self.form.returns - self.form.by_column.T @ self.vertex.values)
        count = min(MOST_COLUMNS, len(reduced))
        set_(self, "nearest", np.argpartition(reduced, count - 1)[:count] if count else np.empty(0, np.int64))

    def more(self, row: int) -> float | None:
        """Right derivative; ``None``: raising leaves no plan."""
        return self._gain(row, 1.0)

    def less(self, row: int) -> float | None:
        """Left derivative; ``None``: lowering leaves no plan."""
        gain = self._gain(row, -1.0)
        return None if gain is None else -gain

    def _gain(self, row: int, step: float) -> float | None:
        columns = self.nearest
        while True:
            found = self.solve(self._programme(columns, row, step))
            missing = len(columns) < len(self.low)
            if found.status == "infeasible" and missing:
                columns = np.arange(len(self.low))
            elif found.status == "optimal" and missing and len(more := self._overlooked(columns, found)):
                columns = np.union1d(columns, more)
            else:
                break
        if found.status == "infeasible":
            return None
        if found.status != "optimal":
            return float(self.vertex.values[row]) * step
        return float(self.form.returns[columns] @ found.x) + 0.0

    def _programme(self, columns: Ints, row: int, step: float) -> Programme:
        tight, sense = self.vertex.tight, self.form.sense[self.vertex.tight]
        allowed = np.where(tight == row, step, 0.0)
        return Programme(
            gain=self.form.returns[columns],
            lower=self.low[columns],
            upper=self.high[columns],
            matrix=self.form.by_column[:, columns].tocsr()[tight].tocsc(),
            row_low=np.where(sense == AT_MOST, -np.inf, allowed),
            row_high=np.where(sense == AT_LEAST, np.inf, allowed),
        )

    def _overlooked(self, columns: Ints, found: Found) -> Ints:
        """Columns left out that would improve the direction."""
        values = np.zeros(len(self.form.amount))
        values[self.vertex.tight] = found.row_values
        reduced = self.form.returns - self.form.by_column.T @ values
        wrong = ((reduced > TOLERANCE) & (self.high > 0)) | ((reduced < -TOLERANCE) & (self.low < 0))
        wrong[columns] = False
        return np.flatnonzero(wrong)


def limit_values(
    built: Built, form: Form, corner: Vertex, solve: Solve, *, budget_alone: bool = False
) -> tuple[LimitValue, ...]:
    """Limits that bind with what they are worth, the budget first, then by value; batches are as they were chosen."""
    worth = built.scaled.gain * built.scaled.row
    tangent = Tangent(form=form, vertex=corner, solve=solve)
    batches = set(built.form.batch_row.tolist())
    kinds = built.form.kind_of_rows()
    rows = [int(row) for row in corner.tight if int(row) not in batches]
    rows.sort(key=lambda row: (kinds[row] != "budget", -abs(corner.values[row] * worth[row])))
    rows = [row for row in rows if kinds[row] == "budget"] if budget_alone else rows[:MOST_LISTED]
    most_sides = MOST_SIDES if len(form.returns) <= MOST_COLUMNS else 1  # of a large problem, the budget's alone
    used = built.form.matrix @ built.units(corner.x)
    values = []
    for place, row in enumerate(rows):
        sides: tuple[float | None, float | None] = (corner.values[row], corner.values[row])
        if not corner.is_unique and place < most_sides:
            sides = (tangent.more(row), tangent.less(row))
        more, less = (None if side is None else float(side * worth[row]) + 0.0 for side in sides)
        limit = replace(built.form.limit(row), used=float(used[row]), binds=True)
        values.append(LimitValue(limit=limit, more=more, less=less))
    return tuple(values)
