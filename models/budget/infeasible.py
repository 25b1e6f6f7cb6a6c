"""Why no plan fits, and the least that would have to give: the elastic model, in words.

Limits that people set may be broken at a price; consent and batches may not. First the programme that breaks them least
(in shares of their amounts) finds the limits in conflict: those with a value in it. If one of them alone can give, the
smallest set is that one, the budgets first; else it is the set of fewest that a small integer programme finds, each by
as little as possible.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from models.budget import cbc, highs
from models.budget.arrays import Floats, Found, Programme
from models.budget.built import Built, prepare
from models.budget.form import AT_LEAST, AT_MOST, Ints
from models.budget.presolve import programme
from models.budget.problem import Problem
from models.budget.solution import Limit, Method

HELD = ("reach", "batches")  # the law and what a channel sells do not give
FIRST = ("budget", "period budget")
MOST_TRIED, MOST_TRIED_OF_LARGE = 25, 5  # so many single limits are tried
LARGE = 30_000  # columns
GIVES = 2e-9  # scaled: less is the solvers' tolerance
MOST_STEPS = 30  # towards the best ratio; each is at least linear, near the end far more
PENALTY = 1e-6  # the elastic programme also keeps what it buys cheap, so that its amounts are the least


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
        changes: The smallest set of limits that, relaxed by these amounts, leaves a plan; empty: nothing helps.
        alternatives: Other single limits that would do as well by themselves.
        words: "the channels' minimum units cost 485,000.00, the budget is 300,000.00: 185,000.00 are missing; or …".
    """

    changes: tuple[Relaxed, ...]
    alternatives: tuple[Relaxed, ...]
    words: str


def conflict(problem: Problem, method: Method | None = None) -> Conflict | None:
    """The smallest set of limits to relax; ``None`` when the problem has a plan.

    Raises:
        BadProblem: the input cannot be.
    """
    return conflict_of(prepare(problem), method or Method())


def conflict_of(built: Built, method: Method) -> Conflict | None:
    """The same of a problem that is built already."""
    is_large = len(built.kept) > LARGE
    if is_large and not _needs_returns(built):
        built = _cheapest(built)
    elastic = _Elastic(built, {"highs": highs.solve, "cbc": cbc.solve}[method.solver])
    least = elastic.broken(elastic.may_give)
    if least is None:
        return Conflict(changes=(), alternatives=(), words=_nothing_helps(built))
    if not (least.amounts > GIVES).any():
        return None
    # whole batches leave no values to tell by: there, every limit is tried
    takes_part = least.is_involved | (least.amounts > GIVES) | built.form.is_integer
    involved = [row for row in elastic.may_give if takes_part[row]]
    kinds = built.form.kind_of_rows()
    involved.sort(key=lambda row: (kinds[row] not in FIRST, -least.amounts[row]))
    alone: dict[int, _Broken] = {}
    changes: tuple[Relaxed, ...]
    alternatives: tuple[Relaxed, ...]
    for row in involved[: MOST_TRIED_OF_LARGE if is_large else MOST_TRIED]:
        single = elastic.broken(np.array([row]))
        if single is not None:
            alone[row] = single
    if alone:
        first, *others = alone
        changes = (_relaxed(built, first, alone[first], elastic),)
        alternatives = tuple(_relaxed(built, row, alone[row], elastic) for row in others)
    else:
        fewest = elastic.fewest(np.array(involved)) or least
        changes = tuple(_relaxed(built, int(r), fewest) for r in np.flatnonzero(fewest.amounts > GIVES))
        alternatives = ()
    minimal = {str(kinds[row]) for row in (involved if not built.form.is_integer else alone)}
    return Conflict(changes=changes, alternatives=alternatives, words=_words(built, changes, alternatives, minimal))


def _needs_returns(built: Built) -> bool:
    return bool(np.isin([rows.unit for rows in built.form.kinds], ("return",)).any())


def _cheapest(built: Built) -> Built:
    """Whether there is a plan does not depend on returns: of offers that share their reach, the cheapest will do."""
    frame = built.problem.activities
    cheap = frame.assign(unit_return=-frame["unit_cost"], unit_return_low=np.nan, unit_return_high=np.nan)
    return prepare(replace(built.problem, activities=cheap))


@dataclass(frozen=True, kw_only=True)
class _Broken:
    """By how much each row gives (scaled), which take part in the conflict, and what is bought then (scaled)."""

    x: Floats
    amounts: Floats
    is_involved: np.ndarray


