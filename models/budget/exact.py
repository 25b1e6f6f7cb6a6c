"""A solver's plan without its rounding: bounds exact, rows that bind met to the last digit, values to match.

Solvers stop within a tolerance, and CBC writes eight digits. Which columns lie between their bounds, and which rows
bind, is right; the values follow from solving those rows for those columns, and the dual values from the transposed
system.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import lsqr

from models.budget.arrays import Bools, Floats
from models.budget.form import AT_LEAST, AT_MOST, EXACTLY, Form, Ints

CLOSE = 1e-7  # in scaled units, where columns and rows are about 1
FINE, NOISE = 1e-9, 1e-14  # relative to a row's amount, and to what is added up in it
EXACT = 1e-4  # of `FINE`: a solution of the rows that bind that is one
MOST_DROPPED = 50  # rows
ROUNDS = 3  # of taking back
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
    """The corner next to ``x``.

    What lies within rounding of a bound is taken to be there. Where that, or the solver's tolerance, breaks a row (a
    budget a cent below what fills a channel, a minimum of 50 where a billion could be bought), it is taken back.
    """
    upper = form.upper
    size = np.maximum(1.0, np.where(np.isinf(upper), 1.0, upper))
    at = np.where(x <= close, 0.0, np.where(x >= upper - close * size, upper, x))
    free, rows = np.zeros(len(x), dtype=bool), np.zeros(len(form.amount), dtype=bool)
    corner = _exact(form, at, values, close, free, rows)
    for _ in range(ROUNDS):
        broken = _breaks(form, corner.x) > 1
        if not broken.any():
            break
        rows = rows | broken
        for row in np.flatnonzero(broken):
            free[_could_mend(form, int(row), x, at, corner)] = True
        again = _exact(form, np.where(free, np.clip(x, 0.0, upper), at), values, close, free, rows)
        if _breaks(form, again.x).max() >= _breaks(form, corner.x).max():
            break
        corner = again
    return corner


def _breaks(form: Form, x: Floats) -> Floats:
    """By how much each row is broken, in multiples of what rounding explains: a billionth of its amount."""
    summed = abs(form.matrix) @ x
    rounding = np.where(form.amount != 0, FINE * np.abs(form.amount) + NOISE * summed, FINE * summed)
    return breaches(form, x) / np.maximum(rounding, np.finfo(float).tiny)


def _could_mend(form: Form, row: int, x: Floats, at: Floats, corner: Vertex) -> Ints:
    """Columns at a bound that would mend a row: those that rounding took there, else the one that costs least."""
    columns, entries = form.entries(row)
    wanted = np.sign(form.amount[row] - float(entries @ corner.x[columns])) * entries
    moved = wanted * (x - at)[columns] > 0
    if moved.any():
        return columns[moved]
    bought = corner.x[columns]
    can = ((wanted > 0) & (bought <= 0)) | ((wanted < 0) & (bought >= form.upper[columns]))
    if not can.any():
        return columns[:0]
    reduced = form.returns[columns] - form.by_column[:, columns].T @ corner.values
    return columns[[int(np.where(can, np.abs(reduced / entries), np.inf).argmin())]]


def _exact(form: Form, x: Floats, values: Floats, close: float, free: Bools, rows: Bools) -> Vertex:
    """Columns between their bounds (and ``free`` ones) solved for from the rows that bind (and ``rows``).

    At a kink more rows are near than bind: if they cannot all be met, those without a value are not meant to be.
    """
    between = np.flatnonzero(((x > 0) & (x < form.upper)) | free)
    slack = form.amount - form.matrix @ x
    near = (np.abs(slack) <= close) | (form.sense == EXACTLY) | rows
    values = np.where(near, _right_sign(form, values), 0.0)
    tight = np.flatnonzero(near)
    if len(between) == 0 or len(tight) == 0:
        return Vertex(x=x, between=between, tight=tight, values=values, is_unique=len(tight) == 0)
    if max(len(tight), len(between)) > DENSE and not _breaks(form, x).max() > 1:  # large, and as exact as it will get
        return Vertex(x=x, between=between, tight=tight, values=values, is_unique=len(tight) == len(between))
    x, tight, rank = _met(form, x, between, tight, values, (form.sense == EXACTLY) | rows)
    basis = form.by_column[:, between].tocsr()[tight]
    turn, _ = _least_squares(basis.T.tocsr(), form.returns[between] - basis.T @ values[tight])
    better = values.copy()
    better[tight] += turn
    better = _right_sign(form, better)
    if np.abs(basis.T @ better[tight] - form.returns[between]).max() <= 1e-9:
        values = better
    unique = rank == len(tight) == len(between)
    return Vertex(x=x, between=between, tight=tight, values=values, is_unique=unique)


def _met(form: Form, x: Floats, between: Ints, tight: Ints, values: Floats, must: Bools) -> tuple[Floats, Ints, int]:
    """The plan that meets the rows near it, and which of them it meets: all; else those with a value; else all of
    these but one, whichever leaves the most return. Where none of that keeps every row better than ``x``, ``x``.
    """
    valued = tight[(values[tight] != 0) | must[tight]]
    found, least = (x, tight, 0), max(2 * _breaks(form, x).max(), EXACT)
    for chosen in (tight, valued):
        moved, rank = _solved(form, x, between, chosen)
        broken = _breaks(form, moved).max()
        if broken <= least:
            found, least = (moved, chosen, rank), broken
        if broken <= EXACT:
            return found
    droppable = np.flatnonzero(~must[valued])
    if len(droppable) > MOST_DROPPED:
        return found
    most = -np.inf
    for place in droppable:
        chosen = np.delete(valued, place)
        moved, rank = _solved(form, x, between, chosen)
        if _breaks(form, moved).max() <= EXACT and form.returns @ moved > most:
            found, most = (moved, chosen, rank), float(form.returns @ moved)
    return found


def _solved(form: Form, x: Floats, between: Ints, tight: Ints) -> tuple[Floats, int]:
    """Rows that bind met by the smallest change of the columns between their bounds; and the rank of that system."""
    rows = form.matrix[tight]
    step, rank = _least_squares(rows[:, between], form.amount[tight] - rows @ x)
    moved = x.copy()
    moved[between] = np.clip(x[between] + step, 0.0, form.upper[between])
    return moved, rank


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
