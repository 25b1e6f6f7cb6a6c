"""What can be left out before solving, for sure, and numbers brought near 1.

Left out are columns that can only be 0 (nobody may be contacted), and, among columns that differ in cost and return
alone (the offers of one channel, segment and period, which share what may be reached), those that a mix of two others
beats: points below the upper hull of (cost, return). That mix uses the same units and the same money and returns no
less, so every row stays kept; where no row asks for spending, a column that costs more and returns less goes as well.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from models.budget.arrays import Floats, Programme
from models.budget.form import AT_LEAST, AT_MOST, EXACTLY, Form, Ints


def implied_upper(form: Form) -> Floats:
    """The most each column can be, by its own bound and by each row of amounts at most that has no negative entry."""
    holds = (form.sense >= EXACTLY) & (_by_row(np.minimum, form.matrix) >= 0) & (form.amount >= 0)
    holds[form.batch_row] = False
    return np.minimum(form.upper, _bound_by(form, np.flatnonzero(holds)))


def _bound_by(form: Form, rows: Ints) -> Floats:
    """The most each column can be by these rows alone."""
    part = form.matrix[rows]
    amount = np.repeat(form.amount[rows], np.diff(part.indptr))
    taken = part.data > 0
    upper = np.full(len(form.upper), np.inf)
    np.minimum.at(upper, part.indices[taken], amount[taken] / part.data[taken])
    return upper


def _by_row(fold: np.ufunc, matrix: sparse.csr_matrix) -> Floats:
    """The least (or largest) entry of each row; infinite where a row has none."""
    folded = np.full(matrix.shape[0], np.inf)
    filled = np.flatnonzero(np.diff(matrix.indptr) > 0)
    if len(filled):
        folded[filled] = fold.reduceat(matrix.data, matrix.indptr[filled])
    return folded


def worth_solving(form: Form) -> Ints:
    """Columns that can be in a best plan; some best plan consists of them alone, whatever amounts people may change.

    Only columns that never end by their own bound are weighed against each other: those without one, and those that
    consent (`reach`, which never gives) ends no later. Were the budget to say that a bound is out of reach, the answer
    would be wrong for a larger budget, and for a conflict in which the budget gives.
    A budget of 0 leaves its columns in: they say what the first unit of money would return.
    """
    kept = form.upper > 0
    nobody = np.isin(form.kind_of_rows(), ("reach", "contact limit")) & (form.amount <= 0)
    kept[form.matrix[np.flatnonzero(nobody)].indices] = False
    by_consent = _bound_by(form, np.flatnonzero(form.kind_of_rows() == "reach"))
    candidates = np.flatnonzero(kept & (form.upper >= by_consent))
    if len(candidates) and not _limits_return(form):
        kept[candidates[_beaten(form, candidates)]] = False
    return np.flatnonzero(kept)


def _unit_of_rows(form: Form) -> np.ndarray:
    return np.concatenate([np.full(len(rows.amount), rows.unit, dtype=object) for rows in form.kinds] or [np.empty(0)])


def _limits_return(form: Form) -> bool:
    """A row that caps a return, or compares returns, is not kept by a mix that returns more."""
    of_return = (_unit_of_rows(form) == "return") & (form.kind_of_rows() == "rule")
    return bool(of_return.any())


def _asks_for_spending(form: Form) -> bool:
    of_cost = _unit_of_rows(form) == "cost"
    return bool((of_cost & ((form.sense != AT_MOST) | (_by_row(np.minimum, form.matrix) < 0))).any())


def _beaten(form: Form, columns: Ints) -> np.ndarray:
    """Which of the columns lie below the hull of those with the same rows and the same entries per unit or per cost."""
    cost, gain = form.costs[columns], form.returns[columns]
    group = _signature(form)[columns]
    group[cost <= 0] = -1 - np.arange(int((cost <= 0).sum()))  # what costs nothing is compared with nothing
    order = np.lexsort((gain, cost, group))
    cost, gain, group = cost[order], gain[order], group[order]
    alive = np.ones(len(order), dtype=bool)
    saving_counts = not _asks_for_spending(form)
    while True:
        at = np.flatnonzero(alive)
        same = group[at][1:] == group[at][:-1]
        x, y = cost[at], gain[at]
        below = np.zeros(len(at), dtype=bool)
        left, right = x[1:-1] - x[:-2], x[2:] - x[1:-1]
        between = (left > 0) & (right > 0) & same[1:] & same[:-1]
        below[1:-1] = between & ((y[1:-1] - y[:-2]) * right <= (y[2:] - y[1:-1]) * left)
        below[:-1] |= same & (x[1:] == x[:-1])  # the same cost: the later one returns no less
        if saving_counts:
            below[1:] |= same & (y[1:] <= y[:-1]) & (x[1:] > x[:-1])
        if not below.any():
            break
        alive[at[below]] = False
    beaten = np.zeros(len(order), dtype=bool)
    beaten[order] = ~alive
    return beaten


def _signature(form: Form) -> Ints:
    """Columns with the same number have the same rows, with the same entries per unit, or per unit of cost.

    Two random sums over a column's entries are its fingerprint; rounding may at worst tell equal columns apart.
    """
    unit = _unit_of_rows(form)
    keys = np.random.default_rng(0).uniform(1, 2, (2, len(unit)))
    matrix = form.by_column
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = [matrix.T @ np.where(unit == "units", key, 0.0) for key in keys]
        sums += [matrix.T @ np.where(unit == "cost", key, 0.0) / form.costs for key in keys]
    returns = form.matrix[np.flatnonzero(unit == "return")]
    if returns.shape[0]:
        present = sparse.csr_matrix((np.ones_like(returns.data), returns.indices, returns.indptr), shape=returns.shape)
        sums += [present.T @ key[unit == "return"] for key in keys]
    whole = np.array([np.round(np.nan_to_num(total) * 1e8) for total in sums]).astype(np.int64)
    odd = np.random.default_rng(1).integers(1, 2**62, len(whole), dtype=np.int64) | 1
    return np.unique((whole * odd[:, None]).sum(axis=0), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """A form whose columns are shares of the most they can be and whose rows are shares of their amounts.

    ``x = column · x'``; a row's value in the original is ``gain · row · value'``.
    """

    form: Form
    column: Floats
    row: Floats
    gain: float


def scaled(form: Form, upper: Floats) -> Scaled:
    """The scaled form; ``upper`` is what each column can be at most (`implied_upper`)."""
    is_size = np.isfinite(upper) & (upper > 0)  # a budget of 0 says nothing about the size of units
    largest = float(upper[is_size].max(initial=0.0)) or 1.0
    column = np.clip(np.where(is_size, upper, largest), largest * 1e-6, None)
    matrix = form.matrix @ sparse.diags(column)
    entries = np.maximum(np.abs(_by_row(np.minimum, matrix)), np.abs(_by_row(np.maximum, matrix)))
    entries = np.where(np.isfinite(entries), entries, 0.0)
    size = np.maximum(np.abs(form.amount), entries)
    row = 1 / np.where(size > 0, size, 1.0)
    gains = form.returns * column
    gain = float(np.abs(gains).max(initial=0.0)) or 1.0
    return Scaled(
        form=replace(
            form,
            returns=gains / gain,
            costs=form.costs * column,
            upper=form.upper / column,
            matrix=(sparse.diags(row) @ matrix).tocsr(),
            amount=form.amount * row,
            batch_units=form.batch_units * row[form.batch_row],
        ),
        column=column,
        row=row,
        gain=gain,
    )


def programme(form: Form) -> Programme:
    """The form as a solver takes it; counts of batches become integer columns at the end."""
    count, batches = len(form.returns), len(form.batch_row)
    matrix = form.by_column
    integer = None
    if batches:
        entries = sparse.csc_matrix(
            (-form.batch_units, (form.batch_row, np.arange(batches))), shape=(matrix.shape[0], batches)
        )
        matrix = sparse.hstack([matrix, entries], format="csc")
        integer = np.arange(count + batches) >= count
    return Programme(
        gain=np.concatenate([form.returns, np.zeros(batches)]),
        lower=np.zeros(count + batches),
        upper=np.concatenate([form.upper, np.full(batches, np.inf)]),
        matrix=matrix,
        row_low=np.where(form.sense == AT_MOST, -np.inf, form.amount),
        row_high=np.where(form.sense == AT_LEAST, np.inf, form.amount),
        integer=integer,
    )