class _Elastic:
    def __init__(self, built: Built, solve: Callable[[Programme], Found]) -> None:
        form = built.scaled.form
        held = np.isin(built.form.kind_of_rows(), HELD)
        self.may_give: Ints = np.flatnonzero(~held)
        self._base, self._form, self._solve = programme(form), form, solve

    def broken(self, rows: Ints) -> _Broken | None:
        """The least sum of what these rows give; ``None`` when they cannot help."""
        found = self._solve(self._with_slack(rows, None))
        return None if found.status != "optimal" else self._read(rows, found)

    def fewest(self, rows: Ints) -> _Broken | None:
        """The least number of rows that give; then, for those, the least sum."""
        found = self._solve(self._with_slack(rows, self.broken(rows)))
        if found.status != "optimal":
            return None
        chosen = rows[np.round(found.x[-len(rows) :]) > 0]
        return self.broken(chosen)

    def best(self, row: int, gain: Floats) -> Floats | None:
        """The best plan for ``gain`` where this row does not count (scaled); ``None`` where there is none."""
        base = self._base
        low, high = base.row_low.copy(), base.row_high.copy()
        low[row], high[row] = -np.inf, np.inf
        padded = np.concatenate([gain, np.zeros(base.matrix.shape[1] - len(gain))])
        found = self._solve(replace(base, gain=padded, row_low=low, row_high=high))
        return found.x[: len(gain)] if found.status == "optimal" else None

    def _with_slack(self, rows: Ints, counted: "_Broken | None") -> Programme:
        """Columns that lower a row (a cap) or raise it (a floor), both for an exact one; ``counted``: switches too."""
        base, sense = self._base, self._form.sense[rows]
        down, up = rows[sense >= 0], rows[sense <= 0]
        place = np.concatenate([down, up])
        sign = np.concatenate([-np.ones(len(down)), np.ones(len(up))])
        extra = sparse.csc_matrix((sign, (place, np.arange(len(place)))), shape=(base.matrix.shape[0], len(place)))
        price = -np.ones(len(place))
        matrix, count = sparse.hstack([base.matrix, extra], format="csc"), base.matrix.shape[1]
        integer = np.zeros(matrix.shape[1], dtype=bool) if base.integer is None else np.append(base.integer, price > 0)
        elastic = Programme(
            gain=np.concatenate([np.zeros(count), price]),
            lower=np.append(base.lower, np.zeros(len(place))),
            upper=np.append(base.upper, np.full(len(place), np.inf)),
            matrix=matrix,
            row_low=base.row_low,
            row_high=base.row_high,
            integer=integer if integer.any() else None,
        )
        return elastic if counted is None else _switched(elastic, place, rows, counted)

    def _read(self, rows: Ints, found: Found) -> _Broken:
        sense = self._form.sense[rows]
        place = np.concatenate([rows[sense >= 0], rows[sense <= 0]])
        start = self._base.matrix.shape[1]
        amounts = np.zeros(len(self._form.sense))
        np.add.at(amounts, place, found.x[start : start + len(place)])
        bought = found.x[: len(self._form.returns)]
        return _Broken(x=bought, amounts=amounts, is_involved=np.abs(found.row_values) > GIVES)


def _switched(elastic: Programme, place: Ints, rows: Ints, counted: _Broken) -> Programme:
    """A row gives only if its switch is on, and switches cost; none gives more than ten times all that must give."""
    most = 10 * float(counted.amounts.sum()) + 1.0
    start = elastic.matrix.shape[1] - len(place)
    switch = {int(row): i for i, row in enumerate(rows)}
    entries = sparse.lil_matrix((len(place), elastic.matrix.shape[1] + len(rows)))
    for i, row in enumerate(place):
        entries[i, start + i], entries[i, elastic.matrix.shape[1] + switch[int(row)]] = 1.0, -most
    wide = sparse.hstack([elastic.matrix, sparse.csc_matrix((elastic.matrix.shape[0], len(rows)))])
    whole = np.zeros(elastic.matrix.shape[1], dtype=bool) if elastic.integer is None else elastic.integer
    return Programme(
        gain=np.concatenate([elastic.gain * PENALTY, -np.ones(len(rows))]),
        lower=np.append(elastic.lower, np.zeros(len(rows))),
        upper=np.append(elastic.upper, np.ones(len(rows))),
        matrix=sparse.vstack([wide, entries]).tocsc(),
        row_low=np.append(elastic.row_low, np.full(len(place), -np.inf)),
        row_high=np.append(elastic.row_high, np.zeros(len(place))),
        integer=np.append(whole, np.ones(len(rows), dtype=bool)),
    )


