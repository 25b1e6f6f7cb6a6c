"""CBC, through PuLP, which writes a file and starts a process; rows are handed over whole, which is fastest."""

import numpy as np
import pulp

from models.budget.arrays import Found, Programme, nothing, without_columns
from models.errors import SolverFailed

# CBC's own (1e-7, 1e-7, 1e-6, 1e-5 of the whole return) end before batches of 1 beside millions are right
# in most cases: of 150 (`budget.batches_beside_millions_equal_cbc`) it still misses some by 7e-6 of the return
INTEGER = ("primalTolerance 1e-9", "dualTolerance 1e-10", "integerTolerance 1e-9", "increment 1e-12")

PROVEN_TO = 1e-5  # of the return of whole batches

MOST_FINE = 10_000  # columns: so small a programme takes no longer for a finer tolerance of rows


def solve(programme: Programme, seconds: float | None = None) -> Found:
    """Solve once.

    Raises:
        SolverFailed: the machine has no CBC, or CBC gives up.
    """
    if not len(programme.gain):
        return without_columns(programme)
    is_integer = programme.integer is not None and bool(programme.integer.any())
    options = list(INTEGER) if is_integer else list(INTEGER[:1]) if len(programme.gain) <= MOST_FINE else []
    solver = pulp.PULP_CBC_CMD(msg=False, timeLimit=seconds, gapRel=0.0, gapAbs=0.0, options=options)
    if not solver.available():
        raise SolverFailed("PuLP finds no CBC on this machine: install one, or choose solver 'highs'")
    problem, columns, rows = _model(programme)
    try:
        problem.solve(solver)
    except pulp.PulpSolverError as error:
        raise SolverFailed(f"CBC failed: {error}") from None
    if problem.status == pulp.LpStatusInfeasible:
        return nothing("infeasible")
    if problem.status == pulp.LpStatusUnbounded:
        return nothing("unbounded")
    values = [column.varValue for column in columns]
    is_proven = problem.sol_status == pulp.LpSolutionOptimal
    if not is_proven and (seconds is None or problem.status == pulp.LpStatusUndefined):
        raise SolverFailed(f"CBC ended with '{pulp.LpStatus[problem.status]}'")
    if any(value is None for value in values):
        return nothing("stopped")
    x = np.array(values, dtype=float)
    return Found(
        status="optimal" if is_proven else "stopped",
        x=x,
        row_values=np.array([-(row.pi or 0.0) if row is not None else 0.0 for row in rows]),
        bound=_bound(float(programme.gain @ x), is_integer) if is_proven else float("inf"),
    )


def _bound(gain: float, is_integer: bool) -> float:
    return gain + PROVEN_TO * abs(gain) if is_integer else gain


def _model(p: Programme) -> tuple[pulp.LpProblem, list[pulp.LpVariable], list[pulp.LpConstraint | None]]:
    """Each row becomes one constraint, a range two; a row of two bounds that differ is not needed here."""
    problem = pulp.LpProblem("budget", pulp.LpMinimize)
    whole = np.zeros(len(p.gain), dtype=bool) if p.integer is None else p.integer
    bounds = zip(_ends(p.lower), _ends(p.upper), whole, strict=True)
    columns = [
        pulp.LpVariable(f"x{i}", low, high, pulp.LpInteger if is_whole else pulp.LpContinuous)
        for i, (low, high, is_whole) in enumerate(bounds)
    ]
    problem.setObjective(pulp.LpAffineExpression(dict(zip(columns, (-p.gain).tolist(), strict=True))))
    by_row = p.matrix.tocsr()
    start, index, value = by_row.indptr, by_row.indices.tolist(), by_row.data.tolist()
    rows: list[pulp.LpConstraint | None] = []
    for i, (low, high) in enumerate(zip(p.row_low.tolist(), p.row_high.tolist(), strict=True)):
        entries = range(start[i], start[i + 1])
        if low == high:
            sense, amount = pulp.LpConstraintEQ, low
        elif np.isfinite(high):
            sense, amount = pulp.LpConstraintLE, high
        elif np.isfinite(low):
            sense, amount = pulp.LpConstraintGE, low
        else:
            rows.append(None)
            continue
        terms = pulp.LpAffineExpression({columns[index[k]]: value[k] for k in entries})
        row = pulp.LpConstraint(terms, sense, f"r{i}", amount)
        problem.addConstraint(row)
        rows.append(row)
    return problem, columns, rows


def _ends(bounds: np.ndarray) -> list[float | None]:
    return [float(b) if np.isfinite(b) else None for b in bounds]
