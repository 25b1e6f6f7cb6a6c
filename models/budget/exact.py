"""A solver's plan without its rounding: bounds exact, rows that bind met to the last digit, values to match.

Solvers stop within a tolerance, and CBC writes eight digits. Which columns lie between their bounds, and which rows
bind, is right; the values follow from solving those rows for those columns, and the dual values from the transposed
system.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import lsqr

from models.budget.arrays import Floats
from models.budget.form import AT_LEAST, AT_MOST, EXACTLY, Form, Ints

CLOSE = 1e-7  # in scaled units, where columns and rows are about 1
FINE = 1e-9
DENSE = 400  # up to so many columns between bounds, least squares is done on a full matrix


@dataclass(frozen=True, kw_only=True)
class Vertex:
    """Where the plan lies, in the form's own units.

    Attributes:
        x: The columns.
        between: Columns that are at neither bound.
        tight: Rows that bind.
        values: How the best return changes when a row's amount is raised.
        is_unique: The plan is not degenerate: the dual values are the only ones.
    """

    x: Floats
    between: Ints
    tight: Ints
    values: Floats
    is_unique: bool


def vertex(form: Form, x: Floats, values: Floats, *, close: float = CLOSE) -> Vertex:
    """The corner next to ``x``."""
    upper = form.upper
    x = np.where(
        x <= close, 0.0, np.where(x >= upper - close * np.maximum(1.0, np.where(np.isinf(upper), 1, upper)), upper, x)
    )
    between = np.flatnonzero((x > 0) & (x < upper))
    slack = form.amount - form.matrix @ x
    tight = np.flatnonzero((np.abs(slack) <= close) | (form.sense == EXACTLY))
    values = np.where(np.isin(np.arange(len(values)), tight), _right_sign(form, values), 0.0)
    if len(between) == 0 or len(tight) == 0:
        return Vertex(x=x, between=between, tight=tight, values=values, is_unique=len(tight) == 0)
    basis = form.by_column[:, between].tocsr()[tight]
    if max(basis.shape) > DENSE and np.abs(slack[tight]).max() <= FINE:  # large, and as exact as it will get
        return Vertex(x=x, between=between, tight=tight, values=values, is_unique=len(tight) == len(between))
    step, rank = _least_squares(basis, slack[tight])
    moved = x.copy()
    moved[between] = np.clip(x[between] + step, 0.0, upper[between])
    if _breach(form, moved) <= max(_breach(form, x), 1e-15) * 2:
        x = moved
    turn, _ = _least_squares(basis.T.tocsr(), form.returns[between] - basis.T @ values[tight])
    better = values.copy()
    better[tight] += turn
    better = _right_sign(form, better)
    if np.abs(basis.T @ better[tight] - form.returns[between]).max() <= 1e-9:
        values = better
    unique = rank == len(tight) == len(between)
    return Vertex(x=x, between=between, tight=tight, values=values, is_unique=unique)


def _least_squares(matrix: sparse.csr_matrix, right: Floats) -> tuple[Floats, int]:
    """The smallest change that solves the system, and its rank (that of a large one is only guessed: 0)."""
    if max(matrix.shape) <= DENSE:
        solution, _, rank, _ = np.linalg.lstsq(matrix.toarray(), right, rcond=None)
        return solution, int(rank)
    return lsqr(matrix, right, atol=1e-14, btol=1e-14, iter_lim=2_000)[0], 0


def _right_sign(form: Form, values: Floats) -> Floats:
    """A cap cannot cost, a floor cannot earn: what rounding makes of that is 0."""
    values = np.where(form.sense == AT_MOST, np.maximum(values, 0.0), values)
    return np.where(form.sense == AT_LEAST, np.minimum(values, 0.0), values)


def _breach(form: Form, x: Floats) -> float:
    return float(breaches(form, x).max(initial=0.0))


def breaches(form: Form, x: Floats) -> Floats:
    """By how much each row is broken, 0 where it is kept."""
    over = form.matrix @ x - form.amount
    broken = np.where(form.sense == AT_MOST, over, np.where(form.sense == AT_LEAST, -over, np.abs(over)))
    return np.maximum(broken, 0.0)


def bound(form: Form, values: Floats, upper: Floats) -> float:
    """No plan returns more, whatever the values are: the dual objective (``upper``: what a column can be at most)."""
    values = _right_sign(form, values)
    reduced = form.returns - form.by_column.T @ values
    earning = reduced > 0
    return float(form.amount @ values + (reduced[earning] * upper[earning]).sum())