def _relaxed(built: Built, row: int, broken: _Broken, elastic: _Elastic | None = None) -> Relaxed:
    """``elastic``: where the row is the only one to give."""
    limit, by = built.form.limit(row), float(broken.amounts[row]) / float(built.scaled.row[row])
    verb = {AT_MOST: "raise", AT_LEAST: "lower"}.get(int(built.form.sense[row]), "change")
    if limit.amount == 0:
        would_do = _ratio(built, row, limit, broken.x, elastic)
        words = (
            f"give up '{limit.words}' by {_amount(by)}" if would_do is None else f"{verb} '{limit.words}' to {would_do}"
        )
        return Relaxed(limit=limit, by=by, words=words)
    new = limit.amount + by if verb == "raise" else limit.amount - by
    to = f" to {_beside(new, by)}" if verb != "change" else ""
    return Relaxed(limit=limit, by=by, words=f"{verb} '{limit.words}' by {_amount(by)}{to}")


def _ratio(built: Built, row: int, limit: Limit, x: Floats, elastic: _Elastic | None) -> str | None:
    """The share or ROI that would do; ``None`` where the limit is none, or nothing is bought.

    The plan that breaks the row by the least money has not the best ratio: from its ratio on, the best plan against
    each ratio leads to the next one (Dinkelbach, "On nonlinear fractional programming", Management Science 13, 1967).
    """
    small = built.scaled
    sums = {"cost": small.form.costs, "units": small.column, "return": small.form.returns * small.gain}
    total = np.asarray(sums["cost" if limit.kind == "roi" else limit.unit], float)
    above = small.form.matrix[row].toarray()[0] / float(small.row[row])
    side = -1.0 if limit.sense == "at most" else 1.0
    if total @ x <= 0:
        return None
    off = float(above @ x) / float(total @ x)
    for _ in range(MOST_STEPS if elastic is not None else 0):
        better = elastic.best(row, side * (above - off * total)) if elastic is not None else None
        if better is None or total @ better <= 0:
            break
        found = float(above @ better) / float(total @ better)
        if side * (found - off) <= GIVES:
            break
        off = found
    if limit.kind == "roi" and built.problem.min_roi is not None:
        return f"an ROI of {_rounded(built.problem.min_roi + off, limit):.4g}"
    for rule in built.problem.rules:
        for bound in (rule.at_least, rule.at_most):
            if rule.is_share and bound is not None and limit.of == f"{rule.name}: {bound:.4g} of all":
                return f"{_rounded(bound + off, limit):.4g} of all"
    return None


def _rounded(ratio: float, limit: Limit) -> float:
    """Four digits, to the side that surely does."""
    return float(np.ceil(ratio * 1e4 - 1e-5) if limit.sense == "at most" else np.floor(ratio * 1e4 + 1e-5)) / 1e4


def _amount(value: float) -> str:
    """Two places, or four digits where these would show nothing."""
    return f"{value:,.2f}" if abs(value) >= 0.005 or value == 0 else f"{value:.4g}"


def _beside(value: float, by: float) -> str:
    """An amount with enough digits to tell it from another that is so near."""
    return f"{value:,.2f}" if abs(by) >= 0.005 else f"{value:,.12g}"


def _words(built: Built, changes: tuple[Relaxed, ...], others: tuple[Relaxed, ...], kinds: set[str]) -> str:
    if len(changes) == 1 and changes[0].limit.kind == "budget":
        needed = changes[0].limit.amount + changes[0].by
        what = (
            "the channels' minimum units cost"
            if kinds <= {"budget", "channel minimum"}
            else "what must be bought costs"
        )
        by = changes[0].by
        money = _beside(changes[0].limit.amount, by)
        text = f"{what} {_beside(needed, by)}, the budget is {money}: {_amount(by)} are missing"
    elif changes:
        text = "no plan keeps all limits: " + " and ".join(change.words for change in changes)
    else:
        return _nothing_helps(built)
    return text + "".join(f"; or {other.words}" for other in others[:3])


def _nothing_helps(built: Built) -> str:
    return (
        "no plan keeps all limits, and relaxing them does not help: too few customers may be contacted, "
        "or whole batches do not fit"
    )
