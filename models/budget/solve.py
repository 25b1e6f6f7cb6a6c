"""The best plan for a problem: checked, pruned, scaled, solved by HiGHS or CBC, and then made exact."""

import time
from dataclasses import dataclass, replace

import numpy as np

from models.budget import cbc, highs, presolve, sift
from models.budget.arrays import Floats, Found, Programme
from models.budget.built import Built, prepare
from models.budget.exact import Vertex, bound, breaches, vertex
from models.budget.form import EXACTLY, Form
from models.budget.infeasible import conflict_of
from models.budget.problem import Problem
from models.budget.solution import Interval, Limit, LimitValue, Method, Solution, SolverName
from models.budget.values import limit_values
from models.errors import Infeasible, SolverFailed, Unbounded

SOLVERS = {"highs": highs.solve, "cbc": cbc.solve}
PROVEN: dict[SolverName, float] = {"highs": 1e-9, "cbc": 3e-7}  # relative gaps that are rounding
BROKEN = 1e-6  # scaled: a row further off than this is broken
LARGE = 30_000  # columns, after pruning, from which on the solver gets only those in doubt
NEAR = 1e-9  # relative: a limit used up to so much binds
EVERY_PAIR = ("reach", "contact limit")  # listed where they bind, unless there are too many for people to read
MOST_PAIRS = 1_000


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What solving ended with, in scaled units; ``corner`` where the optimum is proven."""

    x: Floats
    best: float
    form: Form
    corner: Vertex | None


def solve(problem: Problem, method: Method | None = None) -> Solution:
    """The best plan.

    Raises:
        BadProblem: the input cannot be (`checks.checked`).
        Infeasible: no plan keeps all limits; the message says which would have to give, and by how much.
        Unbounded: nothing holds the return back.
        SolverFailed: the solver is missing, gives up, or finds no plan in time.
    """
    return solve_built(prepare(problem), method)


def solve_built(built: Built, method: Method | None = None, *, budget_alone: bool = False) -> Solution:
    """The best plan of a problem that is built already; raises what `solve` raises.

    ``budget_alone``: of all limits, only the budget's value is worked out.
    """
    method = method or Method()
    start = time.perf_counter()
    ended = _integer(built, method) if built.scaled.form.is_integer else _linear(built, built.scaled.form, method)
    gained = float(ended.form.returns @ ended.x)
    gap = max(0.0, ended.best - gained) / max(abs(ended.best), 1e-12) if np.isfinite(ended.best) else float("inf")
    values: tuple[LimitValue, ...] = ()
    if ended.corner is not None:
        solver = SOLVERS[method.solver]
        values = limit_values(built, ended.form, ended.corner, solver, budget_alone=budget_alone)
    units = built.units(ended.x)
    frame = built.problem.activities
    budget = next((value for value in values if value.limit.kind == "budget"), None)
    return Solution(
        status="best found" if ended.corner is None else "optimal",
        gap=gap,
        units=units,
        cost=float(built.form.costs @ units),
        expected_return=float(built.form.returns @ units),
        interval=interval(units, frame["unit_return_low"].to_numpy(), frame["unit_return_high"].to_numpy()),
        marginal=budget,
        values=values,
        limits=limits(built.form, units),
        is_in_batches=built.form.is_integer,
        solver=method.solver,
        variables=len(units),
        pruned=len(units) - len(built.kept),
        build_seconds=built.seconds,
        solve_seconds=time.perf_counter() - start,
    )


def interval(units: Floats, low: Floats, high: Floats) -> Interval | None:
    """The return if all inputs lay at one end; ``None`` where something is bought whose return has no interval."""
    bought = units > 0
    if np.isnan(low).all():
        return None
    ends = [float(np.sum(end[bought] * units[bought])) for end in (low, high)]
    return None if np.isnan(ends).any() else Interval(low=ends[0], high=ends[1])


def limits(form: Form, units: Floats) -> tuple[Limit, ...]:
    """Every limit as it stands; those of pairs and contacts only where they bind, and if they are not too many."""
    used = form.matrix @ units
    size = np.maximum(np.abs(form.amount), np.abs(used))
    binds = np.abs(used - form.amount) <= NEAR * np.maximum(size, 1e-9)
    kinds = form.kind_of_rows()
    of_pairs = np.isin(kinds, EVERY_PAIR)
    listed = (~of_pairs | (binds & (of_pairs.sum() <= MOST_PAIRS))) & (kinds != "batches")
    return tuple(
        replace(form.limit(int(row)), used=float(used[row]), binds=bool(binds[row])) for row in np.flatnonzero(listed)
    )


def _linear(built: Built, form: Form, method: Method) -> Ended:
    is_large = len(form.returns) > LARGE
    found = _sifted(built, form, method) if is_large else _found(built, presolve.programme(form), method)
    if found.status == "optimal":
        corner = vertex(form, found.x, found.row_values)
        return Ended(x=corner.x, best=bound(form, corner.values, built.upper), form=form, corner=corner)
    known = len(found.row_values) == len(form.amount)
    best = bound(form, found.row_values, built.upper) if known else float("inf")
    return Ended(x=_feasible(form, found.x, method), best=best, form=form, corner=None)


def _integer(built: Built, method: Method) -> Ended:
    """Batches first; then the rest as a linear programme, which has values of limits."""
    form = built.scaled.form
    found = _found(built, presolve.programme(form), method)
    chosen = form.with_batches(np.round(found.x[len(form.returns) :]))
    try:
        ended = _linear(built, chosen, Method(solver=method.solver))
    except (Infeasible, SolverFailed):
        if found.status == "optimal":
            raise
        raise SolverFailed(_too_late(method)) from None  # the batches it had so far are no plan
    best = found.bound
    if not np.isfinite(best):  # CBC does not say how far it got: what could be returned if batches could be cut
        best = _found(built, replace(presolve.programme(form), integer=None), Method(solver=method.solver)).bound
    return replace(ended, best=best, corner=ended.corner if found.status == "optimal" else None)


def _sifted(built: Built, form: Form, method: Method) -> Found:
    """A large problem; where something is unusual about it, the whole goes to the solver after all."""
    proven = PROVEN[method.solver]
    found = sift.solve(form, built.upper, SOLVERS[method.solver], method.seconds, proven=proven)
    if found.status == "infeasible" and (reason := conflict_of(built, method)) is not None:
        raise Infeasible(reason.words)
    if found.status == "optimal" or method.seconds is not None:
        if not len(found.x):
            raise SolverFailed(_too_late(method))
        return found
    return _found(built, presolve.programme(form), method)


def _found(built: Built, programme: Programme, method: Method) -> Found:
    found = SOLVERS[method.solver](programme, method.seconds)
    if found.status == "infeasible":
        reason = conflict_of(built, method)
        if reason is None:  # CBC says so, too, when time was too short to begin
            raise SolverFailed(_too_late(method) if method.seconds is not None else _contradicts_itself(method))
        raise Infeasible(reason.words)
    if found.status == "unbounded":
        raise Unbounded(_unbounded(built))
    if len(found.x) == 0 and len(programme.gain):
        raise SolverFailed(_too_late(method))
    return found


def _unbounded(built: Built) -> str:
    endless = np.flatnonzero((built.upper == np.inf) & (built.form.returns[built.kept] > 0))
    if not len(endless):
        return "the return has no end: give a budget"
    name = built.problem.activities["channel"].iloc[int(built.kept[endless[0]])]
    return f"the return has no end: '{name}' earns, and neither a budget nor a maximum holds it back; give one"


def _feasible(form: Form, x: Floats, method: Method) -> Floats:
    """What a solver had when its time ran out, shrunk until it keeps the limits."""
    x = np.clip(x[: len(form.returns)], 0.0, form.upper)
    used = form.matrix @ x
    over = (form.sense >= EXACTLY) & (used > form.amount + np.where(form.amount > 0, 0.0, BROKEN))
    x = x * float((form.amount[over] / used[over]).min(initial=1.0).clip(0, 1))
    if breaches(form, x).max(initial=0.0) <= BROKEN:
        return x
    raise SolverFailed(_too_late(method))


def _contradicts_itself(method: Method) -> str:
    return f"{method.solver} finds no plan, but no limits that exclude one either: try the other solver"


def _too_late(method: Method) -> str:
    return f"{method.solver} found no plan that keeps all limits in {method.seconds or 0:g} s; give it more time"
